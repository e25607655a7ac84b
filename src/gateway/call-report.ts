/** What a call tells the gate of its provider, and what the gate's answer makes of the call's failure. */
import type { Failure } from "../domain/failure.ts";
import { findingOf, type CallFacts, type Others, type CallReport } from "../domain/gate/call-report.ts";
import { comparisonKey, type Ticket } from "../domain/ticket/ticket.ts";
import type { GateKeys } from "./gate-keys.ts";

type WhatToReport = Pick<CallReport, "finding" | "reason" | "unlessServed">;

/**
 * @param failure `null`: the call brought a judgement
 * @param model the one that was asked for
 * @param patienceMs how long the caller can wait before it calls once more itself; 0: it won't call again
 */
export function reportOf(failure: Failure | null, model: string, patienceMs: number): WhatToReport {
  const finding = findingOf(failure, model, patienceMs);
  if (failure === null) return { finding };
  const isDoubtful = failure.reason === "request_refused" && failure.unlessServed !== undefined;
  return { finding, reason: failure.reason, ...(isDoubtful ? { unlessServed: true } : {}) };
}

/** What a failed call is where only a sentence of the vendor's blames the request: that counts if somebody else of the model was served. */
export function asServed(failure: Failure, others: Others | null): Failure {
  if (failure.reason !== "request_refused" || failure.unlessServed === undefined) return failure;
  return others?.served === true ? failure : failure.unlessServed;
}

/** @param agoMs since this call began */
export function factsOfTicketCall({ about, progress }: Ticket, keys: GateKeys, agoMs: number): CallFacts {
  const { calledAtMs, calledBeforeMs, unreadableAtMs, thrownAtMs } = progress;
  // Spans by the store's clock up to the claim, and by this process' since.
  const since = (atMs: number | undefined) =>
    atMs === undefined || calledAtMs === undefined ? null : Math.max(0, calledAtMs - atMs) + agoMs;
  return {
    comparison: comparisonKey(about.promptSha256),
    ...keys,
    beganAgoMs: agoMs,
    beforeAgoMs: since(calledBeforeMs) ?? agoMs,
    ticket: { unreadableAgoMs: since(unreadableAtMs), thrownAgoMs: since(thrownAtMs) },
  };
}

/** What is reported where no call was made, or where what came of the call says nothing of the provider. */
export const noReport = { finding: { kind: "nothing" }, durationMs: null } as const satisfies Pick<
  CallReport,
  "finding" | "durationMs"
>;
