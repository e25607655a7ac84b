/**
 * What stands before a gate that is a hop away, in each isolate or process: while the breaker is closed, calls cost no hop. It keeps plain
 * values between requests, never a promise of one: what a request has begun may end with it.
 */
import type { Whose } from "../../domain/gate/breaker.ts";
import type { CallReport } from "../../domain/gate/call-report.ts";
import type { Admission } from "../../domain/gate/gate.ts";
import type { Exchanged } from "../../domain/gate/report.ts";
import type { Snapshot } from "../../domain/gate/snapshot.ts";
import type { Clock, Gate } from "../../gateway/ports.ts";
import { createAdmission, type AdmissionGuard } from "./admission.ts";
import { createLastSnapshot } from "./last-snapshot.ts";
import { createGateLatency } from "./latency.ts";
import { createGateQuestions } from "./questions.ts";
import { createGateReports } from "./reports.ts";

/** The gate itself. Each verb can be repeated, and throws where the gate can't be reached. */
export interface RemoteGate extends Omit<Gate, "enter" | "report"> {
  enter(
    permit: string,
    whose: Whose,
  ): Promise<{ readonly admission: Admission; readonly snapshot: Snapshot }>;
  /** `reportId` names the batch: sent again, it counts once. */
  exchange(reportId: string, callReports: readonly CallReport[]): Promise<Exchanged>;
}

export interface GateFrontParts {
  readonly remote: RemoteGate;
  readonly clock: Clock;
  /** Names batches. */
  readonly newId: () => string;
  /** Lets work that follows the answer finish. */
  readonly later: (work: Promise<unknown>) => void;
}

export function createGateFront({ remote, clock, newId, later }: GateFrontParts): Gate & AdmissionGuard {
  const latency = createGateLatency(clock);
  const last = createLastSnapshot(clock);
  const reports = createGateReports({
    exchange: (reportId, callReports) => latency.timed(() => remote.exchange(reportId, callReports)),
    keep: last.keep,
    clock,
    newId,
    later,
  });
  const questions = createGateQuestions({
    enter: (permit, whose) => latency.timed(() => remote.enter(permit, whose)),
    last,
    report,
    clock,
    later,
  });
  const admission = createAdmission({ room: last.room, refresh: reports.refresh, latency, clock });

  function enter(permit: string, whose: Whose): Promise<Admission> {
    const nowMs = clock.monotonicMs();
    const known = last.answer(whose, nowMs);
    if (known === null) return questions.askInTurn(permit, whose);
    // Asked again with its permit, the probe is told the same.
    if (questions.isProbe(permit)) return questions.ask(permit, whose);
    if (last.isRefreshDue(nowMs)) reports.refresh();
    return Promise.resolve(known);
  }

  function report(callReport: CallReport): ReturnType<Gate["report"]> {
    questions.reported(callReport.permit);
    return reports.report(callReport);
  }

  return {
    enter,
    report,
    ...admission,
    estimate: (ticketId) => remote.estimate(ticketId),
    ...(remote.estimates && { estimates: remote.estimates }),
    status: (tenant) => remote.status(tenant),
    async order(order) {
      const status = await remote.order(order);
      // Here it holds at once; elsewhere with the next snapshot.
      const askedAtMs = clock.monotonicMs();
      last.keep(await remote.exchange(newId(), []), askedAtMs);
      return status;
    },
  };
}
