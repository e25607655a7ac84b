/** How calls went, and what the gate makes of it: breaker, pauses, credentials, ramps and figures, report by report. */
import { recordHealth, type Breaker, type Health } from "./breaker.ts";
import type { GateState, GateLimits } from "./gate.ts";
import { snapshotOf } from "./view.ts";
import { pausesAfter } from "./pause-report.ts";
import { pauseOf, isAsked, isAsker, refuseCredentials, type CredentialsPause } from "./pauses.ts";
import {
  anyServed,
  countAnswer,
  countFault,
  isMostlyFaults,
  newestTwo,
  recordOf,
  servedOthers,
} from "./model-records.ts";
import { asksForOthers, type Finding, type Others, type CallReport } from "./call-report.ts";
import { quickened, slowed } from "./paces.ts";
import type { Places } from "./places.ts";
import { climb, rampStart, type Ramp } from "../ramp.ts";
import { countExchange, type Snapshot } from "./snapshot.ts";
import { countFinding, type Vitals } from "./vitals.ts";

/** What an isolate learns in one hop: the present view, and how others fared meanwhile, as to its last outcome where that asks for it. */
export type Exchanged = Snapshot & { readonly others?: Others };

/** What an isolate says and learns in one hop: its outcomes (none: it only asks), and the present view. */
export function exchange(
  gate: GateState,
  reportId: string,
  callReports: readonly CallReport[],
  nowMs: number,
  limits: GateLimits,
  random: number,
): { gate: GateState; reply: Exchanged } {
  const reported = takeReports(gate, reportId, callReports, nowMs, limits, random);
  const counted = { ...reported, exchanges: countExchange(reported.exchanges, callReports, nowMs) };
  const snapshot = snapshotOf(counted, nowMs, limits);
  const last = callReports.at(-1);
  const others = last !== undefined && asksForOthers(last) ? othersOf(counted, last, nowMs) : null;
  return { gate: counted, reply: others === null ? snapshot : { ...snapshot, others } };
}

type Remembered = Pick<GateState, "records" | "cleanEnds" | "paces">;
/** What reports change of a gate. */
type Moving = Remembered &
  Pick<GateState, "breaker" | "credentials" | "ramp" | "vitals" | "holds" | "waitsEndedMs">;

/** As many isolates as this may report trouble between a batch and its repetition. */
const mostCountedReports = 32;
const nameLength = 12;
const dayMs = 86_400_000;

/**
 * Takes in how calls went, in order.
 *
 * @param reportId names the batch, so that a repeated one with trouble in it is not counted twice (plain successes may be)
 * @param random uniform in [0, 1)
 */
export function takeReports(
  gate: GateState,
  reportId: string,
  callReports: readonly CallReport[],
  nowMs: number,
  limits: GateLimits,
  random: number,
): GateState {
  const name = reportId.slice(-nameLength);
  if (callReports.length === 0 || gate.countedReports.includes(name)) return gate;
  let moving: Moving = gate;
  for (const callReport of callReports) moving = takeReport(moving, callReport, nowMs, limits, random);
  const {
    breaker,
    credentials,
    ramp,
    vitals,
    holds: pauses,
    records,
    cleanEnds,
    paces,
    waitsEndedMs,
  } = moving;
  const isWithoutTrouble = callReports.every(({ finding }) => finding.kind === "healthy");
  const countedReports = isWithoutTrouble
    ? gate.countedReports
    : [...gate.countedReports.slice(1 - mostCountedReports), name];
  return {
    ...gate,
    breaker,
    credentials,
    ramp,
    vitals,
    holds: pauses,
    records,
    cleanEnds,
    paces,
    waitsEndedMs,
    countedReports,
  };
}

/**
 * How others fared while a call was made.
 *
 * @returns `null`: nobody knows whose call it was
 */
export function othersOf(gate: Moving, callReport: CallReport, nowMs: number): Others | null {
  const { call, ageMs = 0 } = callReport;
  if (call === undefined) return null;
  const { comparison, model, beforeAgoMs, ticket } = call;
  const reportedAtMs = nowMs - ageMs;
  const record = recordOf(gate.records, model);
  const judgedAtMs = record.judgedAtMs ?? -Infinity;
  const unreadableAtMs = reportedAtMs - (ticket?.unreadableAgoMs ?? beforeAgoMs);
  const thrownAgoMs = ticket?.thrownAgoMs ?? null;
  const pause = pauseOf(gate.holds, model, nowMs);
  return {
    served: servedOthers(record, comparison, reportedAtMs - beforeAgoMs),
    mostlyFaults: isMostlyFaults(record),
    held: gate.credentials !== null || (pause !== undefined && isAsked(pause)),
    judged: judgedAtMs > unreadableAtMs ? "since" : judgedAtMs > nowMs - dayMs ? "before" : "not_for_a_day",
    cleanEnd:
      thrownAgoMs !== null &&
      gate.cleanEnds.some((end) => end.comparison !== comparison && end.atMs > reportedAtMs - thrownAgoMs),
  };
}

/** Ends the waits of tickets whose model's pause was ended by an answer; of all, where the breaker closed or our account was let in. */
export function endWaits(before: GateState, after: GateState, places: Places, nowMs: number): void {
  if (before.waitsEndedMs !== after.waitsEndedMs) return places.endWaits(nowMs, null);
  for (const model of endedPauses(before, after)) places.endWaits(nowMs, model);
}

function endedPauses(before: GateState, after: GateState): readonly string[] {
  if (before.holds === after.holds) return [];
  return before.holds
    .filter((pause) => pause.ramp === undefined && pause.why !== undefined && pause.why !== "rate_limit")
    .filter(({ model }) => {
      const now = after.holds.find((pause) => pause.model === model);
      return now === undefined || now.ramp !== undefined;
    })
    .map(({ model }) => model);
}

function takeReport(
  gate: Moving,
  callReport: CallReport,
  nowMs: number,
  limits: GateLimits,
  random: number,
): Moving {
  const { permit, epoch, durationMs, call, ageMs = 0 } = callReport;
  const others = restsOnOthers(callReport) ? othersOf(gate, callReport, nowMs) : null;
  const finding =
    callReport.unlessServed === true ? inDoubt(gate, callReport, others, nowMs, limits) : callReport.finding;
  const healthReport = { permit, epoch, health: healthIn(finding), by: call };
  const breaker = recordHealth(gate.breaker, healthReport, nowMs, limits, random);
  const beganAtMs = call === undefined ? null : nowMs - ageMs - call.beganAgoMs;
  const credentials = credentialsAfter(gate.credentials, permit, finding, beganAtMs, nowMs, limits);
  const recovered =
    (gate.breaker.state !== "closed" && breaker.state === "closed") ||
    (gate.credentials !== null && credentials === null);
  const vitals = countFinding(gate.vitals, finding, durationMs, nowMs, callReport.reason);
  const told = { permit, finding, call: call ?? null, others };
  const { records, cleanEnds, paces } = rememberedAfter(gate, finding, callReport, others, nowMs);
  return {
    breaker,
    credentials,
    ramp: rampAfter(gate.ramp, recovered, finding, limits),
    vitals: vitalsAfter(vitals, breaker, credentials),
    holds: pausesAfter({ breaker, holds: gate.holds }, told, nowMs, limits),
    records,
    cleanEnds,
    paces,
    waitsEndedMs: recovered ? nowMs : gate.waitsEndedMs,
  };
}

/** Is anything of it decided by how others fared? That is looked up for no others, for nearly all are judgements. */
function restsOnOthers({ finding, unlessServed }: CallReport): boolean {
  if (unlessServed === true) return true;
  return finding.kind === "healthy" ? finding.judged === false : finding.kind === "rate_limited";
}

/**
 * What only a sentence of the vendor's says, which may be about one request and nothing else. A 429 so told pauses nobody: live calls would stop
 * with it, and nobody could be served who shows that the request alone is too large. The account is paused for it only where no model has
 * answered anybody for as long as a pause takes to ask again.
 */
function inDoubt(
  { records }: Pick<GateState, "records">,
  { finding, call, ageMs = 0 }: CallReport,
  others: Others | null,
  nowMs: number,
  { recoveryMs }: GateLimits,
): Finding {
  if (others?.served === true || finding.kind === "rate_limited") return { kind: "nothing" };
  const isServed = call !== undefined && anyServed(records, call.comparison, nowMs - ageMs - recoveryMs);
  return isServed && finding.kind === "refused" ? { kind: "nothing" } : finding;
}

/** What is remembered of whose call it was. */
function rememberedAfter(
  gate: Remembered,
  finding: Finding,
  { call, ageMs = 0 }: CallReport,
  others: Others | null,
  nowMs: number,
): Remembered {
  if (call === undefined) return gate;
  const { records, cleanEnds, paces } = gate;
  const { comparison, tenant, model, ticket } = call;
  const atMs = nowMs - ageMs;
  switch (finding.kind) {
    case "healthy": {
      const counted = countAnswer(records, model, comparison, finding.judged === true, atMs);
      if (ticket === undefined) return { records: counted, cleanEnds, paces };
      return {
        records: counted,
        cleanEnds: newestTwo(cleanEnds, { comparison, atMs }),
        paces: quickened(paces, tenant, model),
      };
    }
    case "fault":
      return { records: countFault(records, model), cleanEnds, paces };
    case "rate_limited": {
      // Where nobody else is served the model is paused instead.
      if (ticket === undefined || others?.served !== true || finding.holdMs === null) return gate;
      const beganAtMs = atMs - call.beganAgoMs;
      return { records, cleanEnds, paces: slowed(paces, tenant, model, finding.holdMs, beganAtMs, nowMs) };
    }
    case "refused":
    case "nothing":
      return gate;
  }
}

/** An outage would look like one slow ticket. */
function vitalsAfter(vitals: Vitals, breaker: Breaker, credentials: CredentialsPause | null): Vitals {
  const drains = breaker.state === "closed" && credentials === null;
  return drains || vitals.drainingSinceMs === null ? vitals : { ...vitals, drainingSinceMs: null };
}

function healthIn(finding: Finding): Health {
  switch (finding.kind) {
    case "healthy":
    case "fault":
      return finding.kind;
    case "rate_limited":
    case "refused":
    case "nothing":
      return "nothing";
  }
}

/** @param beganAtMs when the call began; `null`: not known */
function credentialsAfter(
  pause: CredentialsPause | null,
  permit: string | null,
  finding: Finding,
  beganAtMs: number | null,
  nowMs: number,
  limits: GateLimits,
): CredentialsPause | null {
  // The asker didn't learn it: the next one asks.
  const passedOn = pause !== null && isAsker(pause, permit) ? { ...pause, asker: null } : pause;
  switch (finding.kind) {
    case "healthy":
      return pause?.sinceMs !== undefined && beganAtMs !== null && beganAtMs < pause.sinceMs
        ? passedOn
        : null;
    case "refused":
      return finding.model === undefined
        ? refuseCredentials(pause, permit, finding.why, nowMs, limits.recoveryMs, finding.forMs)
        : passedOn;
    case "fault":
    case "rate_limited":
    case "nothing":
      return passedOn;
  }
}

function rampAfter(ramp: Ramp | null, recovered: boolean, finding: Finding, limits: GateLimits): Ramp | null {
  if (recovered) return rampStart.allowed < limits.concurrency ? rampStart : null;
  return ramp !== null && finding.kind === "healthy" ? climb(ramp, limits.concurrency) : ramp;
}
