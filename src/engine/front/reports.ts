/** How calls went, told to a gate that is a hop away: trouble at once, the rest in batches, one exchange at a time. */
import type { Exchanged } from "../../domain/gate/report.ts";
import { asksForOthers, type Others, type CallReport } from "../../domain/gate/call-report.ts";
import { addReport, isReportDue, type Snapshot, type Unreported } from "../../domain/gate/snapshot.ts";
import { isUnderWay, lookFor, type Flight } from "./single-flight.ts";
import { inTime } from "../../gateway/deadline.ts";
import type { Clock, Gate } from "../../gateway/ports.ts";

export interface GateReportsParts {
  /** `reportId` names the batch: sent again, it counts once. */
  readonly exchange: (reportId: string, callReports: readonly CallReport[]) => Promise<Exchanged>;
  readonly keep: (snapshot: Snapshot, askedAtMs: number) => void;
  readonly clock: Clock;
  /** Names batches. */
  readonly newId: () => string;
  /** Lets work that follows the answer finish. */
  readonly later: (work: Promise<unknown>) => void;
}

export interface GateReports {
  readonly report: Gate["report"];
  /** Asks for a new snapshot behind the request, and tells what there is to tell; unless that is being done. */
  readonly refresh: () => void;
}

interface Batch {
  readonly id: string;
  /** Of the oldest report in it. */
  readonly atMs: number;
  readonly callReports: readonly CallReport[];
}

/** The longest that trouble holds its caller up, who learns from it what others know. */
const troubleMs = 300;
/** Likewise, where somebody is charged or not by what the gate says. */
const othersMs = 2_000;
/** An exchange that isn't over by then has died with its request; and for so long one request makes them for others. */
const exchangeMs = 10_000;
/** Batches whose outcome isn't known, kept to be sent again, and for how long: the gate takes what it hears for the present. */
const mostBatches = 4;
const reportMs = 60_000;

export function createGateReports(parts: GateReportsParts): GateReports {
  const { clock, later } = parts;
  const exchanges = createExchanges(parts);

  async function report(callReport: CallReport): Promise<Others | null> {
    exchanges.add(callReport);
    if (asksForOthers(callReport)) return (await inTime(clock, othersMs, begin())) ?? null;
    if (!isReportDue([callReport])) {
      if (exchanges.areDue()) refresh();
      return null;
    }
    // Nobody else gets the turn before its outcome is known: it waits for no other exchange.
    if (callReport.permit !== null) await inTime(clock, troubleMs, begin());
    else {
      await lookFor<unknown>(clock, troubleMs, (leftMs) => {
        if (exchanges.wasTold(callReport)) return true;
        return exchanges.isBusy() ? undefined : inTime(clock, leftMs, begin());
      });
    }
    return null;
  }

  function refresh(): void {
    if (!exchanges.isBusy()) void begin();
  }

  /** @returns the first exchange, by what was told last. What came up meanwhile goes in the next, at once after it */
  function begin(): Promise<Others | null> {
    const endsAtMs = clock.nowMs() + exchangeMs;
    const first = exchanges.once();
    later(first.then(() => goOn(endsAtMs)));
    return first;
  }

  async function goOn(endsAtMs: number): Promise<void> {
    while (exchanges.areDue() && !exchanges.isBusy() && clock.nowMs() < endsAtMs) await exchanges.once();
  }

  return { report, refresh };
}

/** Outcomes on their way to the gate. */
interface Exchanges {
  /** It goes with the next exchange. */
  add(callReport: CallReport): void;
  /** Is there something that should not wait for more? */
  areDue(): boolean;
  /** Is one under way? */
  isBusy(): boolean;
  /** Its exchange is over, whatever came of it. */
  wasTold(callReport: CallReport): boolean;
  /**
   * Brings what is unreported, oldest first, and the new snapshot back. Never throws.
   *
   * @returns how others fared, as to the last outcome; `null`: it has not heard
   */
  once(): Promise<Others | null>;
}

function createExchanges({ exchange, keep, clock, newId }: GateReportsParts): Exchanges {
  let unreported: Unreported = [];
  let undelivered: readonly Batch[] = [];
  let underWay: Flight | null = null;
  /** When each was reported. */
  const reportedAtMs = new WeakMap<CallReport, number>();
  const told = new WeakSet<CallReport>();

  const isBusy = () => isUnderWay(underWay, clock.nowMs());

  async function once(): Promise<Others | null> {
    const nowMs = clock.nowMs();
    const flight: Flight = { sinceMs: nowMs, limitMs: exchangeMs };
    if (!isBusy()) underWay = flight;
    const isOfNow = (atMs: number) => Math.abs(nowMs - atMs) < reportMs;
    const heardMs = (callReport: CallReport) => reportedAtMs.get(callReport) ?? nowMs;
    // After an exchange that hung, what came up meanwhile lies here until somebody calls again.
    const callReports = unreported.filter((callReport) => isOfNow(heardMs(callReport)));
    const batch = { id: newId(), atMs: Math.min(nowMs, ...callReports.map(heardMs)), callReports };
    const batches = [...undelivered.filter(({ atMs }) => isOfNow(atMs)), batch];
    undelivered = [];
    unreported = [];
    let delivered = 0;
    let others: Others | null = null;
    try {
      for (const { id, callReports } of batches) {
        const atMs = clock.nowMs();
        const { others: heard = null, ...snapshot } = await exchange(id, callReports.map(aged));
        keep(snapshot, atMs);
        others = heard;
        delivered++;
      }
      return others;
    } catch {
      const rest = batches.slice(delivered).filter(({ callReports }) => callReports.length > 0);
      undelivered = [...rest, ...undelivered].slice(-mostBatches);
      return null;
    } finally {
      if (underWay === flight) underWay = null;
      for (const callReport of batch.callReports) told.add(callReport);
    }
  }

  /** What is told late says so: the gate must not take it for the present. */
  function aged(callReport: CallReport): CallReport {
    const ageMs = clock.nowMs() - (reportedAtMs.get(callReport) ?? clock.nowMs());
    return ageMs > 0 && callReport.call !== undefined ? { ...callReport, ageMs } : callReport;
  }

  return {
    add(callReport) {
      unreported = addReport(unreported, callReport);
      reportedAtMs.set(callReport, clock.nowMs());
    },
    areDue: () => isReportDue(unreported),
    isBusy,
    wasTold: (callReport) => told.has(callReport),
    once,
  };
}
