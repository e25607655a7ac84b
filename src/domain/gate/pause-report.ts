/** What the outcome of a call means for the holds of models. */
import { isClosedFor, meetsRule } from "./breaker.ts";
import type { GateCore, GateLimits } from "./gate.ts";
import {
  doubledMs,
  holdModel,
  holdOf,
  isAsked,
  isHeld,
  presentHolds,
  sparesLess,
  sparesTenant,
  type HoldReason,
  type ModelHold,
} from "./pauses.ts";
import { chargesApartMs, type CallFacts, type Finding, type Others } from "./outcome.ts";
import { isAnotherAnswered, noParties, sightOfOne, sightWithoutWorst } from "./parties.ts";
import { climb, rampStart } from "./ramp.ts";

interface Told {
  readonly permit: string | null;
  readonly finding: Finding;
  /** `null`: nobody knows whose call it was. */
  readonly call: CallFacts | null;
  readonly others: Others | null;
}

type Core = Pick<GateCore, "breaker" | "holds">;

/** @param core after the breaker has heard of it */
export function holdsAfter(core: Core, told: Told, nowMs: number, limits: GateLimits): GateCore["holds"] {
  const { finding, call } = told;
  switch (finding.kind) {
    case "rate_limited":
      return limited(dropAsker(core.holds, told), finding, told, nowMs);
    case "refused":
      return finding.model === undefined
        ? dropAsker(core.holds, told)
        : again(core.holds, { model: finding.model, why: "refused" }, told, nowMs, limits);
    case "healthy": {
      if (call === null) return core.holds;
      if (finding.judged === false && isWithoutJudgements(told)) {
        return again(core.holds, { model: call.model, why: "no_judgements" }, told, nowMs, limits);
      }
      return answered(core.holds, told, finding.judged === true, nowMs, limits);
    }
    case "fault":
      return failed(core, dropAsker(core.holds, told), told, nowMs, limits);
    case "nothing":
      return dropAsker(core.holds, told);
  }
}

/** A 429 holds its model only while nobody else of that model is served. */
function limited(
  holds: GateCore["holds"],
  { model, holdMs, unnamed }: Extract<Finding, { kind: "rate_limited" }>,
  { call, others }: Told,
  nowMs: number,
): GateCore["holds"] {
  if (holdMs === null || others?.served === true) return holds;
  const known = holdOf(holds, model, nowMs);
  // One that is asked about something worse stays so.
  if (known !== undefined && isAsked(known)) return holds;
  const times = unnamed === true ? timesBefore(known, "rate_limit", nowMs) : 0;
  const hold = { model, why: "rate_limit", again: times } as const;
  return holdModel(holds, hold, holdMs * 2 ** times, call, nowMs, 1);
}

/** A model that is ill alone: its own calls meet the breaker's rule, while another model is answered. */
function failed(
  core: Core,
  holds: GateCore["holds"],
  { call }: Told,
  nowMs: number,
  limits: GateLimits,
): GateCore["holds"] {
  const { breaker } = core;
  if (call === null || !isClosedFor(breaker, call)) return holds;
  const counts = breaker.state === "closed" ? breaker : (breaker.others ?? { faultsInRow: 0 });
  const parties = counts.byModel ?? noParties;
  const { model } = call;
  const known = holdOf(holds, model, nowMs);
  if (known !== undefined && isHeld(known, nowMs)) {
    return sparesTenant(known, call.tenant) ? replaced(holds, known, sparesLess(known)) : holds;
  }
  // One that was held for its faults and has not answered since is still ill.
  const wasIll = known?.why === "faults" && known.ramp === undefined;
  // Held for another tenant's faults: this one's must meet the rule by themselves.
  const wasAnothers = wasIll && sparesTenant(known, call.tenant);
  if (wasAnothers && !meetsRule(sightOfOne(counts.byTenant ?? noParties, call.tenant, nowMs), limits)) {
    return holds;
  }
  const isStillIll = wasIll && !wasAnothers;
  const isIllAlone =
    meetsRule(sightOfOne(parties, model, nowMs), limits) && isAnotherAnswered(parties, model, nowMs);
  if (!isStillIll && !isIllAlone) return holds;
  const times = timesBefore(known, "faults", nowMs);
  const openMs = Math.min(limits.recoveryMs * 2 ** times, Math.max(limits.maxOpenMs, limits.recoveryMs));
  // Faults of others too? Where nobody else has called, nobody knows.
  const others = sightWithoutWorst(counts.byTenant ?? noParties, nowMs);
  const spares = others !== null && meetsRule(others, limits) ? null : limits.failureThreshold;
  return holdModel(holds, { model, why: "faults", again: times }, openMs, call, nowMs, spares);
}

/** How often in a row it was held so, without an answer since. */
function timesBefore(known: ModelHold | undefined, why: HoldReason, nowMs: number): number {
  if (known === undefined || known.why !== why || known.ramp !== undefined) return 0;
  // One more refusal of the same wave doesn't double it.
  return (known.again ?? 0) + (isHeld(known, nowMs) ? 0 : 1);
}

/** The model answers, but not with judgements, though it gave some within the day. */
function isWithoutJudgements({ call, others }: Told): boolean {
  const agoMs = call?.ticket?.unreadableAgoMs ?? null;
  return agoMs !== null && agoMs >= chargesApartMs && others?.judged === "before";
}

/** A refusal begins a hold; only the asker's own makes it longer. */
function again(
  holds: GateCore["holds"],
  { model, why }: { readonly model: string; readonly why: "refused" | "no_judgements" },
  { permit, call }: Told,
  nowMs: number,
  limits: GateLimits,
): GateCore["holds"] {
  const known = holdOf(holds, model, nowMs);
  if (known === undefined || !isAsked(known)) {
    return holdModel(holds, { model, why }, limits.recoveryMs, call, nowMs, 1);
  }
  const isAnothers = call !== null && sparesTenant(known, call.tenant);
  if (permit === null || known.asker?.permit !== permit) {
    return isAnothers ? replaced(holds, known, sparesLess(known)) : holds;
  }
  const times = (known.again ?? 0) + 1;
  const by = call === null ? {} : { tenant: call.tenant, comparison: call.comparison };
  const untilMs = nowMs + doubledMs(limits.recoveryMs, times);
  const hold = isAnothers ? sparesLess(known) : known;
  return replaced(holds, known, { ...hold, ...by, why, again: times, untilMs, asker: null });
}

/** An answer ends what is asked, and makes a ramp wider. */
function answered(
  holds: GateCore["holds"],
  told: Told,
  judged: boolean,
  nowMs: number,
  limits: GateLimits,
): GateCore["holds"] {
  const known = holdOf(holds, told.call?.model ?? "", nowMs);
  // An old one, of older code, ends with its time alone.
  if (known === undefined || known.why === undefined) return holds;
  if (isAsked(known)) {
    if (known.why === "no_judgements" && !judged) return dropAsker(holds, told);
    return replaced(holds, known, { ...known, untilMs: nowMs, asker: null, ramp: rampStart });
  }
  if (isHeld(known, nowMs)) return holds;
  const ramp = climb(known.ramp ?? rampStart, limits.concurrency);
  return ramp === null
    ? presentHolds(holds, nowMs).filter((hold) => hold !== known)
    : replaced(holds, known, { ...known, ramp });
}

/**
 * The asker of a model didn't learn what it asked: the next one asks, who is another. A turn that was given back unused comes without a call.
 */
function dropAsker(holds: GateCore["holds"], { permit, call }: Told): GateCore["holds"] {
  const known = permit === null ? undefined : holds.find(({ asker }) => asker?.permit === permit);
  if (known === undefined) return holds;
  if (call === null) return replaced(holds, known, { ...known, asker: null });
  // Who asked in vain is not the next: nor is anybody spared then, if it was another than the hold is about.
  const hold = sparesTenant(known, call.tenant) ? sparesLess(known) : known;
  const { tenant, comparison } = call;
  return replaced(holds, known, { ...hold, tenant, comparison, asker: null });
}

function replaced(holds: GateCore["holds"], known: ModelHold, next: ModelHold): GateCore["holds"] {
  return holds.map((hold) => (hold === known ? next : hold));
}
