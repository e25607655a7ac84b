/** A ticket's claims, from its history: each is begun by one event and closed by the next. */
import type { TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import type { Call, History, Kill } from "./evidence.ts";

export interface Claim {
  readonly number: number;
  readonly queueId: string;
  /** The provider was asked, not the ticket. */
  readonly asProbe: boolean;
  readonly startedAtMs: number;
  /** When the claim before it was begun; of the first one, when the ticket was accepted. */
  readonly beforeMs: number;
  readonly closedAtMs: number;
  /** Why it is over; `null`: it never was. */
  readonly closing: TicketEvent | null;
}

export function claimsIn({ number, queueId, events }: History): Claim[] {
  let beforeMs = events[0]?.atMs ?? 0;
  return events.flatMap((event, index) => {
    if (event.kind !== "started") return [];
    const { asProbe, atMs: startedAtMs } = event;
    const closing = events[index + 1] ?? null;
    const closedAtMs = closing?.atMs ?? Number.POSITIVE_INFINITY;
    const claim = { number, queueId, asProbe, startedAtMs, beforeMs, closedAtMs, closing };
    beforeMs = startedAtMs;
    return [claim];
  });
}

/** Was the call made during it? */
export function isWithin({ receivedAtMs }: Pick<Call, "receivedAtMs">, claim: Claim): boolean {
  return claim.startedAtMs <= receivedAtMs && receivedAtMs <= claim.closedAtMs;
}

/** Can what the store says of it have come of this call? */
export function canComeOf(call: Call, claim: Claim): boolean {
  const { closing } = claim;
  if (closing === null || mayHaveDied(claim) || mayHaveTimedOut(claim)) return true;
  const isRefused = closing.kind === "failed" && closing.reason === "request_refused";
  return call.isJudgement === (closing.kind === "completed") && call.isRefusal === isRefused;
}

/** Did it end an attempt of the ticket's own, no probe, that brought no judgement? */
export function isFailedAttempt({ asProbe, closing }: Claim): boolean {
  if (asProbe) return false;
  return closing?.kind === "failed" || (closing?.kind === "returned" && closing.why === "attempt_failed");
}

/** Did a kill come while it was held? */
export function met({ startedAtMs, closedAtMs }: Claim, kills: readonly Kill[]): boolean {
  return kills.some(({ atMs, untilMs }) => startedAtMs < untilMs && atMs <= closedAtMs);
}

/** Does the store say that the process died with it, or not say how it was? After its time a ticket expires, whatever came of the claim. */
export function mayHaveDied({ closing }: Claim): boolean {
  switch (closing?.kind) {
    case "returned":
      return closing.why === "died";
    case "failed":
      return closing.reason === "crashed";
    case "expired":
      return true;
    default:
      return false;
  }
}

/** Did the process itself store what came of it? */
export function isSettled({ closing }: Claim): boolean {
  switch (closing?.kind) {
    case "returned":
      return closing.why !== "died";
    case "failed":
      return closing.reason !== "crashed";
    case "completed":
      return true;
    default:
      return false;
  }
}

/** Does the store say that its time ran out, or not say how it was? */
export function mayHaveTimedOut({ closing }: Claim): boolean {
  switch (closing?.kind) {
    case "returned":
    case "failed":
      return closing.reason === "timeout";
    case "expired":
      return true;
    default:
      return false;
  }
}
