/** Looks at every call that a vendor sees, and at what the gate is told of it. */
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { Place } from "../../../src/domain/gate/places.ts";
import type { StartingGate } from "../../../src/engine/claims.ts";
import type { Gate } from "../../../src/gateway/ports.ts";
import { meaningOf } from "./meanings.ts";
import type { ReportWatch } from "./watch-reports.ts";
import type { CallWatch } from "./vendor.ts";
import { walks, type Call, type Leave, type Sent, type Walk } from "./walk.ts";
import type { SeenTickets } from "./watch-tickets.ts";
import type { World } from "./world.ts";

export interface Calls extends CallWatch {
  /** The call that brought this judgement; found by its justification, for no two are alike. */
  whose(provider: string, justification: string): Call | undefined;
  /** Of one provider, now. */
  underWay(provider: string): number;
  /** Who has, or had, this claim. */
  holderOf(ticketId: string, fence: number): Walk | undefined;
  holds(walk: Walk, ticketId: string, fence: number): void;
}

/** @param placeOf at a ticket's gate; where several share a store, their places are watched elsewhere */
export function watchCalls(
  world: World,
  tickets: SeenTickets,
  placeOf?: (provider: ProviderName, ticketId: string) => Place | undefined,
): Calls {
  const calls = new Map<string, Call>();
  const holders = new Map<string, Walk>();

  function began(call: Call): void {
    const { walk, sent } = call;
    const about = walk.ticketId ?? walk.name;
    calls.set(`${sent.provider} ${call.number}`, call);
    world.note(`vendor ${sent.provider}`, `call ${call.number} of ${walk.name.slice(0, 12)}`);
    const { leave } = walk;
    if (leave === null) return world.violate("8 breaker", "a call without leave", about);
    const earlier = walk.calls.slice(leave.callsBefore);
    const last = earlier.at(-1);
    if (earlier.length > 1 || (last !== undefined && !isUnreadable(last)))
      world.violate("5 attempts", `call ${earlier.length + 1} with one leave`, about);
    if (walk.kind === "work" && walk.claim === null)
      world.violate("3 one holder", "a call without a claim", about);
    const expected = walk.kind === "work" ? (tickets.known(walk.name)?.expected ?? null) : walk.expected;
    const difference = expected === null ? "its origin" : differenceOf(expected, sent);
    if (difference !== null) world.violate("7 as accepted", `${difference} is not as accepted`, about);
    walk.calls.push(call);
    checkRoom(sent.provider, about);
  }

  /** Where nothing is disturbed, no more tickets are called for at once than there are permits. */
  function checkRoom(provider: string, about: string): void {
    if (!world.plan.isCalm) return;
    const { concurrency } = world.plan.limits;
    const forTickets = [...calls.values()].filter(
      (call) => call.sent.provider === provider && call.walk.kind === "work" && isUnderWay(call),
    ).length;
    if (forTickets > concurrency)
      world.violate("9 places", `${forTickets} calls for tickets, and ${concurrency} permits`, about);
  }

  /** Where nothing is disturbed, a call has its place and its permit until it is over, whatever becomes of the ticket. */
  function checkPlace({ walk, sent }: Call): void {
    if (!world.plan.isCalm || placeOf === undefined || walk.kind !== "work" || walk.leave === null) return;
    const place = placeOf(sent.provider, walk.name);
    if (place?.standing.state !== "running" || place.standing.permit !== walk.leave.permit)
      world.violate("9 places", `${place?.standing.state ?? "no place"} while it is called for`, walk.name);
  }

  return {
    began,
    ended(call) {
      checkPlace(call);
      const { outcome } = call.reply ?? {};
      const failure = outcome?.ok === false ? outcome.error.reason : null;
      const told = call.verdict?.winner ?? failure ?? (call.hasThrown ? "throws" : "no judgement");
      world.note(`vendor ${call.sent.provider}`, `call ${call.number}: ${told}`);
    },
    whose: (provider, justification) =>
      calls.get(`${provider} ${/^Call \w+ (\d+):/.exec(justification)?.[1] ?? "?"}`),
    underWay: (provider) =>
      [...calls.values()].filter((call) => call.sent.provider === provider && isUnderWay(call)).length,
    holderOf: (ticketId, fence) => holders.get(`${ticketId} ${fence}`),
    holds: (walk, ticketId, fence) => void holders.set(`${ticketId} ${fence}`, walk),
  };
}

function isUnderWay({ reply, hasThrown }: Call): boolean {
  return reply === null && !hasThrown;
}

/** The gate as the gateway sees it, its leaves and reports held against the calls that were made. */
export function watchedGate(world: World, provider: ProviderName, gate: Gate, reports: ReportWatch): Gate {
  return {
    ...gate,
    async enter(permit, whose) {
      const walk = walks.getStore();
      const admission = await gate.enter(permit, whose);
      if (walk && admission.kind === "call")
        leave(walk, { permit, isTurn: admission.probe !== null, isEarly: false });
      return admission;
    },
    async report(callReport) {
      const walk = walks.getStore();
      if (walk) {
        const wrong = walk.leave === null ? null : reports.wrongIn(walk, callReport);
        if (wrong !== null)
          world.violate(wrong.promise, `${provider} is told ${wrong.sentence}`, walk.ticketId ?? walk.name);
        walk.leave = null;
        walk.others = null;
      }
      const others = await gate.report(callReport);
      if (walk) walk.others = others;
      return others;
    },
  };
}

/** A gate's verb that gives a ticket its turn, likewise. */
export function watchedStart(start: StartingGate["start"]): StartingGate["start"] {
  return async (item, starter) => {
    const walk = walks.getStore();
    const started = await start(item, starter);
    if (walk && started.kind === "call") {
      const { asProbe: isTurn, early: isEarly = false } = started;
      leave(walk, { permit: starter.permit, isTurn, isEarly });
    }
    return started;
  };
}

function leave(walk: Walk, given: Omit<Leave, "callsBefore">): void {
  walk.leave = { ...given, callsBefore: walk.calls.length };
  walk.permits.push(given.permit);
}

/** Answered, but not with a judgement: the one reason to ask once more. */
function isUnreadable(call: Call): boolean {
  const { reply } = call;
  if (reply === null) return false;
  return reply.outcome.ok ? meaningOf(call) === "answered" : reply.outcome.error.reason === "unreadable";
}

function differenceOf(expected: Sent, sent: Sent): string | null {
  const fields = ["provider", "model", "system", "user", "maxTokens", "promptSha256", "frame"] as const;
  return fields.find((field) => expected[field] !== sent[field]) ?? null;
}
