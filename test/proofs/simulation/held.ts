/** What stops a model, or the account, as it is followed from outside: values, so that a gate that forgets can be followed back. */
import type { GateState } from "../../../src/domain/gate/gate.ts";
import type { PauseReason } from "../../../src/domain/gate/pauses.ts";

export interface PausedModel {
  readonly why: PauseReason;
  readonly untilMs: number;
  /** Times in a row that it was held so. */
  readonly again: number;
  /** Who caused it; `null`: not known. */
  readonly by: { readonly tenant: string; readonly comparison: string } | null;
  /** So many calls of others must fail before theirs are held too; `null`: they are. */
  readonly spares: number | null;
  /** Answers since it ended; `null`: none yet. */
  readonly answers: number | null;
  /** Nobody has called since it ended. */
  readonly isFresh: boolean;
  /** Until then a ticket asks; absent: none has yet. */
  readonly askedUntilMs?: number;
  /** The contract leaves open whether it is held: the gate is followed. */
  readonly isUnsure?: boolean;
}

export interface HeldAccount {
  readonly sinceMs: number;
  readonly askFromMs: number;
  readonly refusals: number;
}

export interface HoldsKnown {
  readonly models: ReadonlyMap<string, PausedModel>;
  readonly account: HeldAccount | null;
}

export const nothingHeld: HoldsKnown = { models: new Map(), account: null };

/** The longest hold; and a hold that nobody has asked about for as long is forgotten. */
export const longestMs = 900_000;

export function isAsked({ why, answers }: PausedModel): boolean {
  return (why === "refused" || why === "no_judgements") && answers === null;
}

/** `undefined`: it is not held, nor has a ramp. */
export function holdIn(models: HoldsKnown["models"], model: string, nowMs: number): PausedModel | undefined {
  const hold = models.get(model);
  return hold === undefined || isForgotten(hold, nowMs) ? undefined : hold;
}

/** Nobody has asked for it for so long that it is as if it had never been held. */
function isForgotten(hold: PausedModel, nowMs: number): boolean {
  return nowMs >= Math.max(hold.untilMs + longestMs, hold.askedUntilMs ?? 0);
}

export function isHeld(hold: PausedModel | undefined, nowMs: number): boolean {
  if (hold === undefined || isForgotten(hold, nowMs)) return false;
  return isAsked(hold) || nowMs < hold.untilMs;
}

/** "What one tenant's requests cause holds only those requests", until another's fail too. */
export function sparesTenant({ spares, by }: PausedModel, tenant: string): boolean {
  return spares !== null && by !== null && tenant !== "" && tenant !== by.tenant;
}

/** A limit keeps all tickets back. */
export function sparesTicket(hold: PausedModel, tenant: string): boolean {
  return hold.why !== "rate_limit" && sparesTenant(hold, tenant);
}

export function sparesLess(hold: PausedModel): PausedModel {
  return { ...hold, spares: hold.spares === null || hold.spares <= 1 ? null : hold.spares - 1 };
}

/** Live calls are stopped by a limit and by faults; with a refusal they go out, and fail. */
export function stopsCalls(hold: PausedModel | undefined, tenant: string, nowMs: number): boolean {
  if (hold === undefined || sparesTenant(hold, tenant)) return false;
  return nowMs < hold.untilMs && (hold.why === "rate_limit" || hold.why === "faults");
}

/** "A ramp of that model alone begins": 1, 3, 9 tickets in flight. */
export function allowedBy(hold: PausedModel | undefined, nowMs: number): number {
  if (hold === undefined || isForgotten(hold, nowMs)) return Infinity;
  const answers = hold.answers ?? 0;
  return answers < 1 ? 1 : answers < 4 ? 3 : answers < 13 ? 9 : Infinity;
}

/** After a start: what is asked may be asked at once. */
export function afterStart({ models, account }: HoldsKnown, nowMs: number): HoldsKnown {
  return {
    account: account && { ...account, askFromMs: Math.min(account.askFromMs, nowMs) },
    models: new Map(
      [...models].map(([model, hold]) => [
        model,
        isAsked(hold) ? { ...hold, untilMs: Math.min(hold.untilMs, nowMs) } : hold,
      ]),
    ),
  };
}

/** An operator has all that is waited for asked now. */
export function afterAskNow({ models, account }: HoldsKnown, nowMs: number): HoldsKnown {
  return {
    account: account && { ...account, askFromMs: Math.min(account.askFromMs, nowMs) },
    models: new Map(
      [...models].map(([model, hold]) => [
        model,
        isHeld(hold, nowMs) ? { ...hold, untilMs: Math.min(hold.untilMs, nowMs) } : hold,
      ]),
    ),
  };
}

/** Somebody calls: the next is not the first after its hold any more. */
export function afterSent(known: HoldsKnown, model: string, nowMs: number): HoldsKnown {
  const hold = holdIn(known.models, model, nowMs);
  if (hold === undefined || !hold.isFresh || (isHeld(hold, nowMs) && !isAsked(hold))) return known;
  return { ...known, models: put(known.models, model, { ...hold, isFresh: isAsked(hold) }) };
}

/** Whose tickets ask now: that is the gate's to say. */
export function withAskers({ models, account }: HoldsKnown, { holds }: GateState): HoldsKnown {
  const asked = holds.filter(
    ({ model, asker = null }) => (models.get(model)?.askedUntilMs ?? 0) !== (asker?.endsAtMs ?? 0),
  );
  if (asked.length === 0) return { models, account };
  const next = new Map(models);
  for (const { model, asker } of asked) {
    const hold = models.get(model);
    if (hold !== undefined) next.set(model, { ...hold, askedUntilMs: asker?.endsAtMs ?? 0 });
  }
  return { models: next, account };
}

export function put(models: HoldsKnown["models"], model: string, hold: PausedModel): HoldsKnown["models"] {
  return new Map(models).set(model, hold);
}
