/**
 * The gate of one provider in this process. What waits is in memory, made again from the tickets at each start; its state is stored, so
 * that a restart forgets no open breaker. A live call through a closed breaker touches neither the table nor the disk.
 */
import { enter, isMomentous, type GateLimits, type GateState } from "../../domain/gate/gate.ts";
import { changesOf, type GateChange } from "../../domain/gate/changes.ts";
import { behindMs, seenAt } from "../../domain/gate/set-back.ts";
import { endWaits, othersOf, takeReports } from "../../domain/gate/report.ts";
import type { Requeueing, Start, Starter } from "../../domain/gate/queue.ts";
import { asksForOthers } from "../../domain/gate/call-report.ts";
import type { Acceptance, Places, QueueItem } from "../../domain/gate/places.ts";
import type { Admitted } from "../../domain/gate/view.ts";
import { noticeOf, queueItemOf, type Ticket } from "../../domain/ticket/ticket.ts";
import type { Clock, Gate } from "../../gateway/ports.ts";
import { createGateKeeper } from "../../engine/gate-keeper.ts";
import { look, type GateOwner } from "../../engine/gate-owner.ts";
import type { StoredGateState } from "./gate-state.ts";

export interface SqliteGateParts {
  readonly state: StoredGateState;
  readonly places: Places;
  readonly limits: GateLimits;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Unique. */
  readonly newId: () => string;
  readonly owner: GateOwner;
  /** Hears what operators are to hear. */
  readonly onChanges: (changes: readonly GateChange[]) => void;
  /** Something has changed that may let a ticket start: call `look`, soon. */
  readonly onChange: () => void;
}

export interface SqliteGate extends Gate {
  /** May a ticket be kept? With the answer it has its place: if it is not stored after all, `withdraw`. What must last of it has, after `settled`. */
  admit(item: QueueItem, notBeforeMs: number): Admitted;
  withdraw(acceptance: Acceptance): void;
  /** May a ticket be called for now, under this permit? Asked again with it, the answer is the same. What must last of it has, after `settled`. */
  start(item: QueueItem, starter: Starter): Start;
  /** When what must last is stored, or could not be: then the gate goes on from memory. */
  settled(): Promise<void>;
  /** What tickets have to say: `giveNotice`. */
  enqueue(item: QueueItem, notBeforeMs: number): void;
  requeue(item: QueueItem, requeueing: Requeueing): void;
  remove(ticketId: string, keptBytes?: number): void;
  /** Sends what may go, asks after who is silent, and sets the alarm. */
  look(): void;
}

/** How long a change may stay unstored that costs a few calls when it is lost, and one that costs no more than a figure. */
const lightMs = 1_000;
const calmMs = 30_000;

/** The process has just started, and is the only one. */
export function createSqliteGate(parts: SqliteGateParts): SqliteGate {
  const { state, onChange } = parts;
  const keeper = createGateKeeper({
    places: parts.places,
    limits: parts.limits,
    readState: state.read,
    writeState: (next, mustLast) => state.write(next, mustLast ? 0 : lightMs),
    atomically: (work) => work(),
    nowMs: parts.clock.nowMs,
    random: parts.random,
    onChanges: parts.onChanges,
  });
  keeper.started(true);

  /** After a verb of the keeper. */
  function soon(): void {
    if (keeper.isDue()) onChange();
  }

  return {
    ...liveCalls(parts, keeper.toPresent),

    admit(item, notBeforeMs) {
      const admitted = keeper.admit(item, notBeforeMs);
      soon();
      return admitted;
    },
    withdraw(acceptance) {
      keeper.withdraw(acceptance);
      soon();
    },
    start(item, starter) {
      const start = keeper.start(item, starter);
      soon();
      return start;
    },
    settled: state.settled,
    estimate: async (ticketId) => keeper.estimate(ticketId),
    status: async (tenant) => keeper.status(tenant),
    async order(order) {
      const status = keeper.order(order);
      soon();
      await state.settled();
      return status;
    },

    enqueue(item, notBeforeMs) {
      keeper.enqueue(item, notBeforeMs);
      soon();
    },

    requeue(item, requeueing) {
      keeper.requeue(item, requeueing);
      soon();
    },

    remove(ticketId, keptBytes) {
      keeper.remove(ticketId, keptBytes);
      soon();
    },

    look: () => look(keeper, parts.owner),
  };
}

/** What every call asks and tells, past the keeper: where nothing changes that must last, nothing is looked for and nothing is written. */
function liveCalls(parts: SqliteGateParts, toPresent: () => void): Pick<Gate, "enter" | "report"> {
  const { state, places, limits, onChange } = parts;

  function present(nowMs: number): GateState {
    const known = state.read();
    if (behindMs(known, nowMs) === 0) return known;
    toPresent();
    onChange();
    return state.read();
  }

  function tell(before: GateState, after: GateState, nowMs: number): void {
    const changes = changesOf(before, after, () => places.load().size, nowMs);
    if (changes.length > 0) parts.onChanges(changes);
  }

  return {
    enter(permit, whose) {
      const nowMs = parts.clock.nowMs();
      const before = present(nowMs);
      const { gate: after, reply } = enter(before, permit, whose, nowMs, limits);
      if (after === before) return Promise.resolve(reply);
      state.write(seenAt(before, after, false, nowMs), 0);
      tell(before, after, nowMs);
      onChange();
      return stored(state, reply);
    },

    report(callReport) {
      const nowMs = parts.clock.nowMs();
      const before = present(nowMs);
      const reported = takeReports(before, parts.newId(), [callReport], nowMs, limits, parts.random());
      const after = seenAt(before, reported, false, nowMs);
      const others = asksForOthers(callReport) ? othersOf(after, callReport, nowMs) : null;
      endWaits(before, after, places, nowMs);
      if (isMomentous(before, after)) {
        state.write(after, 0);
        tell(before, after, nowMs);
        onChange();
        return stored(state, others);
      }
      state.write(after, callReport.finding.kind === "healthy" ? calmMs : lightMs);
      return Promise.resolve(others);
    },
  };
}

/** The answer leaves when what must last is stored. */
async function stored<Reply>(state: StoredGateState, reply: Reply): Promise<Reply> {
  await state.settled();
  return reply;
}

/** Tells a gate what a ticket has to say, if anything. The gate hears at once, so nobody has to note that it did. */
export function giveNotice(gate: SqliteGate, ticket: Ticket): void {
  const notice = noticeOf(ticket);
  switch (notice?.kind) {
    case undefined:
      return;
    case "enqueue":
      return gate.enqueue(queueItemOf(ticket), notice.notBeforeMs);
    case "requeue":
      return gate.requeue(queueItemOf(ticket), notice);
    case "remove":
      return gate.remove(ticket.about.id, notice.keptBytes);
  }
}
