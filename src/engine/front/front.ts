/**
 * What stands before a gate that is a hop away, in each isolate or process: while the breaker is closed, calls cost no hop. It keeps plain
 * values between requests, never a promise of one: what a request has begun may end with it.
 */
import type { Whose } from "../../domain/gate/breaker.ts";
import type { Admission } from "../../domain/gate/gate.ts";
import type { Exchanged } from "../../domain/gate/report.ts";
import type { Others, CallReport } from "../../domain/gate/call-report.ts";
import {
  answer,
  isRefreshDue,
  type KeptSnapshot,
  type Snapshot,
  roomIn,
  type SnapshotAnswer,
} from "../../domain/gate/snapshot.ts";
import { isUnderWay, lookFor, type Flight } from "./single-flight.ts";
import { createGateReports } from "./reports.ts";
import { createGateLatency } from "./latency.ts";
import { createAdmission, type AdmissionGuard } from "./admission.ts";
import { inTime } from "../../gateway/deadline.ts";
import type { Clock, Gate } from "../../gateway/ports.ts";

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

/** The longest that a call waits for the gate, as if it were closed. */
const askMs = 300;
/** The longest where the gate is known not to be closed: without its word nobody is the probe. */
const askForTurnMs = 2_000;
/** How long the last snapshot is better than nothing while the gate can't be reached. */
const staticMs = 60_000;
/** After the gate did not answer, calls don't wait for it for so long. */
const awayMs = 1_000;

export function createGateFront({ remote, clock, newId, later }: GateFrontParts): Gate & AdmissionGuard {
  let kept: KeptSnapshot | null = null;
  /** One call asks for all that come meanwhile. */
  let asking: Flight | null = null;
  /** When the gate last did not answer a call. */
  let awaySinceMs: number | null = null;
  /** The permit of the call that is the probe. */
  let turn: string | null = null;

  const latency = createGateLatency(clock);
  const reports = createGateReports({
    exchange: (reportId, callReports) => latency.timed(() => remote.exchange(reportId, callReports)),
    keep,
    clock,
    newId,
    later,
  });
  const admission = createAdmission({
    room: () => roomIn(kept, clock.nowMs()),
    refresh: reports.refresh,
    latency,
    clock,
  });

  const isAway = (nowMs: number) => awaySinceMs !== null && Math.abs(nowMs - awaySinceMs) < awayMs;
  const patienceMs = () => (kept === null || kept.snapshot.state === "closed" ? askMs : askForTurnMs);

  function enter(permit: string, whose: Whose): Promise<Admission> {
    const nowMs = clock.nowMs();
    const known = answer(kept, whose, nowMs);
    if (known.kind === "ask") return askInTurn(permit, whose);
    // Asked again with its permit, the probe is told the same.
    if (permit === turn) return ask(permit, whose);
    if (isRefreshDue(kept, nowMs)) reports.refresh();
    return Promise.resolve(admissionOf(known));
  }

  /** Waits for the answer to another call that is asking, and asks where that leaves it open. */
  async function askInTurn(permit: string, whose: Whose): Promise<Admission> {
    const admission = await lookFor<Admission>(clock, patienceMs(), (leftMs) => {
      const nowMs = clock.nowMs();
      const known = answer(kept, whose, nowMs);
      if (known.kind !== "ask") return admissionOf(known);
      if (leftMs <= 0 || isAway(nowMs)) return guess(whose);
      return isUnderWay(asking, nowMs) ? undefined : ask(permit, whose);
    });
    return admission ?? guess(whose);
  }

  async function ask(permit: string, whose: Whose): Promise<Admission> {
    const limitMs = patienceMs();
    const flight: Flight = { sinceMs: clock.nowMs(), limitMs };
    asking = flight;
    const asked = latency
      .timed(() => remote.enter(permit, whose))
      .then(
        ({ admission, snapshot }) => {
          keep(snapshot, flight.sinceMs);
          return admission;
        },
        () => null,
      );
    const admission = await inTime(clock, limitMs, asked);
    if (asking === flight) asking = null;
    if (admission) {
      if (admission.kind === "call" && admission.probe !== null) turn = permit;
      return admission;
    }
    awaySinceMs = clock.nowMs();
    const mayBeTurn = limitMs === askForTurnMs;
    if (admission === undefined) later(asked.then((late) => giveBack(late, permit, mayBeTurn)));
    return guess(whose);
  }

  /** The gate gave the turn to a call that no longer waited for it. Or has it? Where that isn't known, it does no harm to say so. */
  async function giveBack(late: Admission | null, permit: string, mayBeTurn: boolean): Promise<void> {
    if (late !== null) awaySinceMs = null;
    const isTurn = late === null ? mayBeTurn : late.kind === "call" && late.probe !== null;
    if (!isTurn) return;
    const epoch = late?.kind === "call" ? late.epoch : null;
    await report({ permit, epoch, finding: { kind: "nothing" }, durationMs: null });
  }

  /** Without the gate: the last that was heard of it, for a while; then, as if its breaker were closed. */
  function guess(whose: Whose): Admission {
    const nowMs = clock.nowMs();
    if (kept === null || nowMs - kept.askedAtMs >= staticMs || nowMs < kept.askedAtMs) return unknown;
    const { snapshot, askedAtMs } = kept;
    const last = answer({ askedAtMs, snapshot: { ...snapshot, usableForMs: staticMs } }, whose, nowMs);
    return last.kind === "ask"
      ? { kind: "wait", why: "breaker", retryAtMs: nowMs + awayMs }
      : admissionOf(last);
  }

  function report(callReport: CallReport): Promise<Others | null> {
    if (callReport.permit === turn) turn = null;
    return reports.report(callReport);
  }

  /** The one that was asked for last is the newest. After our clock was set back nothing kept is newer. */
  function keep(snapshot: Snapshot, askedAtMs: number): void {
    const isOlder = kept !== null && askedAtMs < kept.askedAtMs && kept.askedAtMs <= clock.nowMs();
    if (!isOlder) kept = { snapshot, askedAtMs };
  }

  return {
    enter,
    report,
    ...admission,
    estimate: (ticketId) => remote.estimate(ticketId),
    status: (tenant) => remote.status(tenant),
  };
}

function admissionOf(known: Exclude<SnapshotAnswer, { kind: "ask" }>): Admission {
  switch (known.kind) {
    case "call":
      return { ...known, probe: null };
    case "wait":
      return known;
  }
}

const unknown: Admission = { kind: "call", epoch: null, probe: null };
