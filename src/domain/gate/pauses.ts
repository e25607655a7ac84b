/**
 * What stops calls besides the breaker: models that are to be left alone, and our account, where it was refused.
 *
 * A model's hold is followed by a ramp of that model alone, which begins with another comparison's call than the one that was refused, of
 * another tenant where one waits. Both stand in one entry:
 *
 *   (none) -- refused, limited or ill --> held -- its time is over, or an answer ends it --> ramp -- enough answers --> (none)
 *                                          ^                                                  |
 *                                          +------------- refused, limited or ill again ------+
 */
import type { Whose } from "./breaker.ts";
import { longestHoldMs, type Refusal } from "./outcome.ts";
import type { Ramp } from "./ramp.ts";
import { leasedTurn, type Lease, type Turn } from "./turn.ts";

/** Why a model is held. The first two stop its calls and tickets for a time; the others its tickets alone, one of which asks again. */
export type HoldReason = "rate_limit" | "faults" | "refused" | "no_judgements";

export interface ModelHold {
  /** See `modelKey`. */
  readonly model: string;
  /** Until then it is left alone; of a refusal: from then on one ticket may ask. */
  readonly untilMs: number;
  /** Absent from older code: a rate limit. */
  readonly why?: HoldReason;
  /** How often in a row it was held before: the time doubles. Absent: never. */
  readonly again?: number;
  /** Of the call that was refused last, or that asked last in vain. */
  readonly tenant?: string;
  readonly comparison?: string;
  /**
   * Calls of other tenants that must fail likewise before it holds them too; absent: it does. Until then it holds only those of `tenant`, whose
   * calls alone have spoken against the model.
   */
  readonly spares?: number;
  /** The ticket that asks now, where one may. */
  readonly asker?: Lease | null;
  /** From the end of the hold on; absent: it has not ended by an answer. */
  readonly ramp?: Ramp;
}

/** Who caused a hold. */
export interface Cause {
  readonly tenant: string;
  readonly comparison: string;
}

/** Entries at most: what the gate's state has room for. */
const mostHolds = 16;
/** Holds that one tenant may cause: of the next one only its own tickets wait. */
const mostOfOneTenant = 8;
/** A model that nobody has asked for so long since its hold ended begins anew. */
const forgottenAfterMs = 900_000;

/** Does a hold stop live calls too? A refusal doesn't: they go out, and fail with the vendor's word. */
function stopsCalls({ why = "rate_limit" }: ModelHold): boolean {
  return why === "rate_limit" || why === "faults";
}

/** Is it asked by one ticket at a time, until an answer ends it? */
export function isAsked({ why = "rate_limit", ramp }: ModelHold): boolean {
  return (why === "refused" || why === "no_judgements") && ramp === undefined;
}

/** Whose calls it does not hold, though it holds those of its own tenant. */
export function sparesTenant({ spares, tenant }: ModelHold, caller: string): boolean {
  return spares !== undefined && caller !== "" && tenant !== undefined && caller !== tenant;
}

/** Likewise of tickets. A limit is everybody's until it is known better, and a ticket can wait. */
export function sparesTicketsOf(hold: ModelHold, tenant: string): boolean {
  return hold.why !== "rate_limit" && sparesTenant(hold, tenant);
}

/** After a call of another tenant has failed likewise. */
export function sparesLess(hold: ModelHold): ModelHold {
  const { spares = 0, ...all } = hold;
  return spares > 1 ? { ...all, spares: spares - 1 } : all;
}

/** Does the model stand still, for tickets? One that is asked does so until it is answered. */
export function isHeld(hold: ModelHold, nowMs: number): boolean {
  return isAsked(hold) || nowMs < hold.untilMs;
}

/**
 * Holds a model, or holds it for longer; none ends later than 15 minutes from now, or the longest open time of what is held for its faults.
 *
 * @param by who caused it; `null`: not known
 * @param spares see `ModelHold`; `null`: more than one tenant's calls have spoken against the model
 * @returns the same value where it can't be held: its tenant holds too many, or all places are taken
 */
export function holdModel(
  holds: readonly ModelHold[],
  hold: Pick<ModelHold, "model" | "why" | "again">,
  holdMs: number,
  by: Cause | null,
  nowMs: number,
  spares: number | null = null,
): readonly ModelHold[] {
  const known = holdOf(holds, hold.model, nowMs);
  const others = presentHolds(holds, nowMs).filter(({ model }) => model !== hold.model);
  if (known === undefined || !isHeld(known, nowMs)) {
    const ofTenant = others.filter((other) => isHeld(other, nowMs) && other.tenant === by?.tenant);
    if (by !== null && ofTenant.length >= mostOfOneTenant) return holds;
  }
  // A ramp gives its place to a hold.
  const kept = others.length < mostHolds ? others : withoutOne(others, nowMs);
  if (kept.length >= mostHolds) return holds;
  const untilMs = nowMs + Math.min(holdMs, longestHoldMs);
  const isLonger = known !== undefined && !isAsked(known) && known.untilMs > untilMs;
  const { again } = hold;
  return [
    ...kept,
    {
      model: hold.model,
      untilMs: isLonger ? known.untilMs : untilMs,
      ...(hold.why === undefined ? {} : { why: hold.why }),
      ...(again === undefined || again === 0 ? {} : { again }),
      ...(by === null ? {} : { tenant: by.tenant, comparison: by.comparison }),
      ...sparing(),
    },
  ];

  function sparing(): Pick<ModelHold, "spares"> {
    if (by === null || by.tenant === "") return {};
    if (known !== undefined && isHeld(known, nowMs)) {
      return known.spares !== undefined && known.tenant === by.tenant ? { spares: known.spares } : {};
    }
    if (spares === null) return {};
    // One that had held everybody, and has not been answered since, needs but one call to do so again.
    const heldAll = known !== undefined && known.ramp === undefined && known.spares === undefined;
    return { spares: heldAll ? 1 : spares };
  }
}

function withoutOne(holds: readonly ModelHold[], nowMs: number): readonly ModelHold[] {
  const spare = holds.find((hold) => !isHeld(hold, nowMs));
  return spare === undefined ? holds : holds.filter((hold) => hold !== spare);
}

/** Why a live call waits. */
export type CallWait = "breaker" | "rate_limit" | "model_faults";

/** @returns until when the caller's calls wait, and why; `null`: they don't */
export function callsWait(
  holds: readonly ModelHold[],
  { tenant, model }: Whose,
  nowMs: number,
): { readonly untilMs: number; readonly why: CallWait } | null {
  const hold = holds.find((hold) => hold.model === model);
  if (hold === undefined || !stopsCalls(hold) || nowMs >= hold.untilMs) return null;
  if (sparesTenant(hold, tenant)) return null;
  return { untilMs: hold.untilMs, why: hold.why === "faults" ? "model_faults" : "rate_limit" };
}

/** Those that stop calls now. */
export function liveHolds(holds: readonly ModelHold[], nowMs: number): readonly ModelHold[] {
  return holds.filter((hold) => stopsCalls(hold) && nowMs < hold.untilMs);
}

/** Without those that are long over. An old one, of older code, has no ramp: it ends with its time. */
export function presentHolds(holds: readonly ModelHold[], nowMs: number): readonly ModelHold[] {
  return holds.filter((hold) => isPresent(hold, nowMs));
}

/** One that is asked is forgotten where no ticket has asked for so long: none is left that wants its model. */
function isPresent(hold: ModelHold, nowMs: number): boolean {
  if (isAsked(hold)) return nowMs < Math.max(hold.untilMs + forgottenAfterMs, hold.asker?.endsAtMs ?? 0);
  return isHeld(hold, nowMs) || (hold.why !== undefined && nowMs < hold.untilMs + forgottenAfterMs);
}

/** The model's hold, or the ramp after it; `undefined`: it has none, or has long had none. */
export function holdOf(holds: readonly ModelHold[], model: string, nowMs: number): ModelHold | undefined {
  const hold = holds.find((hold) => hold.model === model);
  return hold !== undefined && isPresent(hold, nowMs) ? hold : undefined;
}

/** Where a model that is asked can be asked now. */
export function modelTurn(hold: ModelHold, nowMs: number): Turn {
  return nowMs < hold.untilMs
    ? { kind: "wait", untilMs: hold.untilMs }
    : leasedTurn(hold.asker ?? null, nowMs);
}

/**
 * Our key was refused, or our credit is gone: the queue stands, but for one ticket that asks again from time to time. Live calls go on and
 * fail at once; an answer to a call that began after the refusal lifts the hold.
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
  /** When it began. Absent from older code: then any answer lifts it. */
  readonly sinceMs?: number;
}

export function credentialsTurn(hold: CredentialsHold | null, nowMs: number): Turn {
  if (hold === null) return { kind: "free" };
  return nowMs < hold.askFromMs ? { kind: "wait", untilMs: hold.askFromMs } : leasedTurn(hold.asker, nowMs);
}

/**
 * A refusal begins the hold; only the asker's own makes it longer, so many live calls that are refused don't.
 *
 * @param forMs until the vendor says that it is over; absent where it does not say
 */
export function refuseCredentials(
  hold: CredentialsHold | null,
  permit: string | null,
  why: Refusal,
  nowMs: number,
  recoveryMs: number,
  forMs?: number,
): CredentialsHold {
  if (hold === null) {
    return {
      why,
      askFromMs: nowMs + (forMs === undefined ? recoveryMs : namedMs(forMs, recoveryMs)),
      asker: null,
      refusals: 0,
      sinceMs: nowMs,
    };
  }
  if (!isAsker(hold, permit)) return hold;
  const refusals = hold.refusals + 1;
  const waitMs = forMs === undefined ? doubledMs(recoveryMs, refusals) : namedMs(forMs, recoveryMs);
  return { ...hold, why, askFromMs: nowMs + waitMs, asker: null, refusals };
}

/** Doubled with each refusal, up to 15 minutes. */
export function doubledMs(recoveryMs: number, refusals: number): number {
  return Math.min(recoveryMs * 2 ** refusals, Math.max(longestHoldMs, recoveryMs));
}

/** The vendor's own time, but asked every 15 minutes all the same: somebody may pay meanwhile. */
function namedMs(forMs: number, recoveryMs: number): number {
  return Math.min(Math.max(forMs, recoveryMs), Math.max(longestHoldMs, recoveryMs));
}

export function isAsker(hold: CredentialsHold | null, permit: string | null): boolean {
  return permit !== null && hold?.asker?.permit === permit;
}
