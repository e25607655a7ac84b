/** Tickets that a process takes: found, and claimed, in one. */
import type { Start } from "../../../domain/gate/queue.ts";
import type { GateKeeper } from "../../../engine/gate-keeper.ts";
import { noteForBus } from "./bus.ts";
import type { Facts, LateClaim, StartedEvent, TicketCall } from "./calls.ts";
import { exactly, list, read } from "./commands.ts";
import type { ScriptedGate } from "./gate.ts";
import {
  dueKey,
  eventsKey,
  factsOf,
  rowOf,
  tellMoved,
  ticketKey,
  type Row,
  type Run,
} from "./ticket-rows.ts";

/** Tickets that one call lets expire, or lose a claim whose lease has ended. */
const mostDue = 50;

/**
 * @returns of each ticket that was claimed its row, followed by the start; then, each with a row of its own that holds nothing else, the
 * ids of those that must first be brought to the present: their time is over, or their last claim's
 */
export function takeTickets(
  run: Run,
  gate: ScriptedGate,
  { permits, inFlight, version, lost }: Extract<TicketCall, { verb: "take" }>,
): readonly Row[] {
  const { keeper, limits } = gate;
  const taken: Row[] = lost.length > 0 ? takenBefore(run, keeper, lost) : [];
  const overdue: Row[] = [];
  const share = Math.ceil(limits.concurrency / Math.max(1, gate.countListeners()));
  const most = Math.min(permits.length, Math.max(1, share - inFlight));
  for (const id of keeper.look(Math.max(0, most - taken.length)).send) {
    const facts = factsOf(run, id);
    const place = keeper.find(id);
    if (facts === null || place === null) {
      // Its ticket was deleted by somebody else.
      keeper.remove(id);
    } else if (facts.version > version) {
      // Newer code wrote it, and will take it: it stays sent until that lapses.
    } else if (facts.forgetAtMs !== null) {
      // It was cancelled, and whoever called for it has died: its place goes with the claim.
      overdue.push([id]);
    } else if (run.nowMs >= facts.expiresAtMs || isClaimed(run, id, facts)) {
      overdue.push([id]);
    } else {
      const permit = permits[taken.length] ?? id;
      const start = keeper.start(place, { permit, notBeforeMs: place.notBeforeMs, suspect: place.suspect });
      if (start.kind === "call") {
        const { asProbe } = start;
        claim(run, id, facts, start, { permit, asProbe, atMs: run.nowMs, leaseMs: limits.leaseMs });
        taken.push([id, ...rowOf(run, id), cjson.encode(start)]);
      }
    }
  }
  for (const id of dueTickets(run, mostDue, version)) overdue.push([id]);
  return [...taken, ...overdue];
}

/** Those that a call with these permits has claimed whose answer did not arrive. */
function takenBefore(run: Run, keeper: GateKeeper, permits: readonly string[]): Row[] {
  const rows: Row[] = [];
  for (const place of keeper.inFlight()) {
    const { ticketId, standing, notBeforeMs, suspect } = place;
    // What has lapsed is nobody's any more.
    if (standing.state !== "running" || standing.untilMs <= run.nowMs) continue;
    if (!permits.includes(standing.permit)) continue;
    const facts = factsOf(run, ticketId);
    // It is gone, or was cancelled before it was called for.
    if (facts === null || facts.forgetAtMs !== null) {
      keeper.remove(ticketId);
      continue;
    }
    const start = keeper.start(place, { permit: standing.permit, notBeforeMs, suspect });
    rows.push([ticketId, ...rowOf(run, ticketId), cjson.encode(start)]);
  }
  return rows;
}

/** Beside its record, or in it, where somebody has written that since: after a clock was set back, its place may wait before the claim is over. */
function isClaimed(run: Run, id: string, { claimed }: Facts): boolean {
  return claimed === true || read("HGET", ticketKey(run, id), "claim") !== null;
}

function claim(
  run: Run,
  id: string,
  facts: Facts,
  start: Extract<Start, { kind: "call" }>,
  late: LateClaim,
): void {
  const fence = facts.fence + 1;
  const number = facts.events + 1;
  const event: StartedEvent = { number, atMs: run.nowMs, kind: "started", fence, asProbe: late.asProbe };
  const claimed: Facts = { ...facts, fence, events: number };
  const key = ticketKey(run, id);
  redis.call("HSET", key, "claim", cjson.encode(late), "facts", cjson.encode(claimed));
  redis.call("HINCRBY", key, "revision", 1);
  const stored = cjson.encode(event);
  redis.call("RPUSH", eventsKey(run, id), stored);
  noteForBus(run, id, stored);
  redis.call("ZADD", dueKey(run), exactly(start.leaseEndsAtMs), id);
  tellMoved(run, id, number, null);
}

/** Those whose time has come; but what newer code wrote is left to it, and what somebody else has deleted is forgotten. */
export function dueTickets(run: Run, limit: number, version: number): readonly string[] {
  const ids: string[] = [];
  for (const id of list("ZRANGEBYSCORE", dueKey(run), "-inf", exactly(run.nowMs), "LIMIT", 0, limit)) {
    const facts = factsOf(run, id);
    if (facts === null) redis.call("ZREM", dueKey(run), id);
    else if (facts.version <= version) ids.push(id);
  }
  return ids;
}
