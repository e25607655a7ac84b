/**
 * What stands before a gate that is a hop away, in each isolate or process: while the breaker is closed, calls cost no hop. It keeps plain
 * values between requests, never a promise of one: what a request has begun may end with it.
 */
import type { Admission } from "../domain/gate.ts";
import type { Outcome } from "../domain/outcome.ts";
import {
  addOutcome,
  answer,
  isRefreshDue,
  isReportDue,
  type KeptSnapshot,
  type Snapshot,
  type Unreported,
} from "../domain/snapshot.ts";
import type { Clock, Gate } from "./ports.ts";

/** The gate itself. Each verb can be repeated, and throws where the gate can't be reached. */
export interface RemoteGate extends Omit<Gate, "enter" | "report"> {
  enter(
    permit: string,
    model: string,
  ): Promise<{ readonly admission: Admission; readonly snapshot: Snapshot }>;
  /** `reportId` names the batch: sent again, it counts once. */
  exchange(reportId: string, outcomes: readonly Outcome[]): Promise<Snapshot>;
}

export interface GateFrontParts {
  readonly remote: RemoteGate;
  readonly clock: Clock;
  /** Names batches. */
  readonly newId: () => string;
  /** Lets work that follows the answer finish. */
  readonly later: (work: Promise<unknown>) => void;
}

interface Batch {
  readonly id: string;
  readonly atMs: number;
  readonly outcomes: readonly Outcome[];
}

/** The longest that a call waits for the gate, as if it were closed; and that a fault's report holds up its caller. */
const askMs = 300;
/** The longest where the gate is known not to be closed: without its word nobody is the probe. */
const askForTurnMs = 2_000;
/** How long the last snapshot is better than nothing while the gate can't be reached. */
const staticMs = 60_000;
/** After the gate did not answer, calls don't wait for it for so long. */
const awayMs = 1_000;
/** An exchange that isn't over by then has died with its request. */
const exchangeMs = 10_000;
/** Batches whose outcome isn't known, kept to be sent again, and for how long: the gate takes what it hears for the present. */
const mostBatches = 4;
const newsMs = 60_000;

export function createGateFront({ remote, clock, newId, later }: GateFrontParts): Gate {
  let kept: KeptSnapshot | null = null;
  let unreported: Unreported = [];
  let undelivered: readonly Batch[] = [];
  /** When the exchange that is under way began. */
  let busySinceMs: number | null = null;
  /** When the gate last did not answer a call. */
  let awaySinceMs: number | null = null;

  const isBusy = (nowMs: number) => busySinceMs !== null && Math.abs(nowMs - busySinceMs) < exchangeMs;
  const isAway = (nowMs: number) => awaySinceMs !== null && Math.abs(nowMs - awaySinceMs) < awayMs;

  function enter(permit: string, model: string): Promise<Admission> {
    const nowMs = clock.nowMs();
    const known = answer(kept, model, nowMs);
    if (known.kind === "ask") return isAway(nowMs) ? Promise.resolve(guess(model)) : ask(permit, model);
    if (isRefreshDue(kept, nowMs) && !isBusy(nowMs)) later(exchange());
    return Promise.resolve(known.kind === "call" ? { ...known, probe: null } : known);
  }

  async function ask(permit: string, model: string): Promise<Admission> {
    const askedAtMs = clock.nowMs();
    const asked = remote.enter(permit, model).then(
      ({ admission, snapshot }) => {
        keep(snapshot, askedAtMs);
        return admission;
      },
      () => null,
    );
    const isClosed = kept === null || kept.snapshot.state === "closed";
    const admission = await inTime(isClosed ? askMs : askForTurnMs, asked);
    if (admission) return admission;
    awaySinceMs = clock.nowMs();
    if (admission === undefined) later(asked.then((late) => giveBack(late, permit)));
    return guess(model);
  }

  /** The gate gave the turn to a call that no longer waited for it. */
  async function giveBack(late: Admission | null, permit: string): Promise<void> {
    awaySinceMs = null;
    if (late?.kind !== "call" || late.probe === null) return;
    await report({ permit, epoch: late.epoch, finding: { kind: "nothing" }, durationMs: null });
  }

  /** Without the gate: the last that was heard of it, for a while; then, as if its breaker were closed. */
  function guess(model: string): Admission {
    const nowMs = clock.nowMs();
    if (kept === null || nowMs - kept.askedAtMs >= staticMs || nowMs < kept.askedAtMs) return unknown;
    const { snapshot, askedAtMs } = kept;
    const last = answer({ askedAtMs, snapshot: { ...snapshot, usableForMs: staticMs } }, model, nowMs);
    switch (last.kind) {
      case "call":
        return { ...last, probe: null };
      case "wait":
        return last;
      case "ask":
        return { kind: "wait", why: "breaker", retryAtMs: nowMs + awayMs };
    }
  }

  async function report(outcome: Outcome): Promise<void> {
    unreported = addOutcome(unreported, outcome);
    const isUrgent = isReportDue([outcome]);
    if (isUrgent) return void (await inTime(askMs, behind(exchange())));
    if (isReportDue(unreported) && !isBusy(clock.nowMs())) later(exchange());
  }

  function behind(work: Promise<void>): Promise<void> {
    later(work);
    return work;
  }

  /** Brings what is unreported, oldest first, and the new snapshot back. Never throws. */
  async function exchange(): Promise<void> {
    const nowMs = clock.nowMs();
    busySinceMs = nowMs;
    const fresh = undelivered.filter(({ atMs }) => Math.abs(nowMs - atMs) < newsMs);
    const batches = [...fresh, { id: newId(), atMs: nowMs, outcomes: unreported }];
    undelivered = [];
    unreported = [];
    let told = 0;
    try {
      for (const { id, outcomes } of batches) {
        const atMs = clock.nowMs();
        keep(await remote.exchange(id, outcomes), atMs);
        told++;
      }
    } catch {
      const rest = batches.slice(told).filter(({ outcomes }) => outcomes.length > 0);
      undelivered = [...rest, ...undelivered].slice(-mostBatches);
    } finally {
      busySinceMs = null;
    }
  }

  /** The one that was asked for last is the newest. After our clock was set back nothing kept is newer. */
  function keep(snapshot: Snapshot, askedAtMs: number): void {
    const isOlder = kept !== null && askedAtMs < kept.askedAtMs && kept.askedAtMs <= clock.nowMs();
    if (!isOlder) kept = { snapshot, askedAtMs };
  }

  /** `undefined`: not in time. */
  function inTime<Reply>(limitMs: number, work: Promise<Reply>): Promise<Reply | undefined> {
    return new Promise((resolve, reject) => {
      const cancel = clock.after(limitMs, () => resolve(undefined));
      work.finally(cancel).then(resolve, reject);
    });
  }

  return {
    enter,
    report,
    reserve: (seat) => remote.reserve(seat),
    start: (seat, starter) => remote.start(seat, starter),
    outlook: (ticketId) => remote.outlook(ticketId),
    overview: () => remote.overview(),
  };
}

const unknown: Admission = { kind: "call", epoch: null, probe: null };
