/**
 * What stops calls besides the breaker: models that are to be left alone, and our account, where it was refused.
 *
 * A model's pause is followed by a ramp of that model alone, which begins with another comparison's call than the one that was refused, of
 * another tenant where one waits. Both stand in one entry:
 *
 *   (none) -- refused, limited or ill --> paused -- its time is over, or an answer ends it --> ramp -- enough answers --> (none)
 *                                          ^                                                  |
 *                                          +------------- refused, limited or ill again ------+
 */
import type { Whose } from "./breaker.ts";
import { longestPauseMs, type Refusal } from "./call-report.ts";
import type { Ramp } from "../ramp.ts";
import { leasedTurn, type Lease, type Turn } from "./turn.ts";

/** Why a model is paused. The first two stop its calls and tickets for a time; the others its tickets alone, one of which asks again. */
export type PauseReason = "rate_limit" | "faults" | "refused" | "no_judgements";

export interface ModelPause {
  /** See `modelKey`. */
  readonly model: string;
  /** Until then it is left alone; of a refusal: from then on one ticket may ask. */
  readonly untilMs: number;
  /** Absent from older code: a rate limit. */
  readonly why?: PauseReason;
  /** How often in a row it was paused before: the time doubles. Absent: never. */
  readonly again?: number;
  /** Of the call that was refused last, or that asked last in vain. */
  readonly tenant?: string;
  readonly comparison?: string;
  /**
   * Calls of other tenants that must fail likewise before it stops them too; absent: it does. Until then it stops only those of `tenant`, whose
   * calls alone have spoken against the model.
   */
  readonly spares?: number;
  /** The ticket that asks now, where one may. */
  readonly asker?: Lease | null;
  /** From the end of the pause on; absent: it has not ended by an answer. */
  readonly ramp?: Ramp;
}

/** Who caused a pause. */
export interface Cause {
  readonly tenant: string;
  readonly comparison: string;
}

/** Entries at most: what the gate's state has room for. */
const mostPauses = 16;
/** Pauses that one tenant may cause: of the next one only its own tickets wait. */
const mostOfOneTenant = 8;
/** A model that nobody has asked for so long since its pause ended begins anew. */
const forgottenAfterMs = 900_000;

/** Does a pause stop live calls too? A refusal doesn't: they go out, and fail with the vendor's word. */
function stopsCalls({ why = "rate_limit" }: ModelPause): boolean {
  return why === "rate_limit" || why === "faults";
}

/** Is it asked by one ticket at a time, until an answer ends it? */
export function isAsked({ why = "rate_limit", ramp }: ModelPause): boolean {
  return (why === "refused" || why === "no_judgements") && ramp === undefined;
}

/** Whose calls it does not stop, though it stops those of its own tenant. */
export function sparesTenant({ spares, tenant }: ModelPause, caller: string): boolean {
  return spares !== undefined && caller !== "" && tenant !== undefined && caller !== tenant;
}

/** Likewise of tickets. A limit is everybody's until it is known better, and a ticket can wait. */
export function sparesTicketsOf(pause: ModelPause, tenant: string): boolean {
  return pause.why !== "rate_limit" && sparesTenant(pause, tenant);
}

/** After a call of another tenant has failed likewise. */
export function sparesLess(pause: ModelPause): ModelPause {
  const { spares = 0, ...all } = pause;
  return spares > 1 ? { ...all, spares: spares - 1 } : all;
}

/** Does the model stand still, for tickets? One that is asked does so until it is answered. */
export function isPaused(pause: ModelPause, nowMs: number): boolean {
  return isAsked(pause) || nowMs < pause.untilMs;
}

/**
 * Pauses a model, or pauses it for longer; none ends later than 15 minutes from now, or the longest open time of what is paused for its faults.
 *
 * @param by who caused it; `null`: not known
 * @param spares see `ModelHold`; `null`: more than one tenant's calls have spoken against the model
 * @returns the same value where it can't be paused: its tenant has paused too many, or all places are taken
 */
export function pauseModel(
  pauses: readonly ModelPause[],
  pause: Pick<ModelPause, "model" | "why" | "again">,
  pauseMs: number,
  by: Cause | null,
  nowMs: number,
  spares: number | null = null,
): readonly ModelPause[] {
  const known = pauseOf(pauses, pause.model, nowMs);
  const others = presentPauses(pauses, nowMs).filter(({ model }) => model !== pause.model);
  if (known === undefined || !isPaused(known, nowMs)) {
    const ofTenant = others.filter((other) => isPaused(other, nowMs) && other.tenant === by?.tenant);
    if (by !== null && ofTenant.length >= mostOfOneTenant) return pauses;
  }
  // A ramp gives its place to a pause.
  const kept = others.length < mostPauses ? others : withoutOne(others, nowMs);
  if (kept.length >= mostPauses) return pauses;
  const untilMs = nowMs + Math.min(pauseMs, longestPauseMs);
  const isLonger = known !== undefined && !isAsked(known) && known.untilMs > untilMs;
  const { again } = pause;
  return [
    ...kept,
    {
      model: pause.model,
      untilMs: isLonger ? known.untilMs : untilMs,
      ...(pause.why === undefined ? {} : { why: pause.why }),
      ...(again === undefined || again === 0 ? {} : { again }),
      ...(by === null ? {} : { tenant: by.tenant, comparison: by.comparison }),
      ...sparing(),
    },
  ];

  function sparing(): Pick<ModelPause, "spares"> {
    if (by === null || by.tenant === "") return {};
    if (known !== undefined && isPaused(known, nowMs)) {
      return known.spares !== undefined && known.tenant === by.tenant ? { spares: known.spares } : {};
    }
    if (spares === null) return {};
    // One that had stopped everybody, and has not been answered since, needs but one call to do so again.
    const pausedAll = known !== undefined && known.ramp === undefined && known.spares === undefined;
    return { spares: pausedAll ? 1 : spares };
  }
}

function withoutOne(pauses: readonly ModelPause[], nowMs: number): readonly ModelPause[] {
  const spare = pauses.find((pause) => !isPaused(pause, nowMs));
  return spare === undefined ? pauses : pauses.filter((pause) => pause !== spare);
}

/** Why a live call waits. `paused`: an operator has halted the provider. */
export type CallWait = "breaker" | "rate_limit" | "model_faults" | "paused";

/** @returns until when the caller's calls wait, and why; `null`: they don't */
export function callsWait(
  pauses: readonly ModelPause[],
  { tenant, model }: Whose,
  nowMs: number,
): { readonly untilMs: number; readonly why: CallWait } | null {
  const pause = pauses.find((pause) => pause.model === model);
  if (pause === undefined || !stopsCalls(pause) || nowMs >= pause.untilMs) return null;
  if (sparesTenant(pause, tenant)) return null;
  return { untilMs: pause.untilMs, why: pause.why === "faults" ? "model_faults" : "rate_limit" };
}

/** Those that stop calls now. */
export function livePauses(pauses: readonly ModelPause[], nowMs: number): readonly ModelPause[] {
  return pauses.filter((pause) => stopsCalls(pause) && nowMs < pause.untilMs);
}

/** Without those that are long over. An old one, of older code, has no ramp: it ends with its time. */
export function presentPauses(pauses: readonly ModelPause[], nowMs: number): readonly ModelPause[] {
  return pauses.filter((pause) => isPresent(pause, nowMs));
}

/** One that is asked is forgotten where no ticket has asked for so long: none is left that wants its model. */
function isPresent(pause: ModelPause, nowMs: number): boolean {
  if (isAsked(pause)) return nowMs < Math.max(pause.untilMs + forgottenAfterMs, pause.asker?.endsAtMs ?? 0);
  return isPaused(pause, nowMs) || (pause.why !== undefined && nowMs < rampEndsMs(pause));
}

/** The ramp after a pause is over then, also where nobody has climbed it. */
export function rampEndsMs({ untilMs }: ModelPause): number {
  return untilMs + forgottenAfterMs;
}

/** The model's pause, or the ramp after it; `undefined`: it has none, or has long had none. */
export function pauseOf(pauses: readonly ModelPause[], model: string, nowMs: number): ModelPause | undefined {
  const pause = pauses.find((pause) => pause.model === model);
  return pause !== undefined && isPresent(pause, nowMs) ? pause : undefined;
}

/** Where a model that is asked can be asked now. */
export function modelTurn(pause: ModelPause, nowMs: number): Turn {
  return nowMs < pause.untilMs
    ? { kind: "wait", untilMs: pause.untilMs }
    : leasedTurn(pause.asker ?? null, nowMs);
}

/**
 * Our key was refused, or our credit is gone: the queue stands, but for one ticket that asks again from time to time. Live calls go on and
 * fail at once; an answer to a call that began after the refusal lifts the pause.
 */
export interface CredentialsPause {
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

export function credentialsTurn(pause: CredentialsPause | null, nowMs: number): Turn {
  if (pause === null) return { kind: "free" };
  return nowMs < pause.askFromMs
    ? { kind: "wait", untilMs: pause.askFromMs }
    : leasedTurn(pause.asker, nowMs);
}

/**
 * A refusal begins the pause; only the asker's own makes it longer, so many live calls that are refused don't.
 *
 * @param forMs until the vendor says that it is over; absent where it does not say
 */
export function refuseCredentials(
  pause: CredentialsPause | null,
  permit: string | null,
  why: Refusal,
  nowMs: number,
  recoveryMs: number,
  forMs?: number,
): CredentialsPause {
  if (pause === null) {
    return {
      why,
      askFromMs: nowMs + (forMs === undefined ? recoveryMs : namedMs(forMs, recoveryMs)),
      asker: null,
      refusals: 0,
      sinceMs: nowMs,
    };
  }
  if (!isAsker(pause, permit)) return pause;
  const refusals = pause.refusals + 1;
  const waitMs = forMs === undefined ? doubledMs(recoveryMs, refusals) : namedMs(forMs, recoveryMs);
  return { ...pause, why, askFromMs: nowMs + waitMs, asker: null, refusals };
}

/** Doubled with each refusal, up to 15 minutes. */
export function doubledMs(recoveryMs: number, refusals: number): number {
  return Math.min(recoveryMs * 2 ** refusals, Math.max(longestPauseMs, recoveryMs));
}

/** The vendor's own time, but asked every 15 minutes all the same: somebody may pay meanwhile. */
function namedMs(forMs: number, recoveryMs: number): number {
  return Math.min(Math.max(forMs, recoveryMs), Math.max(longestPauseMs, recoveryMs));
}

export function isAsker(pause: CredentialsPause | null, permit: string | null): boolean {
  return permit !== null && pause?.asker?.permit === permit;
}
