/** How calls went, and what the gate makes of it: breaker, holds, credentials, ramps and figures, outcome by outcome. */
import { recordNews, type Breaker, type Health } from "./breaker.ts";
import type { GateCore, GateLimits } from "./gate.ts";
import { snapshotOf } from "./view.ts";
import { holdsAfter } from "./pause-report.ts";
import { holdOf, isAsked, isAsker, refuseCredentials, type CredentialsHold } from "./pauses.ts";
import {
  anyServed,
  countAnswer,
  countFault,
  isMostlyFaults,
  newestTwo,
  recordOf,
  servedOthers,
} from "./model-records.ts";
import { asksForOthers, type Finding, type Others, type Outcome } from "./outcome.ts";
import { quickened, slowed } from "./paces.ts";
import type { Places } from "./places.ts";
import { climb, rampStart, type Ramp } from "./ramp.ts";
import { countExchange, type Snapshot } from "./snapshot.ts";
import { countFinding, type Vitals } from "./vitals.ts";

/** What an isolate learns in one hop: the present view, and how others fared meanwhile, as to its last outcome where that asks for it. */
export type Exchanged = Snapshot & { readonly others?: Others };

/** What an isolate says and learns in one hop: its outcomes (none: it only asks), and the present view. */
export function exchange(
  core: GateCore,
  reportId: string,
  outcomes: readonly Outcome[],
  nowMs: number,
  limits: GateLimits,
  random: number,
): { core: GateCore; reply: Exchanged } {
  const reported = report(core, reportId, outcomes, nowMs, limits, random);
  const counted = { ...reported, exchanges: countExchange(reported.exchanges, outcomes, nowMs) };
  const snapshot = snapshotOf(counted, nowMs, limits);
  const last = outcomes.at(-1);
  const others = last !== undefined && asksForOthers(last) ? othersOf(counted, last, nowMs) : null;
  return { core: counted, reply: others === null ? snapshot : { ...snapshot, others } };
}

type Remembered = Pick<GateCore, "records" | "cleanEnds" | "paces">;
/** What reports change of a gate. */
type Moving = Remembered &
  Pick<GateCore, "breaker" | "credentials" | "ramp" | "vitals" | "holds" | "waitsEndedMs">;

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
export function report(
  core: GateCore,
  reportId: string,
  outcomes: readonly Outcome[],
  nowMs: number,
  limits: GateLimits,
  random: number,
): GateCore {
  const name = reportId.slice(-nameLength);
  if (outcomes.length === 0 || core.countedReports.includes(name)) return core;
  let moving: Moving = core;
  for (const outcome of outcomes) moving = take(moving, outcome, nowMs, limits, random);
  const { breaker, credentials, ramp, vitals, holds, records, cleanEnds, paces, waitsEndedMs } = moving;
  const isWithoutTrouble = outcomes.every(({ finding }) => finding.kind === "healthy");
  const countedReports = isWithoutTrouble
    ? core.countedReports
    : [...core.countedReports.slice(1 - mostCountedReports), name];
  return {
    ...core,
    breaker,
    credentials,
    ramp,
    vitals,
    holds,
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
export function othersOf(core: Moving, outcome: Outcome, nowMs: number): Others | null {
  const { call, ageMs = 0 } = outcome;
  if (call === undefined) return null;
  const { comparison, model, beforeAgoMs, ticket } = call;
  const reportedAtMs = nowMs - ageMs;
  const record = recordOf(core.records, model);
  const judgedAtMs = record.judgedAtMs ?? -Infinity;
  const unreadableAtMs = reportedAtMs - (ticket?.unreadableAgoMs ?? beforeAgoMs);
  const thrownAgoMs = ticket?.thrownAgoMs ?? null;
  const hold = holdOf(core.holds, model, nowMs);
  return {
    served: servedOthers(record, comparison, reportedAtMs - beforeAgoMs),
    mostlyFaults: isMostlyFaults(record),
    held: core.credentials !== null || (hold !== undefined && isAsked(hold)),
    judged: judgedAtMs > unreadableAtMs ? "since" : judgedAtMs > nowMs - dayMs ? "before" : "not_for_a_day",
    cleanEnd:
      thrownAgoMs !== null &&
      core.cleanEnds.some((end) => end.comparison !== comparison && end.atMs > reportedAtMs - thrownAgoMs),
  };
}

/** Ends the waits of tickets whose model's hold was ended by an answer; of all, where the breaker closed or our account was let in. */
export function endWaits(before: GateCore, after: GateCore, places: Places, nowMs: number): void {
  if (before.waitsEndedMs !== after.waitsEndedMs) return places.endWaits(nowMs, null);
  for (const model of endedHolds(before, after)) places.endWaits(nowMs, model);
}

function endedHolds(before: GateCore, after: GateCore): readonly string[] {
  if (before.holds === after.holds) return [];
  return before.holds
    .filter((hold) => hold.ramp === undefined && hold.why !== undefined && hold.why !== "rate_limit")
    .filter(({ model }) => {
      const now = after.holds.find((hold) => hold.model === model);
      return now === undefined || now.ramp !== undefined;
    })
    .map(({ model }) => model);
}

function take(core: Moving, outcome: Outcome, nowMs: number, limits: GateLimits, random: number): Moving {
  const { permit, epoch, durationMs, call, ageMs = 0 } = outcome;
  const others = restsOnOthers(outcome) ? othersOf(core, outcome, nowMs) : null;
  const finding =
    outcome.unlessServed === true ? inDoubt(core, outcome, others, nowMs, limits) : outcome.finding;
  const news = { permit, epoch, health: healthIn(finding), by: call };
  const breaker = recordNews(core.breaker, news, nowMs, limits, random);
  const beganAtMs = call === undefined ? null : nowMs - ageMs - call.beganAgoMs;
  const credentials = credentialsAfter(core.credentials, permit, finding, beganAtMs, nowMs, limits);
  const recovered =
    (core.breaker.state !== "closed" && breaker.state === "closed") ||
    (core.credentials !== null && credentials === null);
  const vitals = countFinding(core.vitals, finding, durationMs, nowMs, outcome.reason);
  const told = { permit, finding, call: call ?? null, others };
  const { records, cleanEnds, paces } = rememberedAfter(core, finding, outcome, others, nowMs);
  return {
    breaker,
    credentials,
    ramp: rampAfter(core.ramp, recovered, finding, limits),
    vitals: vitalsAfter(vitals, breaker, credentials),
    holds: holdsAfter({ breaker, holds: core.holds }, told, nowMs, limits),
    records,
    cleanEnds,
    paces,
    waitsEndedMs: recovered ? nowMs : core.waitsEndedMs,
  };
}

/** Is anything of it decided by how others fared? That is looked up for no others, for nearly all are judgements. */
function restsOnOthers({ finding, unlessServed }: Outcome): boolean {
  if (unlessServed === true) return true;
  return finding.kind === "healthy" ? finding.judged === false : finding.kind === "rate_limited";
}

/**
 * What only a sentence of the vendor's says, which may be about one request and nothing else. A 429 so told holds nobody: live calls would stop
 * with it, and nobody could be served who shows that the request alone is too large. The account is held for it only where no model has
 * answered anybody for as long as a hold takes to ask again.
 */
function inDoubt(
  { records }: Pick<GateCore, "records">,
  { finding, call, ageMs = 0 }: Outcome,
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
  core: Remembered,
  finding: Finding,
  { call, ageMs = 0 }: Outcome,
  others: Others | null,
  nowMs: number,
): Remembered {
  if (call === undefined) return core;
  const { records, cleanEnds, paces } = core;
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
      // Where nobody else is served the model is held instead.
      if (ticket === undefined || others?.served !== true || finding.holdMs === null) return core;
      const beganAtMs = atMs - call.beganAgoMs;
      return { records, cleanEnds, paces: slowed(paces, tenant, model, finding.holdMs, beganAtMs, nowMs) };
    }
    case "refused":
    case "nothing":
      return core;
  }
}

/** An outage would look like one slow ticket. */
function vitalsAfter(vitals: Vitals, breaker: Breaker, credentials: CredentialsHold | null): Vitals {
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
  hold: CredentialsHold | null,
  permit: string | null,
  finding: Finding,
  beganAtMs: number | null,
  nowMs: number,
  limits: GateLimits,
): CredentialsHold | null {
  // The asker didn't learn it: the next one asks.
  const passedOn = hold !== null && isAsker(hold, permit) ? { ...hold, asker: null } : hold;
  switch (finding.kind) {
    case "healthy":
      return hold?.sinceMs !== undefined && beganAtMs !== null && beganAtMs < hold.sinceMs ? passedOn : null;
    case "refused":
      return finding.model === undefined
        ? refuseCredentials(hold, permit, finding.why, nowMs, limits.recoveryMs, finding.forMs)
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
