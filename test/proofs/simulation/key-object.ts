/** The record of one key, stored before it is answered. */
import { ownsKey, type Begun, type Keyed, type KeyedEnd } from "../../../src/domain/idempotency.ts";
import { createAlarm } from "./alarm.ts";
import { createLife, type Life } from "./life.ts";
import type { Target } from "./network.ts";
import type { Stopwatch, WallClock } from "./wall-clock.ts";
import type { World } from "./world.ts";

export interface KeyObject extends Target {
  begin(requestSha256: string, queueId: string, leaseMs: number): Begun;
  end(fence: number, end: KeyedEnd): boolean;
  stored(): Keyed | null;
}

/** What a key's lease is longer than a request may be. */
const keyMarginMs = 15_000;

/** @param processLife of the process that holds it; `null`: it lives on its own */
export function createKeyObject(
  world: World,
  name: string,
  clock: WallClock,
  processLife: (() => Life) | null,
): KeyObject {
  const { seams, plan } = world;
  let stored: Keyed | null = null;
  let last: { readonly since: Stopwatch } | null = null;
  const tokens = new Set<number>();
  let life = createLife(`key ${name}`);
  const alarm = createAlarm(world, clock, () => {
    if (stored !== null && clock.nowMs() >= stored.forgetAtMs) stored = null;
    else if (stored !== null) alarm.set(stored.forgetAtMs);
  });

  /** Whoever had the key before may still come to end it. A clock that is set back makes them smaller, and never one that was given. */
  function checkToken(token: number): void {
    const isOfThisMoment = last?.since.mostMs() === 0;
    if (tokens.has(token) && !isOfThisMoment)
      world.violate("idempotency", `token ${token} is given again`, name);
    tokens.add(token);
    last = { since: clock.stopwatch() };
  }

  /** A request has its key for as long as it may last; by a clock that is set forward, for as much less. */
  function checkTime(): void {
    const lastedMs = last === null ? Infinity : last.since.mostMs();
    if (lastedMs < plan.settings.llm.requestTimeoutMs + keyMarginMs)
      world.violate("idempotency", `begun again after ${lastedMs} ms`, name);
  }

  function write(record: Keyed | null): void {
    stored = record;
    if (record === null) alarm.clear();
    else alarm.set(record.forgetAtMs);
  }

  return {
    name: `key ${name}`,
    life() {
      if (processLife) return processLife();
      if (!life.isAlive) life = createLife(`key ${name}`);
      return life;
    },
    begin(requestSha256, queueId, leaseMs) {
      const nowMs = clock.nowMs();
      const { record, reply } = seams.beginKeyed(stored, requestSha256, queueId, leaseMs, nowMs);
      if (record !== stored) write(record);
      world.note(`key ${name}`, `begin: ${reply.kind}`);
      if (reply.kind === "begun") {
        if (reply.again) checkTime();
        checkToken(reply.fence);
      }
      return reply;
    },
    end(fence, end) {
      const holds = ownsKey(stored, fence);
      const record = seams.endKeyed(stored, fence, end);
      world.note(`key ${name}`, `end: ${end.kind}${record === stored ? ", stale" : ""}`);
      if (record !== stored) write(record);
      return holds;
    },
    stored: () => stored,
  };
}
