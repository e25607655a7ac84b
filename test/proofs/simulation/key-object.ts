/** The record of one key, stored before it is answered. */
import { ownsKey, type Begun, type Keyed, type KeyedEnd } from "../../../src/domain/idempotency.ts";
import { createAlarm } from "./alarm.ts";
import { createLife, type Life } from "./life.ts";
import type { Target } from "./network.ts";
import type { World } from "./world.ts";

export interface KeyObject extends Target {
  begin(requestSha256: string, queueId: string, leaseMs: number): Begun;
  end(fence: number, end: KeyedEnd): boolean;
  stored(): Keyed | null;
}

/** What a key's lease is longer than a request may be. */
const keyMarginMs = 15_000;

/** @param processLife of the process that holds it; `null`: it lives on its own */
export function createKeyObject(world: World, name: string, processLife: (() => Life) | null): KeyObject {
  const { scheduler, seams, plan } = world;
  let stored: Keyed | null = null;
  let last: { readonly token: number; readonly atMs: number } | null = null;
  let life = createLife(`key ${name}`);
  const alarm = createAlarm(world, () => {
    if (stored !== null && scheduler.nowMs() >= stored.forgetAtMs) stored = null;
    else if (stored !== null) alarm.set(stored.forgetAtMs);
  });

  /** Whoever had the key before may still come to end it. */
  function checkToken(token: number, nowMs: number): void {
    if (last !== null && token <= last.token && nowMs > last.atMs)
      world.violate("idempotency", `token ${token} is given after ${last.token}`, name);
    last = { token, atMs: nowMs };
  }

  /** A request has its key for as long as it may last. */
  function checkTime(nowMs: number): void {
    const lastedMs = last === null ? Infinity : nowMs - last.atMs;
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
      const nowMs = scheduler.nowMs();
      const { record, reply } = seams.beginKeyed(stored, requestSha256, queueId, leaseMs, nowMs);
      if (record !== stored) write(record);
      world.note(`key ${name}`, `begin: ${reply.kind}`);
      if (reply.kind === "begun") {
        if (reply.again) checkTime(nowMs);
        checkToken(reply.fence, nowMs);
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
