/**
 * Brings what is in the outbox to the bus: one batch after another, each gone from the outbox when the bus has confirmed it. Where the bus takes
 * nothing, the relay tries again after 1 s, 2, 4, and so on, up to a minute.
 *
 *   idle -- kick --> sending -- all sent, nothing left --> idle
 *                     |  ^
 *       some unsent --+  +-- its time is over
 *                     v  |
 *                   waiting (deaf to kicks)
 *
 * Nobody waits for it: whoever stores a transition has kicked it, at most.
 */
import { inTime } from "../gateway/deadline.ts";
import { StoreAway, type Clock } from "../gateway/ports.ts";
import type { Tell } from "../telemetry/events.ts";
import type { Bus, Published } from "./bus.ts";
import type { Outbox, OutboxEntry } from "./outbox.ts";

export interface RelayParts {
  readonly outbox: Outbox;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly tell: Tell;
  /** Hears of what was not meant to happen. */
  readonly onFault: (error: unknown) => void;
}

export interface Relay {
  /** There may be something to send. Costs nothing. */
  kick(): void;
  /** What operators should know, a sentence each. */
  warnings(): readonly string[];
  /** Sends no more. What is under way has a moment to be confirmed. Never rejects. */
  stop(): Promise<void>;
}

/** Sent in one go. */
const batch = 100;
/** What may be held up in front of what is sent. */
const mostPassed = 2_000;
/** Transitions of one moment go together. */
const gatherMs = 5;
/** Looked at unasked: what another process has left, or somebody's kick that was lost. */
const lookMs = 5_000;
const shortestMs = 1_000;
const longestMs = 60_000;
/** At the end of a process, for what is under way and then for good-byes. */
const farewellMs = 100;

/** What an earlier process has left is sent at once. */
export function createRelay(parts: RelayParts): Relay {
  const { outbox, bus, clock, onFault } = parts;
  const sender = createSender(parts);
  let timer: { readonly atMs: number; readonly cancel: () => void } | null = null;
  let sending: Promise<void> | null = null;
  let isWaiting = false;
  let isKicked = false;
  let isStopped = false;

  /** Unless it will be sooner. */
  function wakeIn(delayMs: number): void {
    const atMs = clock.monotonicMs() + delayMs;
    if (timer !== null && timer.atMs <= atMs) return;
    timer?.cancel();
    timer = { atMs, cancel: clock.after(delayMs, wake) };
  }

  function wake(): void {
    timer = null;
    isWaiting = false;
    isKicked = false;
    sending = sender.sendAll(() => isStopped).then(rest);
  }

  function rest(waitMs: number | null): void {
    sending = null;
    if (isStopped) return;
    isWaiting = waitMs !== null;
    wakeIn(waitMs ?? (isKicked ? gatherMs : lookMs));
  }

  wakeIn(0);
  return {
    kick() {
      if (isWaiting || isStopped) return;
      isKicked = true;
      if (sending === null) wakeIn(gatherMs);
    },
    warnings: sender.warnings,
    async stop() {
      isStopped = true;
      timer?.cancel();
      await inTime(clock, farewellMs, Promise.resolve(sending));
      await inTime(clock, farewellMs, Promise.all([outbox.release(), bus.close().catch(onFault)]));
    },
  };
}

interface Sender {
  /** Never rejects. @returns for how long to wait before the next try; `null`: there is nothing to send here */
  sendAll(isStopped: () => boolean): Promise<number | null>;
  warnings: Relay["warnings"];
}

type Fault = Extract<Published, { kind: "some" }>;

function createSender({ outbox, bus, clock, tell, onFault }: RelayParts): Sender {
  const health = createHealth(bus.name, clock, tell);
  let failures = 0;

  /** @param held tickets of which an event is refused for itself: those behind it wait for it */
  async function sendBatch(
    entries: readonly OutboxEntry[],
    waiting: number,
    held: Set<string>,
  ): Promise<{ readonly sent: number; readonly fault: Fault | null }> {
    const published = await bus.publish(entries.map(({ event }) => event));
    const sent = sentOf(entries, published);
    if (sent.length > 0) await outbox.sent(sent);
    const left = waiting - sent.length;
    if (published.kind === "all") {
      if (held.size === 0) health.isWell(left);
      return { sent: sent.length, fault: null };
    }
    health.isFailing(published.why, left);
    for (const { queueId } of published.unsent) held.add(queueId);
    return { sent: sent.length, fault: published };
  }

  /** @param sent in this round: what is refused for itself must not hold up for long what comes behind it */
  function waitAfter(fault: Fault | null, sent: number): number | null {
    if (fault === null) {
      failures = 0;
      return null;
    }
    failures = sent > 0 ? 1 : failures + 1;
    const stepMs = Math.min(longestMs, shortestMs * 2 ** (failures - 1));
    return Math.min(longestMs, Math.max(stepMs, fault.retryAfterMs ?? 0));
  }

  /** What is held up stands in front of all else, and is passed over until the next round. */
  async function sendRound(isStopped: () => boolean): Promise<number | null> {
    const held = new Set<string>();
    let passed = 0;
    let sent = 0;
    let fault: Fault | null = null;
    while (!isStopped() && passed <= mostPassed) {
      const most = batch + passed;
      const taken = await outbox.take(most);
      if (taken === null) return null;
      if (taken.dropped > 0) tell({ kind: "bus_dropped", bus: bus.name, count: taken.dropped });
      if (taken.entries.length === 0) {
        health.isEmpty();
        await outbox.release();
        return null;
      }
      const isHeld = ({ event }: OutboxEntry) => held.has(event.queueId);
      const entries = taken.entries.filter((entry) => !isHeld(entry));
      if (entries.length === 0 && taken.entries.length < most) break;
      if (entries.length > 0) {
        const end = await sendBatch(entries, taken.waiting, held);
        sent += end.sent;
        fault = end.fault ?? fault;
        if (end.fault?.isAway === true) break;
      }
      passed = taken.entries.filter(isHeld).length;
    }
    return waitAfter(fault, sent);
  }

  return {
    async sendAll(isStopped) {
      try {
        return await sendRound(isStopped);
      } catch (error) {
        // That the store is away is told by whoever asks it; at the end of the process it may be closed.
        if (!(error instanceof StoreAway) && !isStopped()) onFault(error);
        return lookMs;
      }
    },
    warnings: health.warnings,
  };
}

/** Since when the bus has not taken what it was sent. */
function createHealth(bus: Bus["name"], clock: Clock, tell: Tell) {
  let failing: { readonly sinceMs: number; why: string; waiting: number } | null = null;

  return {
    isFailing(why: string, waiting: number): void {
      if (failing === null) tell({ kind: "bus_failing", bus, code: why, waiting });
      failing = { sinceMs: failing?.sinceMs ?? clock.nowMs(), why, waiting };
    },
    isWell(waiting: number): void {
      if (failing !== null) tell({ kind: "bus_back", bus, waiting });
      failing = null;
    },
    /** Another process, or time, has taken what this one could not send. */
    isEmpty(): void {
      failing = null;
    },
    warnings(): readonly string[] {
      if (failing === null) return [];
      const since = new Date(failing.sinceMs).toISOString();
      return [
        `The bus (${bus}) has not taken what it was sent since ${since} (${failing.why}): ${failing.waiting} events wait. Tickets are judged all the same; what is not sent within RESULT_RETENTION_HOURS goes unsent.`,
      ];
    },
  };
}

function sentOf(entries: readonly OutboxEntry[], published: Published): readonly OutboxEntry[] {
  if (published.kind === "all") return entries;
  const unsent = new Set(published.unsent.map(({ id }) => id));
  return entries.filter(({ event }) => !unsent.has(event.id));
}
