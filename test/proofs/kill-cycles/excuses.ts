/**
 * What became of an answer that a client or a ticket did not get. It may be lost only between its arrival and the commit that stores it. How
 * long that is depends on the disk, so no rule here is in milliseconds: it is over as soon as a later call was begun, answered and stored.
 */
import { claimsIn, isSettled, isWithin, mayHaveDied, mayHaveTimedOut, type Claim } from "./claims.ts";
import type { Broken, Call, Evidence, Kill } from "./evidence.ts";
import type { Terms } from "./rules.ts";
import { waitedIn } from "./starvation.ts";

/**
 * `kill`: the process died with it. `standstill`: the attempt's time was over when the process, which had stood still, came to read the
 * answer. `expiry`: the ticket's time was over when its refusal was to be stored, so that it has expired by it. `null`: there is no excuse.
 */
export type Excuse =
  | { readonly kind: "kill"; readonly kill: Kill }
  | { readonly kind: "standstill" | "expiry"; readonly atMs: number }
  | null;

export type Limits = Pick<Terms, "timeoutMs" | "settleMs">;

export function excuses(evidence: Evidence, { timeoutMs, settleMs }: Limits): (call: Call) => Excuse {
  const { kills, histories, ledger, answers } = evidence;
  const claims = histories.flatMap(claimsIn);
  const waited = waitedIn(evidence.cpu);
  const claimsOf = Map.groupBy(claims, ({ number }) => number);
  const brokenOf = Map.groupBy(evidence.broken, ({ number }) => number);
  const answeredOf = Map.groupBy([...ledger, ...answers], ({ number }) => number);
  const historyOf = new Map(histories.map((history) => [history.number, history]));
  const processes = new Set(evidence.calls.map(({ process }) => process));
  const onlyProcess = processes.size === 1 ? ([...processes][0] ?? null) : null;
  const callsOf = Map.groupBy(evidence.calls, ({ number }) => number);
  /** Each process' own: what one has stored says nothing of another. */
  const settledBy = Map.groupBy(claims.filter(isSettled), callerOf);

  return (call) => {
    const around = (claimsOf.get(call.number) ?? []).find((claim) => isWithin(call, claim));
    if (around !== undefined) return ofTicket(call, around);
    const request = (brokenOf.get(call.number) ?? []).find((one) => isDuring(call, one));
    if (request !== undefined) return diedWith(call, request.toMs);
    // A live request that ran out of time becomes a ticket: the one that was under way when that was accepted, whatever it was told.
    const acceptedAtMs = historyOf.get(call.number)?.events[0]?.atMs ?? 0;
    const accepted = (answeredOf.get(call.number) ?? []).find(
      ({ fromMs, toMs }) => fromMs <= acceptedAtMs && acceptedAtMs <= toMs,
    );
    const timeMs = (accepted?.fromMs ?? Number.POSITIVE_INFINITY) + timeoutMs;
    return timeMs <= acceptedAtMs && stoodStill(call, timeMs) ? { kind: "standstill", atMs: timeMs } : null;
  };

  function ofTicket(call: Call, claim: Claim): Excuse {
    const death = mayHaveDied(claim) ? diedWith(call, claim.closedAtMs) : null;
    if (death !== null) return death;
    if (call.isRefusal && claim.closing?.kind === "expired" && stoodStill(call, claim.closedAtMs))
      return { kind: "expiry", atMs: claim.closedAtMs };
    const timeMs = claim.startedAtMs + timeoutMs;
    const isTimeOver = mayHaveTimedOut(claim) && timeMs <= claim.closedAtMs;
    return isTimeOver && stoodStill(call, timeMs) ? { kind: "standstill", atMs: timeMs } : null;
  }

  /** @param untilMs the end of what the call was made for */
  function diedWith(call: Call, untilMs: number): Excuse {
    const kill = kills.find(
      (one) => one.process === call.process && call.receivedAtMs < one.untilMs && one.atMs <= untilMs,
    );
    return kill !== undefined && isTooFresh(call, kill) ? { kind: "kill", kill } : null;
  }

  /** A call that brought neither judgement nor refusal leaves nothing to store but its count. */
  function isTooFresh(call: Call, { atMs }: Kill): boolean {
    return !(call.isJudgement || call.isRefusal) || stoodStill(call, atMs);
  }

  /** Was nothing begun after the answer, and yet stored before this moment? */
  function stoodStill({ process, endedAtMs }: Call, untilMs: number): boolean {
    const settled = settledBy.get(process) ?? [];
    return !settled.some(
      ({ startedAtMs, closedAtMs }) =>
        closedAtMs < untilMs && endedAtMs + settledInMs(process, endedAtMs, startedAtMs) < startedAtMs,
    );
  }

  /** What the service waits for a store it counts in its own time: what it waited for a CPU comes on top. */
  function settledInMs(process: number, fromMs: number, toMs: number): number {
    return settleMs === 0 ? 0 : settleMs + waited(process, fromMs, toMs);
  }

  /** `null`: any of several, for nobody was called. */
  function callerOf(claim: Claim): number | null {
    const call = (callsOf.get(claim.number) ?? []).find((one) => isWithin(one, claim));
    return call?.process ?? onlyProcess;
  }
}

function isDuring({ receivedAtMs }: Call, { fromMs, toMs }: Broken): boolean {
  return fromMs <= receivedAtMs && receivedAtMs <= toMs;
}
