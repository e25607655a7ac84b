/** Tickets: a hash each, beside their places, so that no crash can part the two. Their records are JSON that only the service reads. */
import type { Start } from "../../../domain/gate/queue.ts";
import type { Facts, LateClaim, StartedEvent, TicketCall, WrittenNotice } from "./calls.ts";
import { count, exactly, list, read } from "./commands.ts";
import type { ScriptedGate } from "./gate.ts";
import type { QueueItem } from "../../../domain/gate/places.ts";
import type { WaitEstimate } from "../../../domain/gate/view.ts";

type Of<Verb> = Extract<TicketCall, { verb: Verb }>;

/** As stored: record, texts, revision, late claim. An empty text: there is none. */
type Row = readonly string[];

type Created =
  | { readonly kind: "stored"; readonly estimate: WaitEstimate | null }
  /** There is one already. */
  | { readonly kind: "there"; readonly row: Row }
  | { readonly kind: "full" };

/** The oldest of a list, which are looked at for each that comes in: more than come, so that the list doesn't grow. */
const mostGone = 3;
/** Tickets that one call lets expire, or lose a claim whose lease has ended. */
const mostDue = 50;
/** The longest that a call of a process can be under way to Redis. */
const graveMs = 3_600_000;
/** An answer of Redis may be so long under way, there and back. */
const clockSlackMs = 2_000;

export function ticketScripts(root: string, nowMs: number) {
  const dueKey = `${root}queue:due`;
  const keyOf = (id: string) => `${root}queue:requests:${id}`;
  const eventsOf = (id: string) => `${root}queue:events:${id}`;

  function row(id: string): Row {
    const fields = redis.call("HMGET", keyOf(id), "record", "texts", "revision", "claim") as (
      | string
      | false
    )[];
    return fields.map((field) => (field === false ? "" : field));
  }

  /**
   * All moments in this store are of one clock. Who asks knows it but from the last answer, and that may be long ago, or the clock was set since.
   */
  function isOfThisClock({ atMs = nowMs }: { readonly atMs?: number }): boolean {
    return Math.abs(atMs - nowMs) < clockSlackMs;
  }

  function create(gate: ScriptedGate, call: Of<"create">, texts: readonly string[]): Created {
    const { item, facts, notice } = call;
    const id = item.ticketId;
    const known = factsOf(id);
    if (known !== null && (known.forgetAtMs === null || nowMs < known.forgetAtMs)) {
      return { kind: "there", row: row(id) };
    }
    let estimate: WaitEstimate | null = null;
    if (call.always || notice.kind !== "enqueue") tell(gate, item, notice);
    else {
      const admitted = gate.keeper.admit(item, notice.notBeforeMs);
      if (admitted.kind === "full") return admitted;
      estimate = admitted.estimate;
    }
    redis.call("DEL", keyOf(id), eventsOf(id));
    write(id, facts, call.dueMs, texts);
    enlist(gate, call);
    return { kind: "stored", estimate };
  }

  /** @returns the row as another has left it; `[]`: stored */
  function change(gate: ScriptedGate, call: Of<"change">, texts: readonly string[]): Row {
    const id = call.item.ticketId;
    const isAsRead = read("HGET", keyOf(id), "revision") === exactly(call.revision);
    if (!isAsRead || !isOfThisClock(call)) return row(id);
    redis.call("HDEL", keyOf(id), "claim");
    if (call.facts.forgetAtMs !== null) redis.call("HDEL", keyOf(id), "texts");
    write(id, call.facts, call.dueMs, texts);
    enlist(gate, call);
    tell(gate, call.item, call.notice);
    return [];
  }

  function write(id: string, facts: Facts, dueMs: number | null, texts: readonly string[]): void {
    const [record = "", essays = "", ...events] = texts;
    redis.call("HSET", keyOf(id), "record", record, "facts", cjson.encode(facts));
    redis.call("HINCRBY", keyOf(id), "revision", 1);
    if (essays !== "") redis.call("HSET", keyOf(id), "texts", essays);
    for (const event of events) redis.call("RPUSH", eventsOf(id), event);
    if (dueMs === null) redis.call("ZREM", dueKey, id);
    else redis.call("ZADD", dueKey, exactly(dueMs), id);
    if (facts.forgetAtMs === null) return;
    const keptMs = Math.ceil(facts.forgetAtMs - nowMs);
    for (const key of [keyOf(id), eventsOf(id)]) redis.call("PEXPIRE", key, exactly(Math.max(1, keptMs)));
  }

  /** Into the list of its owner's tickets, where it isn't there: older code writes none. Whoever comes in takes out who is gone. */
  function enlist({ limits }: ScriptedGate, { owner, item, facts }: Of<"create" | "change">): void {
    const key = `${root}queue:tenant:${owner}`;
    const added = count("ZADD", key, "NX", exactly(item.acceptedAtMs), item.ticketId);
    if (added === 0) return;
    const lastMs = facts.forgetAtMs ?? facts.expiresAtMs + limits.leaseMs + limits.retentionMs;
    const keptMs = Math.ceil(lastMs - nowMs);
    if (count("PTTL", key) < keptMs) redis.call("PEXPIRE", key, exactly(keptMs));
    for (const id of list("ZRANGE", key, 0, mostGone - 1))
      if (count("EXISTS", keyOf(id)) === 0) redis.call("ZREM", key, id);
  }

  function factsOf(id: string): Facts | null {
    const stored = read("HGET", keyOf(id), "facts");
    return stored === null ? null : (cjson.decode(stored) as Facts);
  }

  /**
   * @returns of each ticket that was claimed its row, followed by the start; then, each with a row of its own that holds nothing else, the
   * ids of those that must first be brought to the present: their time is over, or their last claim's
   */
  function fetch(gate: ScriptedGate, { permits, inFlight, version, lost }: Of<"take">): readonly Row[] {
    const { keeper, limits } = gate;
    const fetched: Row[] = lost.length > 0 ? fetchedBefore(keeper, lost) : [];
    const overdue: Row[] = [];
    const share = Math.ceil(limits.concurrency / Math.max(1, gate.countListeners()));
    const most = Math.min(permits.length, Math.max(1, share - inFlight));
    for (const id of keeper.look(Math.max(0, most - fetched.length)).send) {
      const facts = factsOf(id);
      const place = keeper.find(id);
      if (facts === null || place === null) {
        // Its ticket was deleted by somebody else.
        keeper.remove(id);
      } else if (facts.version > version) {
        // Newer code wrote it, and will take it: it stays sent until that lapses.
      } else if (facts.forgetAtMs !== null) {
        // It was cancelled, and whoever called for it has died: its place goes with the claim.
        overdue.push([id]);
      } else if (nowMs >= facts.expiresAtMs || isClaimed(id, facts)) {
        overdue.push([id]);
      } else {
        const permit = permits[fetched.length] ?? id;
        const start = keeper.start(place, { permit, notBeforeMs: place.notBeforeMs, suspect: place.suspect });
        if (start.kind === "call") {
          claim(id, facts, start, { permit, asProbe: start.asProbe, atMs: nowMs, leaseMs: limits.leaseMs });
          fetched.push([id, ...row(id), cjson.encode(start)]);
        }
      }
    }
    for (const id of dueBy(mostDue, version)) overdue.push([id]);
    return [...fetched, ...overdue];
  }

  /** Those whose time has come; but what newer code wrote is left to it, and what somebody else has deleted is forgotten. */
  function dueBy(limit: number, version: number): string[] {
    const ids: string[] = [];
    for (const id of list("ZRANGEBYSCORE", dueKey, "-inf", exactly(nowMs), "LIMIT", 0, limit)) {
      const facts = factsOf(id);
      if (facts === null) redis.call("ZREM", dueKey, id);
      else if (facts.version <= version) ids.push(id);
    }
    return ids;
  }

  /** Those that a call with these permits has claimed whose answer did not arrive. */
  function fetchedBefore(keeper: ScriptedGate["keeper"], permits: readonly string[]): Row[] {
    const rows: Row[] = [];
    for (const place of keeper.inFlight()) {
      const { ticketId, standing, notBeforeMs, suspect } = place;
      // What has lapsed is nobody's any more.
      if (standing.state !== "running" || standing.untilMs <= nowMs) continue;
      if (!permits.includes(standing.permit)) continue;
      const facts = factsOf(ticketId);
      // It is gone, or was cancelled before it was called for.
      if (facts === null || facts.forgetAtMs !== null) {
        keeper.remove(ticketId);
        continue;
      }
      const start = keeper.start(place, { permit: standing.permit, notBeforeMs, suspect });
      rows.push([ticketId, ...row(ticketId), cjson.encode(start)]);
    }
    return rows;
  }

  /** Beside its record, or in it, where somebody has written that since: after a clock was set back, its place may wait before the claim is over. */
  function isClaimed(id: string, { claimed }: Facts): boolean {
    return claimed === true || read("HGET", keyOf(id), "claim") !== null;
  }

  function claim(id: string, facts: Facts, start: Extract<Start, { kind: "call" }>, late: LateClaim): void {
    const fence = facts.fence + 1;
    const number = facts.events + 1;
    const event: StartedEvent = { number, atMs: nowMs, kind: "started", fence, asProbe: late.asProbe };
    const claimed: Facts = { ...facts, fence, events: number };
    redis.call("HSET", keyOf(id), "claim", cjson.encode(late), "facts", cjson.encode(claimed));
    redis.call("HINCRBY", keyOf(id), "revision", 1);
    redis.call("RPUSH", eventsOf(id), cjson.encode(event));
    redis.call("ZADD", dueKey, exactly(start.leaseEndsAtMs), id);
  }

  /** What arrives after it, because it was long under way, finds the place taken. @returns false: it stays, for somebody has worked on it */
  function withdraw({ keeper }: ScriptedGate, id: string): boolean {
    const facts = factsOf(id);
    // What was withdrawn before has no event.
    if (facts !== null && facts.events > 0 && (facts.fence > 0 || facts.forgetAtMs !== null)) return false;
    keeper.remove(id);
    redis.call("DEL", keyOf(id), eventsOf(id));
    redis.call("ZREM", dueKey, id);
    const grave: Facts = { version: 1, expiresAtMs: 0, events: 0, fence: 0, forgetAtMs: nowMs + graveMs };
    redis.call("HSET", keyOf(id), "facts", cjson.encode(grave));
    redis.call("PEXPIRE", keyOf(id), graveMs);
    return true;
  }

  return {
    isOfThisClock,
    create,
    change,
    fetch,
    withdraw,
    dueBy,
  };
}

function tell({ keeper }: ScriptedGate, item: QueueItem, notice: WrittenNotice): void {
  switch (notice.kind) {
    case "enqueue":
      return keeper.enqueue(item, notice.notBeforeMs);
    case "requeue":
      return keeper.requeue(item, notice.requeueing);
    case "remove":
      return keeper.remove(item.ticketId, notice.keptBytes);
    case "nothing":
      return;
  }
}
