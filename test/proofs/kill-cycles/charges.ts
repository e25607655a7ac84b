/**
 * What a ticket may be charged with, by what others say of its calls. Its own are what ended it: a judgement, or a refusal. A fault of the
 * provider's is charged only while the provider judges somebody else, since then it may be the ticket's; and two of them lie a minute apart.
 */
import { claimsIn, isFailedAttempt, type Claim } from "./claims.ts";
import type { Evidence, History } from "./evidence.ts";

export interface Charges {
  /** The most calls that a ticket can be charged with. */
  most(history: History): number;
  /** As many claims as can have been charged with a fault of the provider's, a minute apart, from the latest such claim back. */
  faults(history: History): readonly Claim[];
  /** Its last 429s in a row that came while others were judged. */
  limits(history: History): readonly Claim[];
}

const apartMs = 60_000;

/** Clocks that stand still during computation may lag behind by as much. */
const clockSlackMs = 20;

export function chargesIn(evidence: Evidence): Charges {
  const isServed = servedBeside(evidence);

  function faults(history: History): readonly Claim[] {
    const charged: Claim[] = [];
    for (const claim of claimsIn(history).filter(isFault).toReversed()) {
      const next = charged.at(-1)?.closedAtMs ?? Number.POSITIVE_INFINITY;
      if (next - claim.closedAtMs >= apartMs && isServed(claim)) charged.push(claim);
    }
    return charged;
  }

  return {
    faults,
    most: (history) => faults(history).length + claimsIn(history).filter(isItsOwn).length,
    limits(history) {
      const claims = claimsIn(history);
      const from = claims.findLastIndex(isFault) + 1;
      return claims.slice(from).filter((claim) => isLimit(claim) && isServed(claim));
    },
  };
}

/** Was somebody else judged between its call before and its end? A judgement that was read late counts from its arrival until it was told. */
function servedBeside({ calls, histories, answers, broken, ledger }: Evidence): (claim: Claim) => boolean {
  const ofTickets = histories
    .flatMap(claimsIn)
    .map(({ number, startedAtMs, closedAtMs }) => ({ number, fromMs: startedAtMs, toMs: closedAtMs }));
  const askers = Map.groupBy([...ofTickets, ...answers, ...broken, ...ledger], ({ number }) => number);
  const judgements = calls
    .filter(({ isJudgement }) => isJudgement)
    .map(({ number, receivedAtMs, endedAtMs }) => {
      const asked = (askers.get(number) ?? []).filter(
        ({ fromMs, toMs }) => fromMs <= receivedAtMs && receivedAtMs <= toMs,
      );
      return { number, cameAtMs: endedAtMs, toldAtMs: Math.max(endedAtMs, ...asked.map(({ toMs }) => toMs)) };
    });
  return ({ number, beforeMs, closedAtMs }) =>
    judgements.some(
      (one) =>
        one.number !== number &&
        one.cameAtMs <= closedAtMs + clockSlackMs &&
        beforeMs <= one.toldAtMs + clockSlackMs,
    );
}

function isFault(claim: Claim): boolean {
  return isFailedAttempt(claim) && isFaultName(reasonOf(claim));
}

export function isFaultName(reason: string | null): boolean {
  return reason === "connection" || reason === "timeout" || reason === "unavailable";
}

function isLimit(claim: Claim): boolean {
  return isFailedAttempt(claim) && reasonOf(claim) === "rate_limited";
}

/** Has it ended the ticket, or may it have? After its time a ticket expires, whatever came of the claim. */
function isItsOwn(claim: Claim): boolean {
  const { asProbe, closing } = claim;
  if (asProbe) return false;
  switch (closing?.kind) {
    case "completed":
    case "expired":
      return true;
    case "failed":
      return closing.reason !== "crashed" && !isFault(claim);
    default:
      return false;
  }
}

function reasonOf({ closing }: Claim): string | null {
  return closing?.kind === "returned" || closing?.kind === "failed" ? closing.reason : null;
}
