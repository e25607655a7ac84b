/** What the report of a call means for the pauses of models. */
import { isClosedFor, meetsRule } from "./breaker.ts";
import type { GateState, GateLimits } from "./gate.ts";
import {
  doubledMs,
  pauseModel,
  pauseOf,
  isAsked,
  isPaused,
  presentPauses,
  sparesLess,
  sparesTenant,
  type PauseReason,
  type ModelPause,
} from "./pauses.ts";
import { chargesApartMs, type CallFacts, type Finding, type Others } from "./call-report.ts";
import { isAnotherAnswered, noParties, sightOfOne, sightWithoutWorst } from "./parties.ts";
import { climb, rampStart } from "../ramp.ts";

interface Told {
  readonly permit: string | null;
  readonly finding: Finding;
  /** `null`: nobody knows whose call it was. */
  readonly call: CallFacts | null;
  readonly others: Others | null;
}

type GatePart = Pick<GateState, "breaker" | "holds">;

/** @param gate after the breaker has heard of it */
export function pausesAfter(
  gate: GatePart,
  told: Told,
  nowMs: number,
  limits: GateLimits,
): GateState["holds"] {
  const { finding, call } = told;
  switch (finding.kind) {
    case "rate_limited":
      return limited(dropAsker(gate.holds, told), finding, told, nowMs);
    case "refused":
      return finding.model === undefined
        ? dropAsker(gate.holds, told)
        : again(gate.holds, { model: finding.model, why: "refused" }, told, nowMs, limits);
    case "healthy": {
      if (call === null) return gate.holds;
      if (finding.judged === false && isWithoutJudgements(told)) {
        return again(gate.holds, { model: call.model, why: "no_judgements" }, told, nowMs, limits);
      }
      return answered(gate.holds, told, finding.judged === true, nowMs, limits);
    }
    case "fault":
      return failed(gate, dropAsker(gate.holds, told), told, nowMs, limits);
    case "nothing":
      return dropAsker(gate.holds, told);
  }
}

/** A 429 pauses its model only while nobody else of that model is served. */
function limited(
  pauses: GateState["holds"],
  { model, holdMs: pauseMs, unnamed }: Extract<Finding, { kind: "rate_limited" }>,
  { call, others }: Told,
  nowMs: number,
): GateState["holds"] {
  if (pauseMs === null || others?.served === true) return pauses;
  const known = pauseOf(pauses, model, nowMs);
  // One that is asked about something worse stays so.
  if (known !== undefined && isAsked(known)) return pauses;
  const times = unnamed === true ? timesBefore(known, "rate_limit", nowMs) : 0;
  const pause = { model, why: "rate_limit", again: times } as const;
  return pauseModel(pauses, pause, pauseMs * 2 ** times, call, nowMs, 1);
}

/** A model that is ill alone: its own calls meet the breaker's rule, while another model is answered. */
function failed(
  gate: GatePart,
  pauses: GateState["holds"],
  { call }: Told,
  nowMs: number,
  limits: GateLimits,
): GateState["holds"] {
  const { breaker } = gate;
  if (call === null || !isClosedFor(breaker, call)) return pauses;
  const counts = breaker.state === "closed" ? breaker : (breaker.others ?? { faultsInRow: 0 });
  const parties = counts.byModel ?? noParties;
  const { model } = call;
  const known = pauseOf(pauses, model, nowMs);
  if (known !== undefined && isPaused(known, nowMs)) {
    return sparesTenant(known, call.tenant) ? replaced(pauses, known, sparesLess(known)) : pauses;
  }
  // One that was paused for its faults and has not answered since is still ill.
  const wasIll = known?.why === "faults" && known.ramp === undefined;
  // Paused for another tenant's faults: this one's must meet the rule by themselves.
  const wasAnothers = wasIll && sparesTenant(known, call.tenant);
  if (wasAnothers && !meetsRule(sightOfOne(counts.byTenant ?? noParties, call.tenant, nowMs), limits)) {
    return pauses;
  }
  const isStillIll = wasIll && !wasAnothers;
  const isIllAlone =
    meetsRule(sightOfOne(parties, model, nowMs), limits) && isAnotherAnswered(parties, model, nowMs);
  if (!isStillIll && !isIllAlone) return pauses;
  const times = timesBefore(known, "faults", nowMs);
  const openMs = Math.min(limits.recoveryMs * 2 ** times, Math.max(limits.maxOpenMs, limits.recoveryMs));
  // Faults of others too? Where nobody else has called, nobody knows.
  const others = sightWithoutWorst(counts.byTenant ?? noParties, nowMs);
  const spares = others !== null && meetsRule(others, limits) ? null : limits.failureThreshold;
  return pauseModel(pauses, { model, why: "faults", again: times }, openMs, call, nowMs, spares);
}

/** How often in a row it was paused so, without an answer since. */
function timesBefore(known: ModelPause | undefined, why: PauseReason, nowMs: number): number {
  if (known === undefined || known.why !== why || known.ramp !== undefined) return 0;
  // One more refusal of the same wave doesn't double it.
  return (known.again ?? 0) + (isPaused(known, nowMs) ? 0 : 1);
}

/** The model answers, but not with judgements, though it gave some within the day. */
function isWithoutJudgements({ call, others }: Told): boolean {
  const agoMs = call?.ticket?.unreadableAgoMs ?? null;
  return agoMs !== null && agoMs >= chargesApartMs && others?.judged === "before";
}

/** A refusal begins a pause; only the asker's own makes it longer. */
function again(
  pauses: GateState["holds"],
  { model, why }: { readonly model: string; readonly why: "refused" | "no_judgements" },
  { permit, call }: Told,
  nowMs: number,
  limits: GateLimits,
): GateState["holds"] {
  const known = pauseOf(pauses, model, nowMs);
  if (known === undefined || !isAsked(known)) {
    return pauseModel(pauses, { model, why }, limits.recoveryMs, call, nowMs, 1);
  }
  const isAnothers = call !== null && sparesTenant(known, call.tenant);
  if (permit === null || known.asker?.permit !== permit) {
    return isAnothers ? replaced(pauses, known, sparesLess(known)) : pauses;
  }
  const times = (known.again ?? 0) + 1;
  const by = call === null ? {} : { tenant: call.tenant, comparison: call.comparison };
  const untilMs = nowMs + doubledMs(limits.recoveryMs, times);
  const pause = isAnothers ? sparesLess(known) : known;
  return replaced(pauses, known, { ...pause, ...by, why, again: times, untilMs, asker: null });
}

/** An answer ends what is asked, and makes a ramp wider. */
function answered(
  pauses: GateState["holds"],
  told: Told,
  judged: boolean,
  nowMs: number,
  limits: GateLimits,
): GateState["holds"] {
  const known = pauseOf(pauses, told.call?.model ?? "", nowMs);
  // An old one, of older code, ends with its time alone.
  if (known === undefined || known.why === undefined) return pauses;
  if (isAsked(known)) {
    if (known.why === "no_judgements" && !judged) return dropAsker(pauses, told);
    return replaced(pauses, known, { ...known, untilMs: nowMs, asker: null, ramp: rampStart });
  }
  if (isPaused(known, nowMs)) return pauses;
  const ramp = climb(known.ramp ?? rampStart, limits.concurrency);
  return ramp === null
    ? presentPauses(pauses, nowMs).filter((pause) => pause !== known)
    : replaced(pauses, known, { ...known, ramp });
}

/**
 * The asker of a model didn't learn what it asked: the next one asks, who is another. A turn that was given back unused comes without a call.
 */
function dropAsker(pauses: GateState["holds"], { permit, call }: Told): GateState["holds"] {
  const known = permit === null ? undefined : pauses.find(({ asker }) => asker?.permit === permit);
  if (known === undefined) return pauses;
  if (call === null) return replaced(pauses, known, { ...known, asker: null });
  // Who asked in vain is not the next: nor is anybody spared then, if it was another than the pause is about.
  const pause = sparesTenant(known, call.tenant) ? sparesLess(known) : known;
  const { tenant, comparison } = call;
  return replaced(pauses, known, { ...pause, tenant, comparison, asker: null });
}

function replaced(pauses: GateState["holds"], known: ModelPause, next: ModelPause): GateState["holds"] {
  return pauses.map((pause) => (pause === known ? next : pause));
}
