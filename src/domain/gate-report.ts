/** How calls went, and what the gate makes of it: breaker, holds, credentials, ramp and figures, outcome by outcome. */
import { recordNews, type Breaker, type Health } from "./breaker.ts";
import type { GateCore, GateLimits } from "./gate.ts";
import { snapshotOf } from "./gate-view.ts";
import { holdModel, isAsker, refuseCredentials, type CredentialsHold } from "./holds.ts";
import type { Finding, Outcome } from "./outcome.ts";
import { climb, rampStart, type Ramp } from "./ramp.ts";
import { countExchange, type Snapshot } from "./snapshot.ts";
import { countFinding, type Vitals } from "./vitals.ts";

/** What an isolate says and learns in one hop: its outcomes (none: it only asks), and the present view. */
export function exchange(
  core: GateCore,
  reportId: string,
  outcomes: readonly Outcome[],
  nowMs: number,
  limits: GateLimits,
  random: number,
): { core: GateCore; reply: Snapshot } {
  const reported = report(core, reportId, outcomes, nowMs, limits, random);
  const counted = { ...reported, exchanges: countExchange(reported.exchanges, outcomes, nowMs) };
  return { core: counted, reply: snapshotOf(counted, nowMs, limits) };
}

/** As many isolates as this may report trouble between a batch and its repetition. */
const mostCountedReports = 32;

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
  if (core.countedReports.includes(reportId)) return core;
  const counted = outcomes.reduce((before, outcome) => take(before, outcome, nowMs, limits, random), core);
  return outcomes.every(({ finding }) => finding.kind === "healthy")
    ? counted
    : { ...counted, countedReports: [...core.countedReports, reportId].slice(-mostCountedReports) };
}

function take(
  core: GateCore,
  { permit, epoch, finding, durationMs }: Outcome,
  nowMs: number,
  limits: GateLimits,
  random: number,
): GateCore {
  const news = { permit, epoch, health: healthIn(finding) };
  const breaker = recordNews(core.breaker, news, nowMs, limits, random);
  const credentials = credentialsAfter(core.credentials, permit, finding, nowMs, limits);
  const recovered =
    (core.breaker.state !== "closed" && breaker.state === "closed") ||
    (core.credentials !== null && credentials === null);
  return {
    ...core,
    breaker,
    credentials,
    holds:
      finding.kind === "rate_limited" && finding.holdMs !== null
        ? holdModel(core.holds, finding.model, finding.holdMs, nowMs)
        : core.holds,
    ramp: rampAfter(core.ramp, recovered, finding, limits),
    vitals: vitalsAfter(countFinding(core.vitals, finding, durationMs, nowMs), breaker, credentials),
  };
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

function credentialsAfter(
  hold: CredentialsHold | null,
  permit: string | null,
  finding: Finding,
  nowMs: number,
  limits: GateLimits,
): CredentialsHold | null {
  switch (finding.kind) {
    case "healthy":
      return null;
    case "refused":
      return refuseCredentials(hold, permit, finding.why, nowMs, limits.recoveryMs);
    case "fault":
    case "rate_limited":
    case "nothing":
      // The asker didn't learn it: the next one asks.
      return hold !== null && isAsker(hold, permit) ? { ...hold, asker: null } : hold;
  }
}

function rampAfter(ramp: Ramp | null, recovered: boolean, finding: Finding, limits: GateLimits): Ramp | null {
  if (recovered) return rampStart.allowed < limits.concurrency ? rampStart : null;
  return ramp !== null && finding.kind === "healthy" ? climb(ramp, limits.concurrency) : ramp;
}
