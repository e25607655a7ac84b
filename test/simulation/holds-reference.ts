/**
 * What stops a model, or the account, as the contract says it (section 3, *429*, *Whose refusal it is*, *Breaker*): followed from outside, one
 * outcome after another. Values: a gate that forgets what it had not stored goes back to an earlier one.
 */
import type { GateCore } from "../../src/domain/gate.ts";
import type { HoldReason, ModelHold } from "../../src/domain/holds.ts";
import type { CallFacts, Finding, Others } from "../../src/domain/outcome.ts";
import { isIllAlone, type Heard } from "./heard-calls.ts";

export interface HeldModel {
  readonly why: HoldReason;
  readonly untilMs: number;
  /** Times in a row that it was held so. */
  readonly again: number;
  /** Who caused it; `null`: not known. */
  readonly by: { readonly tenant: string; readonly comparison: string } | null;
  /** Answers since it ended; `null`: none yet. */
  readonly answers: number | null;
  /** Nobody has called since it ended. */
  readonly isFresh: boolean;
  /** Until then a ticket asks; absent: none has yet. */
  readonly askedUntilMs?: number;
  /** The contract leaves open whether it is held: the gate is followed. */
  readonly isUnsure?: boolean;
}

interface HeldAccount {
  readonly sinceMs: number;
  readonly askFromMs: number;
  readonly refusals: number;
}

export interface HoldsKnown {
  readonly models: ReadonlyMap<string, HeldModel>;
  readonly account: HeldAccount | null;
}

export const nothingHeld: HoldsKnown = { models: new Map(), account: null };

/** One outcome, after the breaker has heard of it. */
export interface Told {
  readonly finding: Finding;
  readonly call: CallFacts | null;
  readonly beganAtMs: number | null;
  /** `null`: nobody knows whose call it was. */
  readonly others: Omit<Others, "held"> | null;
  /** Has its permit the turn to ask its model, or the account? */
  readonly asksModel: boolean;
  readonly asksAccount: boolean;
  readonly isClosed: boolean;
  readonly heard: readonly Heard[];
}

export interface HoldLimits {
  readonly failureThreshold: number;
  readonly recoveryMs: number;
  readonly maxOpenMs: number;
}

const longestMs = 900_000;
const mostOfOneTenant = 8;
const mostHolds = 16;

export function isAsked({ why, answers }: HeldModel): boolean {
  return (why === "refused" || why === "no_judgements") && answers === null;
}

/** `undefined`: it is not held, nor has a ramp. */
export function holdIn(models: HoldsKnown["models"], model: string, nowMs: number): HeldModel | undefined {
  const hold = models.get(model);
  return hold === undefined || isForgotten(hold, nowMs) ? undefined : hold;
}

/** Nobody has asked for it for so long that it is as if it had never been held. */
function isForgotten(hold: HeldModel, nowMs: number): boolean {
  return nowMs >= Math.max(hold.untilMs + longestMs, hold.askedUntilMs ?? 0);
}

export function isHeld(hold: HeldModel | undefined, nowMs: number): boolean {
  if (hold === undefined || isForgotten(hold, nowMs)) return false;
  return isAsked(hold) || nowMs < hold.untilMs;
}

/** Live calls are stopped by a limit and by faults; with a refusal they go out, and fail. */
export function stopsCalls(hold: HeldModel | undefined, nowMs: number): boolean {
  return hold !== undefined && nowMs < hold.untilMs && (hold.why === "rate_limit" || hold.why === "faults");
}

/** "A ramp of that model alone begins": 1, 3, 9 tickets in flight. */
export function allowedBy(hold: HeldModel | undefined, nowMs: number): number {
  if (hold === undefined || isForgotten(hold, nowMs)) return Infinity;
  const answers = hold.answers ?? 0;
  return answers < 1 ? 1 : answers < 4 ? 3 : answers < 13 ? 9 : Infinity;
}

export function afterOutcome(known: HoldsKnown, told: Told, limits: HoldLimits, nowMs: number): HoldsKnown {
  const account = accountAfter(known.account, told, limits, nowMs);
  return { account, models: modelsAfter(known.models, told, limits, nowMs) };
}

/** "Any answer to a call begun after the hold ends it." */
function accountAfter(
  account: HeldAccount | null,
  { finding, beganAtMs, asksAccount }: Told,
  { recoveryMs }: HoldLimits,
  nowMs: number,
): HeldAccount | null {
  if (finding.kind === "healthy")
    return account !== null && beganAtMs !== null && beganAtMs < account.sinceMs ? account : null;
  if (finding.kind !== "refused" || finding.model !== undefined) return account;
  if (account !== null && !asksAccount) return account;
  const refusals = account === null ? 0 : account.refusals + 1;
  const doubledMs = Math.min(recoveryMs * 2 ** refusals, longestMs);
  const waitMs =
    finding.forMs === undefined ? doubledMs : Math.min(Math.max(finding.forMs, recoveryMs), longestMs);
  return { sinceMs: account?.sinceMs ?? nowMs, askFromMs: nowMs + waitMs, refusals };
}

function modelsAfter(
  models: HoldsKnown["models"],
  told: Told,
  limits: HoldLimits,
  nowMs: number,
): HoldsKnown["models"] {
  const { finding, call, others } = told;
  switch (finding.kind) {
    case "rate_limited":
      return limited(
        told.asksModel && call ? withoutAsker(models, call.model) : models,
        finding,
        told,
        nowMs,
      );
    case "refused":
      return finding.model === undefined
        ? models
        : refused(models, finding.model, "refused", told, limits, nowMs);
    case "healthy": {
      if (call === null) return models;
      const agoMs = call.ticket?.unreadableAgoMs ?? null;
      const isMute =
        finding.judged !== true && agoMs !== null && agoMs >= 60_000 && others?.judged === "before";
      return isMute
        ? refused(models, call.model, "no_judgements", told, limits, nowMs)
        : answered(models, call.model, finding.judged === true, nowMs);
    }
    case "fault":
      if (call === null || !told.isClosed) return models;
      return faulted(told.asksModel ? withoutAsker(models, call.model) : models, call, told, limits, nowMs);
    case "nothing":
      return models;
  }
}

/** "Only while nobody else of that model is served." */
function limited(
  models: HoldsKnown["models"],
  { model, holdMs, unnamed }: Extract<Finding, { kind: "rate_limited" }>,
  { call, others }: Told,
  nowMs: number,
): HoldsKnown["models"] {
  const hold = holdIn(models, model, nowMs);
  if (holdMs === null || others?.served === true || (hold !== undefined && isAsked(hold))) return models;
  const again = unnamed === true ? againOf(hold, "rate_limit", nowMs) : 0;
  return held(models, model, "rate_limit", again, holdMs * 2 ** again, call, nowMs);
}

/** It did not learn what it asked. */
function withoutAsker(models: HoldsKnown["models"], model: string): HoldsKnown["models"] {
  const hold = models.get(model);
  return hold === undefined ? models : put(models, model, { ...hold, askedUntilMs: 0 });
}

function faulted(
  models: HoldsKnown["models"],
  call: CallFacts,
  { heard }: Told,
  { failureThreshold, recoveryMs, maxOpenMs }: HoldLimits,
  nowMs: number,
): HoldsKnown["models"] {
  const { model } = call;
  const hold = holdIn(models, model, nowMs);
  if (isHeld(hold, nowMs)) return models;
  const isStillIll = hold?.why === "faults" && hold.answers === null;
  const { must, may } = isIllAlone(heard, model, failureThreshold, nowMs);
  if (!isStillIll && !may) return models;
  const again = againOf(hold, "faults", nowMs);
  const openMs = Math.min(recoveryMs * 2 ** again, Math.max(maxOpenMs, recoveryMs));
  const after = held(models, model, "faults", again, openMs, call, nowMs);
  return must || isStillIll ? after : unsure(after, model);
}

/** One ticket asks, and only its own refusal makes it longer. */
function refused(
  models: HoldsKnown["models"],
  model: string,
  why: "refused" | "no_judgements",
  { call, asksModel }: Told,
  { recoveryMs }: HoldLimits,
  nowMs: number,
): HoldsKnown["models"] {
  const hold = holdIn(models, model, nowMs);
  if (hold === undefined || !isAsked(hold)) return held(models, model, why, 0, recoveryMs, call, nowMs);
  if (!asksModel) return models;
  const again = hold.again + 1;
  const untilMs = nowMs + Math.min(recoveryMs * 2 ** again, longestMs);
  return put(models, model, { ...hold, why, again, untilMs, by: causeIn(call) ?? hold.by });
}

function answered(
  models: HoldsKnown["models"],
  model: string,
  judged: boolean,
  nowMs: number,
): HoldsKnown["models"] {
  const hold = holdIn(models, model, nowMs);
  if (hold === undefined) return models;
  if (isAsked(hold)) {
    if (hold.why === "no_judgements" && !judged) return models;
    return put(models, model, { ...hold, untilMs: nowMs, answers: 0 });
  }
  return isHeld(hold, nowMs)
    ? models
    : put(models, model, { ...hold, answers: (hold.answers ?? 0) + 1, isFresh: false });
}

/** "A tenant may cause at most 8 model holds; the 9th makes only its own tickets wait." */
function held(
  models: HoldsKnown["models"],
  model: string,
  why: HoldReason,
  again: number,
  holdMs: number,
  call: CallFacts | null,
  nowMs: number,
): HoldsKnown["models"] {
  const known = holdIn(models, model, nowMs);
  const by = causeIn(call);
  const others = [...models].filter(([other, hold]) => other !== model && isHeld(hold, nowMs));
  const own = others.filter(([, hold]) => by !== null && hold.by?.tenant === by.tenant);
  const isHeldAlready = isHeld(known, nowMs);
  if (!isHeldAlready && own.length >= mostOfOneTenant) return models;
  const untilMs = nowMs + Math.min(holdMs, longestMs);
  const isLonger = known !== undefined && !isAsked(known) && known.untilMs > untilMs;
  const next: HeldModel = {
    why,
    untilMs: isLonger ? known.untilMs : untilMs,
    again,
    by,
    answers: null,
    isFresh: true,
  };
  const after = put(models, model, next);
  return others.length < mostHolds ? after : unsure(after, model);
}

/** How often in a row it was held so, without an answer since. */
function againOf(hold: HeldModel | undefined, why: HoldReason, nowMs: number): number {
  if (hold === undefined || hold.why !== why || hold.answers !== null) return 0;
  return hold.again + (isHeld(hold, nowMs) ? 0 : 1);
}

function causeIn(call: CallFacts | null): HeldModel["by"] {
  return call === null ? null : { tenant: call.tenant, comparison: call.comparison };
}

function unsure(models: HoldsKnown["models"], model: string): HoldsKnown["models"] {
  const hold = models.get(model);
  return hold === undefined ? models : put(models, model, { ...hold, isUnsure: true });
}

function put(models: HoldsKnown["models"], model: string, hold: HeldModel): HoldsKnown["models"] {
  return new Map(models).set(model, hold);
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

/** Somebody calls: the next is not the first after its hold any more. */
export function afterSent(known: HoldsKnown, model: string, nowMs: number): HoldsKnown {
  const hold = holdIn(known.models, model, nowMs);
  if (hold === undefined || !hold.isFresh || (isHeld(hold, nowMs) && !isAsked(hold))) return known;
  return { ...known, models: put(known.models, model, { ...hold, isFresh: isAsked(hold) }) };
}

/**
 * @param isOpen the contract leaves more than one way open
 * @returns what the gate holds that it should not, or the other way round; what is open is taken over from it
 */
export function comparedWith(
  known: HoldsKnown,
  core: GateCore,
  isOpen: boolean,
  nowMs: number,
): { readonly known: HoldsKnown; readonly wrong: string | null } {
  const models = new Map(known.models);
  let wrong: string | null = null;
  const theirs = new Map(core.holds.map((hold) => [hold.model, hold]));
  for (const model of new Set([...models.keys(), ...theirs.keys()])) {
    const ours = holdIn(models, model, nowMs);
    const their = theirs.get(model);
    const isTheirs = their !== undefined && isHeld(takenOver(their), nowMs);
    const isOurs = isHeld(ours, nowMs);
    if (ours?.isUnsure || (isOpen && isTheirs !== isOurs)) {
      if (isTheirs && their) models.set(model, takenOver(their));
      else models.delete(model);
      continue;
    }
    if (isTheirs && !isOurs) wrong ??= `${model} is held (${their.why}), though nothing holds it`;
    if (isOurs && !isTheirs) wrong ??= `${model} is not held, though it is to be (${ours?.why})`;
    if (isOurs && isTheirs && ours && their.untilMs !== ours.untilMs)
      wrong ??= `${model} is held for ${their.untilMs - nowMs} ms (${their.why}), not ${ours.untilMs - nowMs} (${ours.why})`;
  }
  const { account } = known;
  const their = core.credentials;
  if (account === null && their !== null) wrong ??= "the account is held, though nobody refused it";
  if (account !== null && their === null) wrong ??= "the account is free, though nobody took it since";
  if (account !== null && their !== null && their.askFromMs !== account.askFromMs)
    wrong ??= `the account is asked in ${their.askFromMs - nowMs} ms, not ${account.askFromMs - nowMs}`;
  return { known: { models, account }, wrong };
}

/** Whose tickets ask now: that is the gate's to say. */
export function withAskers({ models, account }: HoldsKnown, { holds }: GateCore): HoldsKnown {
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

function takenOver({
  why = "rate_limit",
  untilMs,
  again = 0,
  tenant,
  comparison,
  asker,
  ramp,
}: ModelHold): HeldModel {
  const by = tenant === undefined || comparison === undefined ? null : { tenant, comparison };
  const answers = ramp === undefined ? null : 0;
  return { why, untilMs, again, by, answers, isFresh: true, askedUntilMs: asker?.endsAtMs ?? 0 };
}
