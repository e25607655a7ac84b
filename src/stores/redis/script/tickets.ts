/** Tickets as the service changes them: each with its place, so that no crash can part the two. */
import type { QueueItem } from "../../../domain/gate/places.ts";
import type { WaitEstimate } from "../../../domain/gate/view.ts";
import { noteForBus } from "./bus.ts";
import type { BusEntry, Facts, TicketCall, WrittenNotice } from "./calls.ts";
import { count, exactly, list, read } from "./commands.ts";
import { enterEnd } from "./deliveries.ts";
import type { ScriptedGate } from "./gate.ts";
import {
  dueKey,
  eventsKey,
  factsOf,
  rowOf,
  tellMoved,
  ticketKey,
  writeTicket,
  type Row,
  type Run,
} from "./ticket-rows.ts";

type Of<Verb> = Extract<TicketCall, { verb: Verb }>;

/** `fault`: a bug in what is told of it, in Redis' words; empty: none. */
type Changed =
  | { readonly kind: "stored"; readonly fault: string }
  /** As another has left it. */
  | { readonly kind: "there"; readonly row: Row };

type Created =
  | { readonly kind: "stored"; readonly estimate: WaitEstimate | null; readonly fault: string }
  /** There is one already. */
  | { readonly kind: "there"; readonly row: Row }
  | { readonly kind: "full" };

/** The oldest of a list, which are looked at for each that comes in: more than come, so that the list doesn't grow. */
const mostGone = 3;
/** And of a feed, by as many at once. */
const looksEach = 4;
/** A feed is there for so long after its last ticket is forgotten. */
const feedSpareMs = 3_600_000;
/** The longest that a call of a process can be under way to Redis. */
const graveMs = 3_600_000;
/** An answer of Redis may be so long under way, there and back. */
const clockSlackMs = 2_000;

/**
 * All moments in this store are of one clock. Who asks knows it but from the last answer, and that may be long ago, or the clock was set since.
 */
export function isOfThisClock({ nowMs }: Run, { atMs = nowMs }: { readonly atMs?: number }): boolean {
  return Math.abs(atMs - nowMs) < clockSlackMs;
}

export function createTicket(
  run: Run,
  gate: ScriptedGate,
  call: Of<"create">,
  texts: readonly string[],
): Created {
  const { item, facts, notice } = call;
  const id = item.ticketId;
  const known = factsOf(run, id);
  if (known !== null && (known.forgetAtMs === null || run.nowMs < known.forgetAtMs)) {
    return { kind: "there", row: rowOf(run, id) };
  }
  let estimate: WaitEstimate | null = null;
  if (call.always || notice.kind !== "enqueue") tell(gate, item, notice);
  else {
    const admitted = gate.keeper.admit(item, notice.notBeforeMs);
    if (admitted.kind === "full") return admitted;
    estimate = admitted.estimate;
  }
  redis.call("DEL", ticketKey(run, id), eventsKey(run, id));
  writeTicket(run, id, facts, call.dueMs, texts);
  enlist(run, gate, call);
  enterFeed(run, call);
  // Of a new one nobody knows yet.
  if (call.always) tellMoved(run, id, facts.events, ownerOfEnded(call));
  // There was room for it, or it would not have been taken in.
  return { kind: "stored", estimate, fault: tellEndpoints(run, call, Infinity) };
}

export function changeTicket(
  run: Run,
  gate: ScriptedGate,
  call: Of<"change">,
  texts: readonly string[],
): Changed {
  const id = call.item.ticketId;
  const key = ticketKey(run, id);
  const isAsRead = read("HGET", key, "revision") === exactly(call.revision);
  if (!isAsRead || !isOfThisClock(run, call)) return { kind: "there", row: rowOf(run, id) };
  const freedBytes = call.told === undefined ? 0 : bytesIn(rowOf(run, id)) - bytesIn(texts);
  redis.call("HDEL", key, "claim");
  if (call.facts.forgetAtMs !== null) redis.call("HDEL", key, "texts");
  writeTicket(run, id, call.facts, call.dueMs, texts);
  enlist(run, gate, call);
  enterFeed(run, call);
  tell(gate, call.item, call.notice);
  tellMoved(run, id, call.facts.events, ownerOfEnded(call));
  return { kind: "stored", fault: tellEndpoints(run, call, freedBytes) };
}

/** Last, so that a bug in it costs the ticket nothing. @returns what went wrong */
function tellEndpoints(run: Run, { told }: Of<"create" | "change">, freedBytes: number): string {
  if (told === undefined) return "";
  try {
    enterEnd(run, told, freedBytes);
    return "";
  } catch (error) {
    return typeof error === "string" ? error : ((error as { err?: string }).err ?? "unknown");
  }
}

function bytesIn(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/** @returns `null`: it has not ended */
function ownerOfEnded({ facts, owner }: Of<"create" | "change">): string | null {
  return facts.forgetAtMs === null ? null : owner;
}

/** What arrives after it, because it was long under way, finds the place taken. @returns false: it stays, for somebody has worked on it */
export function withdrawTicket(run: Run, { keeper }: ScriptedGate, id: string): boolean {
  const facts = factsOf(run, id);
  // What was withdrawn before has no event.
  if (facts !== null && facts.events > 0 && (facts.fence > 0 || facts.forgetAtMs !== null)) return false;
  keeper.remove(id);
  const key = ticketKey(run, id);
  if (facts !== null && facts.events > 0) {
    const withdrawn: BusEntry["event"] = { number: facts.events + 1, atMs: run.nowMs, kind: "withdrawn" };
    noteForBus(run, id, cjson.encode(withdrawn), read("HGET", key, "record"));
  }
  redis.call("DEL", key, eventsKey(run, id));
  redis.call("ZREM", dueKey(run), id);
  const grave: Facts = {
    version: 1,
    expiresAtMs: 0,
    events: 0,
    fence: 0,
    forgetAtMs: run.nowMs + graveMs,
  };
  redis.call("HSET", key, "facts", cjson.encode(grave));
  redis.call("PEXPIRE", key, graveMs);
  return true;
}

/** Into the list of its owner's tickets, where it isn't there: older code writes none. Whoever comes in takes out who is gone. */
function enlist(run: Run, { limits }: ScriptedGate, { owner, item, facts }: Of<"create" | "change">): void {
  const key = `${run.root}queue:tenant:${owner}`;
  const added = count("ZADD", key, "NX", exactly(item.acceptedAtMs), item.ticketId);
  if (added === 0) return;
  const lastMs = facts.forgetAtMs ?? facts.expiresAtMs + limits.leaseMs + limits.retentionMs;
  const keptMs = Math.ceil(lastMs - run.nowMs);
  if (keep(key, keptMs)) {
    // Who has such a list, and until when: for operators, who list all.
    const tenants = `${run.root}queue:tenants`;
    redis.call("ZADD", tenants, exactly(Math.ceil(lastMs)), owner);
    keep(tenants, keptMs);
  }
  for (const id of list("ZRANGE", key, 0, mostGone - 1))
    if (count("EXISTS", ticketKey(run, id)) === 0) redis.call("ZREM", key, id);
}

/**
 * Behind all that have entered its owner's feed. Each fourth that comes in takes out who is gone: most often they go in the order in which they
 * came. The time to live is set for longer than is needed, so that it is set seldom.
 */
function enterFeed(run: Run, { ends, owner, item, facts }: Of<"create" | "change">): void {
  if (ends !== true || facts.forgetAtMs === null) return;
  const key = `${run.root}queue:feed:${owner}`;
  const number = count("HINCRBY", `${run.root}queue:feeds`, owner, 1);
  redis.call("ZADD", key, exactly(number), item.ticketId);
  const keptMs = Math.max(1, Math.ceil(facts.forgetAtMs - run.nowMs));
  if (count("PTTL", key) < keptMs) redis.call("PEXPIRE", key, exactly(keptMs + feedSpareMs));
  if (number % looksEach !== 0) return;
  for (const id of list("ZRANGE", key, 0, looksEach * mostGone - 1)) {
    if (count("EXISTS", ticketKey(run, id)) === 1) break;
    redis.call("ZREM", key, id);
  }
}

/** @returns false: it is kept for longer already */
function keep(key: string, keptMs: number): boolean {
  if (count("PTTL", key) >= keptMs) return false;
  redis.call("PEXPIRE", key, exactly(keptMs));
  return true;
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
