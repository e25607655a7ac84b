/** What the outcome of a call means for what is held, as the contract says it (section 3, *429*, *Whose refusal it is*, *Breaker*). */
import type { PauseReason } from "../../../src/domain/gate/pauses.ts";
import type { CallFacts, Finding, Others } from "../../../src/domain/gate/call-report.ts";
import { areOthersIll, isIllAlone, isIllHimself, type Heard } from "./heard-calls.ts";
import {
  holdIn,
  isAsked,
  isHeld,
  longestMs,
  put,
  sparesLess,
  sparesTenant,
  type HeldAccount,
  type PausedModel,
  type HoldsKnown,
} from "./held.ts";

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

const mostOfOneTenant = 8;
const mostPauses = 16;

export function afterOutcome(known: HoldsKnown, told: Told, limits: HoldLimits, nowMs: number): HoldsKnown {
  const account = accountAfter(known.account, told, limits, nowMs);
  const models = modelsAfter(known.models, told, limits, nowMs);
  return { account, models: told.asksModel ? afterAsking(known.models, models, told.call) : models };
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
  return held(models, model, "rate_limit", again, holdMs * 2 ** again, call, 1, nowMs);
}

/** Who asked in vain is not the next to ask. */
function afterAsking(
  before: HoldsKnown["models"],
  after: HoldsKnown["models"],
  call: CallFacts | null,
): HoldsKnown["models"] {
  const hold = call === null ? undefined : after.get(call.model);
  if (call === null || hold === undefined || !isAsked(hold)) return after;
  return hold.untilMs === before.get(call.model)?.untilMs
    ? put(after, call.model, { ...lessSpared(hold, call), by: causeIn(call) })
    : after;
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
  if (hold !== undefined && isHeld(hold, nowMs)) return put(models, model, lessSpared(hold, call));
  const wasIll = hold?.why === "faults" && hold.answers === null;
  const wasAnothers = wasIll && sparesTenant(hold, call.tenant);
  const isStillIll = wasIll && !wasAnothers;
  const alone = isIllAlone(heard, model, failureThreshold, nowMs);
  const own = wasAnothers ? isIllHimself(heard, call.tenant, failureThreshold, nowMs) : both;
  const must = alone.must && own.must;
  if (!isStillIll && !(alone.may && own.may)) return models;
  const again = againOf(hold, "faults", nowMs);
  const openMs = Math.min(recoveryMs * 2 ** again, Math.max(maxOpenMs, recoveryMs));
  const others = areOthersIll(heard, failureThreshold, nowMs);
  const spares = others.must ? null : failureThreshold;
  const after = held(models, model, "faults", again, openMs, call, spares, nowMs);
  return (must || isStillIll) && others.may === others.must ? after : unsure(after, model);
}

const both = { must: true, may: true };

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
  if (hold === undefined || !isAsked(hold)) return held(models, model, why, 0, recoveryMs, call, 1, nowMs);
  if (!asksModel) return put(models, model, lessSpared(hold, call));
  const again = hold.again + 1;
  const untilMs = nowMs + Math.min(recoveryMs * 2 ** again, longestMs);
  return put(models, model, {
    ...lessSpared(hold, call),
    why,
    again,
    untilMs,
    by: causeIn(call) ?? hold.by,
  });
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
  why: PauseReason,
  again: number,
  holdMs: number,
  call: CallFacts | null,
  spares: number | null,
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
  const next: PausedModel = {
    why,
    untilMs: isLonger ? known.untilMs : untilMs,
    again,
    by,
    spares: by === null || by.tenant === "" ? null : sparesIn(known, by.tenant, spares, nowMs),
    answers: null,
    isFresh: true,
  };
  const after = put(models, model, next);
  return others.length < mostPauses ? after : unsure(after, model);
}

/** A hold goes on sparing whom it spared; one that held everybody, and was not answered since, holds them again after one call. */
function sparesIn(
  known: PausedModel | undefined,
  tenant: string,
  spares: number | null,
  nowMs: number,
): number | null {
  if (known === undefined) return spares;
  if (isHeld(known, nowMs)) return known.by?.tenant === tenant ? known.spares : null;
  const hasHeldAll = known.answers === null && known.spares === null;
  return spares !== null && hasHeldAll ? 1 : spares;
}

/** Another tenant's call has failed likewise. */
function lessSpared(hold: PausedModel, call: CallFacts | null): PausedModel {
  return call !== null && sparesTenant(hold, call.tenant) ? sparesLess(hold) : hold;
}

/** How often in a row it was held so, without an answer since. */
function againOf(hold: PausedModel | undefined, why: PauseReason, nowMs: number): number {
  if (hold === undefined || hold.why !== why || hold.answers !== null) return 0;
  return hold.again + (isHeld(hold, nowMs) ? 0 : 1);
}

function causeIn(call: CallFacts | null): PausedModel["by"] {
  return call === null ? null : { tenant: call.tenant, comparison: call.comparison };
}

function unsure(models: HoldsKnown["models"], model: string): HoldsKnown["models"] {
  const hold = models.get(model);
  return hold === undefined ? models : put(models, model, { ...hold, isUnsure: true });
}
