/** What stops calls besides the breaker: models that asked to be left alone, and credentials that were refused. */
import { longestHoldMs, type Refusal } from "./outcome.ts";
import { leasedTurn, type Lease, type Turn } from "./turn.ts";

/** A model that answered 429: its calls and tickets wait; the provider's other models don't. */
export interface ModelHold {
  readonly model: string;
  readonly untilMs: number;
}

/** More models than this are hardly called at once; beyond it the hold that ends first is dropped. */
const mostHolds = 64;

/** Adds a hold, or makes one longer; none ends later than 15 minutes from now. Drops those that are over. */
export function holdModel(
  holds: readonly ModelHold[],
  model: string,
  holdMs: number,
  nowMs: number,
): readonly ModelHold[] {
  const untilMs = nowMs + Math.min(holdMs, longestHoldMs);
  const others = liveHolds(holds, nowMs).filter((hold) => hold.model !== model);
  const held = heldUntilMs(holds, model, nowMs) ?? 0;
  return [...others, { model, untilMs: Math.max(untilMs, held) }]
    .toSorted((a, b) => b.untilMs - a.untilMs)
    .slice(0, mostHolds);
}

/** @returns until when the model's calls wait; `null`: they don't */
export function heldUntilMs(holds: readonly ModelHold[], model: string, nowMs: number): number | null {
  const hold = holds.find((hold) => hold.model === model);
  return hold !== undefined && nowMs < hold.untilMs ? hold.untilMs : null;
}

export function liveHolds(holds: readonly ModelHold[], nowMs: number): readonly ModelHold[] {
  return holds.filter((hold) => nowMs < hold.untilMs);
}

/**
 * Our key was refused, or our credit is gone: the queue stands, but for one ticket that asks again from time to time. Live calls go on and
 * fail at once; one that is answered lifts the hold.
 */
export interface CredentialsHold {
  /** What the latest refusal that counted was about. */
  readonly why: Refusal;
  /** From here on one ticket may ask. */
  readonly askFromMs: number;
  /** The ticket that asks now. */
  readonly asker: Lease | null;
  /** Times that an asker was refused. */
  readonly refusals: number;
}

export function credentialsTurn(hold: CredentialsHold | null, nowMs: number): Turn {
  if (hold === null) return { kind: "free" };
  return nowMs < hold.askFromMs ? { kind: "wait", untilMs: hold.askFromMs } : leasedTurn(hold.asker, nowMs);
}

/** A refusal begins the hold; only the asker's own makes it longer, so many live calls that are refused don't. */
export function refuseCredentials(
  hold: CredentialsHold | null,
  permit: string | null,
  why: Refusal,
  nowMs: number,
  recoveryMs: number,
): CredentialsHold {
  if (hold === null) return { why, askFromMs: nowMs + recoveryMs, asker: null, refusals: 0 };
  if (!isAsker(hold, permit)) return hold;
  const refusals = hold.refusals + 1;
  const waitMs = Math.min(recoveryMs * 2 ** refusals, Math.max(longestHoldMs, recoveryMs));
  return { why, askFromMs: nowMs + waitMs, asker: null, refusals };
}

export function isAsker(hold: CredentialsHold | null, permit: string | null): boolean {
  return permit !== null && hold?.asker?.permit === permit;
}
