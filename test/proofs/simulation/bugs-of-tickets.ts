/** Deliberate bugs in what a ticket may do, and in what is stored of it. */
import type { Ticket } from "../../../src/domain/ticket/ticket.ts";
import type { Admitted } from "../../../src/domain/gate/view.ts";
import type { AwayGate } from "../../../src/engine/ticket-parts.ts";
import type { Bug } from "./bug.ts";
import { withMoves, withTicketKeeper, withTickets } from "./bug.ts";
import { realParts } from "./seams.ts";

export const ticketBugs: readonly Bug[] = [
  withTickets("a 202 leaves before the ticket is stored", ({ create }) => ({
    create(draft) {
      void create(draft).catch(() => {});
      const nowMs = 0;
      const { spent, texts, lastFailure, delayMs } = draft;
      const about = { ...draft.about, acceptedAtMs: nowMs, expiresAtMs: nowMs };
      const policy = { ttlMs: 1, maxAttempts: 1, leaseMs: 1, retentionMs: 1, recoveryMs: 1 };
      const { ticket } = realParts.moves.acceptTicket(
        about,
        texts,
        spent,
        lastFailure,
        delayMs,
        nowMs,
        policy,
      );
      return Promise.resolve({ kind: "kept", ticket, estimate: null });
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
    name: "a cancelled ticket gives its place away while it is called for",
    plant: () => ({
      ...realParts,
      noticeOf(ticket) {
        const { state } = ticket;
        return realParts.noticeOf(
          state.status === "cancelled" ? { ...ticket, state: { ...state, claim: null } } : ticket,
        );
      },
    }),
  },
  withMoves("a late verdict stands, though its ticket was cancelled", ({ settle }) => ({
    settle(ticket, ...rest) {
      const { state } = ticket;
      if (state.status !== "cancelled" || state.claim === null) return settle(ticket, ...rest);
      const texts = { systemPrompt: "", userPrompt: "", essayA: "", essayB: "" };
      const { claim } = state;
      return settle({ ...ticket, state: { status: "processing", texts, lastFailure: null, claim } }, ...rest);
    },
  })),
  withMoves("a cancelled ticket keeps its place when whoever called for it has died", ({ elapse }) => ({
    elapse: (ticket, ...rest) =>
      ticket.state.status === "cancelled" ? { ticket, events: [], reply: null } : elapse(ticket, ...rest),
  })),
  {
    name: "an index that can't be reached is not told again",
    plant: () => ({
      ...realParts,
      listeners: (listeners) =>
        listeners.map((listener) => ({
          ...listener,
          tell: (ticket: Ticket) => listener.tell(ticket).catch(() => {}),
        })),
    }),
  },
  {
    name: "a list does not ask the gates",
    plant: () => ({
      ...realParts,
      listFromIndex: (sources, query) =>
        realParts.listFromIndex({ ...sources, ticketsOf: async () => [] }, query),
    }),
  },
  withTicketKeeper("a gate is not told that the index has not heard of what has ended", ({ gate }) => ({
    gate:
      gate.kind === "here"
        ? gate
        : {
            ...gate,
            tell: (ticket: Ticket, notice: Parameters<AwayGate["tell"]>[1], atMs: number) =>
              gate.tell(ticket, notice, atMs, false),
          },
  })),
  withTicketKeeper("a notice that the gate has not answered is not repeated", ({ gate }) => ({
    gate:
      gate.kind === "here"
        ? gate
        : { ...gate, tell: (...told: Parameters<AwayGate["tell"]>) => gate.tell(...told).catch(() => {}) },
  })),
  withTicketKeeper("a withdrawal is told once, heard or not", ({ gate }) => ({
    gate:
      gate.kind === "here" ? gate : { ...gate, withdraw: (asked) => gate.withdraw(asked).catch(() => {}) },
  })),
  withTicketKeeper("a full queue's no is taken for a yes", ({ gate }) => ({
    gate:
      gate.kind === "here"
        ? gate
        : {
            ...gate,
            async admit(...asked: Parameters<AwayGate["admit"]>): Promise<Admitted> {
              const admitted = await gate.admit(...asked);
              return admitted.kind === "full" ? { kind: "admitted", estimate: null } : admitted;
            },
          },
  })),
  withTicketKeeper("what another life has asked is not withdrawn", ({ gate }) => {
    if (gate.kind === "here") return {};
    const { asked } = gate;
    let mine: ReturnType<typeof asked.read> = null;
    return {
      gate: {
        ...gate,
        asked: {
          read: () => (mine === null ? null : asked.read()),
          write(question) {
            mine = question;
            asked.write(question);
          },
        },
      },
    };
  }),
  withTicketKeeper("an alarm that has rung is not set again", ({ setAlarm }, isRinging) => ({
    setAlarm(atMs) {
      if (!isRinging()) setAlarm(atMs);
    },
  })),
  withTicketKeeper("a silence is never broken", ({ row }, isRinging) => ({
    row: {
      ...row,
      change: (work) =>
        row.change((open) =>
          work({
            ...open,
            write(ticket, events) {
              const speaksUp = isRinging() && events.length === 0 && ticket.progress.gateHeard === 0;
              if (!speaksUp) open.write(ticket, events);
            },
          }),
        ),
    },
  })),
  {
    name: "whoever has missed the answer to his claim asks no more",
    plant: () => ({
      ...realParts,
      claims({ clock, ...parts }) {
        let looks = 0;
        return {
          ...parts,
          clock: { ...clock, monotonicMs: () => clock.monotonicMs() + looks++ * 3_600_000 },
        };
      },
    }),
  },
];
