/** Deliberate bugs, each one that somebody has really shipped somewhere: the seeds that CI runs must find every one. */
import { memoryPlaces } from "../../src/stores/memory-places.ts";
import type { Bug } from "./bug.ts";
import { withGate, withGateway, withKeeper, withKeys, withMoves, withTickets, withVendor } from "./bug.ts";
import { realParts } from "./seams.ts";

export const bugs: readonly Bug[] = [
  withTickets("a 202 leaves before the ticket is stored", ({ create }) => ({
    create(draft) {
      void create(draft).catch(() => {});
      const nowMs = 0;
      const { spent, texts, lastFailure, notBeforeMs } = draft;
      const about = { ...draft.about, acceptedAtMs: nowMs, expiresAtMs: nowMs };
      const policy = { ttlMs: 1, maxAttempts: 1, leaseMs: 1, retentionMs: 1 };
      return Promise.resolve(
        realParts.moves.acceptTicket(about, texts, spent, lastFailure, notBeforeMs, nowMs, policy).ticket,
      );
    },
  })),
  withMoves("a settle's token is not looked at", ({ settle }) => ({
    settle: (ticket, _fence, ...rest) => settle(ticket, ticket.progress.fence, ...rest),
  })),
  withMoves("a claim is given whoever has it", ({ claim }) => ({
    claim(ticket, permit, ...rest) {
      const { state } = ticket;
      const isAnothers = state.status === "processing" && state.claim.permit !== permit;
      if (!isAnothers) return claim(ticket, permit, ...rest);
      const queued = { status: "queued", texts: state.texts, notBeforeMs: 0, lastFailure: null } as const;
      return claim({ ...ticket, state: queued }, permit, ...rest);
    },
  })),
  withMoves("a lease never ends", ({ claim }) => ({
    claim: (ticket, permit, asProbe, nowMs, policy) =>
      claim(ticket, permit, asProbe, nowMs, { ...policy, leaseMs: 1e12 }),
  })),
  withMoves("a probe that fails costs an attempt", ({ claim }) => ({
    claim: (ticket, permit, _asProbe, ...rest) => claim(ticket, permit, false, ...rest),
  })),
  withMoves("attempts are not counted", ({ settle }) => ({
    settle(ticket, ...rest) {
      const moved = settle(ticket, ...rest);
      const { attempts } = ticket.progress;
      return { ...moved, ticket: { ...moved.ticket, progress: { ...moved.ticket.progress, attempts } } };
    },
  })),
  withMoves("an end is told twice", ({ settle }) => ({
    settle(...given) {
      const moved = settle(...given);
      const last = moved.events.at(-1);
      return last?.kind === "completed" ? { ...moved, events: [...moved.events, last] } : moved;
    },
  })),
  withMoves("a ticket under a live claim expires", ({ elapse, settle }) => ({
    elapse(ticket, nowMs, policy) {
      const { state, about } = ticket;
      if (state.status !== "processing" || nowMs < about.expiresAtMs) return elapse(ticket, nowMs, policy);
      const { fence } = ticket.progress;
      const failure = { reason: "timeout" } as const;
      const outcome = { kind: "failed", failure, spent: { calls: 1, costUsd: null } } as const;
      return { ...settle(ticket, fence, outcome, nowMs, policy, 0), reply: null };
    },
  })),
  {
    name: "a ticket expires only when somebody looks",
    plant: () => ({
      ...realParts,
      ticketDueMs: (ticket) => (ticket.state.status === "queued" ? Infinity : realParts.ticketDueMs(ticket)),
    }),
  },
  {
    name: "the texts of an ended ticket stay",
    plant() {
      const texts = new Map<string, unknown>();
      return {
        ...realParts,
        written(ticket) {
          if ("texts" in ticket.state) texts.set(ticket.about.id, ticket.state.texts);
          return "texts" in ticket.state
            ? ticket
            : { ...ticket, state: { ...ticket.state, texts: texts.get(ticket.about.id) } };
        },
      };
    },
  },
  {
    name: "the gate is not told of a new ticket, nor later",
    plant: () => ({ ...realParts, errandOf: withoutErrand("confirm") }),
  },
  {
    name: "the gate is not told that a call is over",
    plant: () => ({ ...realParts, errandOf: withoutErrand("park") }),
  },
  {
    name: "a place is not given back",
    plant: () => ({ ...realParts, errandOf: withoutErrand("release") }),
  },
  {
    name: "dispatch forgets crash suspects",
    plant: () => ({
      ...realParts,
      memoryPlaces() {
        const places = memoryPlaces();
        return { ...places, ready: (query) => (query.suspect ? [] : places.ready(query)) };
      },
    }),
  },
  {
    name: "a ticket that was sent and lost is not sent again",
    plant: () => ({
      ...realParts,
      memoryPlaces() {
        const places = memoryPlaces();
        return {
          ...places,
          lapsed: (nowMs, limit) =>
            places.lapsed(nowMs, limit).filter(({ standing }) => standing.state !== "dispatched"),
        };
      },
    }),
  },
  {
    name: "tickets go in the order of their age alone",
    plant: () => ({
      ...realParts,
      memoryPlaces() {
        const places = memoryPlaces();
        return {
          ...places,
          ready: (query) =>
            places
              .ready({ ...query, limit: 1_000 })
              .toSorted((a, b) => a.acceptedAtMs - b.acceptedAtMs)
              .slice(0, query.limit),
        };
      },
    }),
  },
  withKeeper("the gate's alarm is never set", () => ({ wakeAtMs: () => null })),
  withKeeper("a worker may always call", (keeper) => ({
    start(seat, starter) {
      const start = keeper.start(seat, starter);
      return start.kind === "call"
        ? start
        : { kind: "call", epoch: 0, asProbe: false, leaseEndsAtMs: Infinity };
    },
  })),
  withKeeper("anybody may probe", (keeper) => ({
    enter(...given) {
      const entered = keeper.enter(...given);
      const { admission, snapshot } = entered;
      const isProbe = snapshot.state === "half_open" && admission.kind === "wait";
      return isProbe
        ? { snapshot, admission: { kind: "call", epoch: snapshot.epoch, probe: null } }
        : entered;
    },
  })),
  {
    name: "the low watermark is not waited for",
    plant: () => ({
      ...realParts,
      createGateKeeper: (parts) =>
        realParts.createGateKeeper({
          ...parts,
          limits: { ...parts.limits, lowWatermark: parts.limits.highWatermark },
        }),
    }),
  },
  {
    name: "a hold of a place never lapses",
    plant: () => ({
      ...realParts,
      memoryPlaces() {
        const places = memoryPlaces();
        return {
          ...places,
          lapsed: (nowMs, limit) =>
            places.lapsed(nowMs, limit).filter(({ standing }) => standing.state !== "held"),
        };
      },
    }),
  },
  withGate("a 429 counts as the provider's fault", ({ report }) => ({
    report: (outcome) =>
      report(outcome.finding.kind === "rate_limited" ? { ...outcome, finding: { kind: "fault" } } : outcome),
  })),
  withGate("a call that was not made is good news", ({ report }) => ({
    report: (outcome) =>
      report(outcome.durationMs === null ? { ...outcome, finding: { kind: "healthy" } } : outcome),
  })),
  withGate("faults are not reported", ({ report }) => ({
    report: (outcome) =>
      report(outcome.finding.kind === "fault" ? { ...outcome, finding: { kind: "nothing" } } : outcome),
  })),
  {
    name: "a snapshot is used for as long as it is there",
    plant: () => ({
      ...realParts,
      createGateFront: (parts) =>
        realParts.createGateFront({
          ...parts,
          remote: {
            ...parts.remote,
            exchange: async (...given) => ({ ...(await parts.remote.exchange(...given)), usableForMs: 1e12 }),
          },
        }),
    }),
  },
  withVendor("an answer is kept for the next one who asks the same", ({ judge }) => {
    const answers = new Map<string, Awaited<ReturnType<typeof judge>>>();
    return {
      async judge(request, signal) {
        const known = answers.get(request.promptSha256);
        const reply = known ?? (await judge(request, signal));
        if (reply.outcome.ok) answers.set(request.promptSha256, reply);
        return reply;
      },
    };
  }),
  withVendor("another judge is asked when the first one fails", ({ judge }) => ({
    judge: (request, signal) =>
      judge(request.attempt > 1 ? { ...request, model: `${request.model}-mini` } : request, signal),
  })),
  withVendor("what can't be read is Essay A", ({ judge }) => ({
    async judge(request, signal) {
      const reply = await judge(request, signal);
      if (!reply.outcome.ok || reply.outcome.value.text.includes("Call ")) return reply;
      const text = '{"justification":"It is better.","winner":"Essay A","confidence":3}';
      return { ...reply, outcome: { ok: true, value: { ...reply.outcome.value, text } } };
    },
  })),
  withKeys("a key is free again after it succeeded", ({ end }) => ({
    end: (name, fence) => end(name, fence, { kind: "freed" }),
  })),
  withKeys("a key's lease ends before its request", ({ begin }) => ({
    begin: (name, sha, queueId) => begin(name, sha, queueId, 100),
  })),
  withKeys("a key's ticket has a new id each time", ({ begin }) => ({
    async begin(...given) {
      const begun = await begin(...given);
      return begun.kind === "begun" ? { ...begun, queueId: given[2] } : begun;
    },
  })),
  {
    name: "a ticket is shown to whoever has its id",
    plant: () => ({
      ...realParts,
      createGateway: (ports, policy) => ({
        ...realParts.createGateway(ports, policy),
        find: (id) => ports.tickets.load(id),
      }),
    }),
  },
  withGateway("a ticket's call takes today's default model", ({ tickets, providers }) => {
    const [newest] = providers.values();
    return {
      tickets: {
        ...tickets,
        async claim(...given) {
          const claim = await tickets.claim(...given);
          if (claim === null || newest === undefined) return claim;
          const { ticket } = claim;
          return { ...claim, ticket: { ...ticket, about: { ...ticket.about, model: `${newest.name}-1` } } };
        },
      },
    };
  }),
];

/** That errand is taken for told. */
function withoutErrand(kind: "confirm" | "park" | "release"): typeof realParts.errandOf {
  return (ticket) => {
    const errand = realParts.errandOf(ticket);
    return errand?.kind === kind ? null : errand;
  };
}
