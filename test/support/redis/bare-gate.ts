/** A gate in Redis without tickets: also what the service says with a ticket (`BareCall`), which the script of tests knows (`bare-script.ts`). */
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { Requeueing, Start } from "../../../src/domain/gate/queue.ts";
import type { QueueItem } from "../../../src/domain/gate/places.ts";
import type { Admitted } from "../../../src/domain/gate/view.ts";
import type { StartingGate } from "../../../src/engine/claims.ts";
import type { RemoteGate } from "../../../src/engine/front/front.ts";
import { encodeQueueItem, decodeEstimate } from "../../../src/stores/redis/codec.ts";
import { redisGate, type RedisGate } from "../../../src/stores/redis/gate.ts";
import type { ScriptRunner } from "../../../src/stores/redis/script-runner.ts";
import type { GateCall } from "../../../src/stores/redis/script/calls.ts";
import type { BareCall } from "./script/bare.ts";

export interface BareGate extends RedisGate, RemoteGate, StartingGate {
  admit(item: QueueItem, notBeforeMs: number): Promise<Admitted>;
  enqueue(item: QueueItem, notBeforeMs: number): Promise<void>;
  requeue(item: QueueItem, requeueing: Requeueing): Promise<void>;
  remove(ticketId: string, keptBytes?: number): Promise<void>;
  /** Marks those that may be called for now as sent. @returns their ids */
  dispatch(): Promise<readonly string[]>;
}

/** @param script of the script that tests run */
export function bareGate(script: ScriptRunner, provider: ProviderName): BareGate {
  async function ask(call: BareCall): Promise<unknown> {
    // A caller brings whatever has a verb.
    const [answer] = await script.atGate(provider, call as object as GateCall);
    return answer === "" ? null : (JSON.parse(String(answer)) as unknown);
  }

  return {
    ...redisGate(script, provider),
    admit: async (item, notBeforeMs) =>
      reviveAdmitted((await ask({ verb: "admit", item: encodeQueueItem(item), notBeforeMs })) as Admitted),
    start: async (item, starter) =>
      decodeStart((await ask({ verb: "start", item: encodeQueueItem(item), starter })) as Start),
    enqueue: async (item, notBeforeMs) =>
      void (await ask({ verb: "confirm", item: encodeQueueItem(item), notBeforeMs })),
    requeue: async (item, requeueing) =>
      void (await ask({ verb: "park", item: encodeQueueItem(item), requeueing })),
    remove: async (ticketId, keptBytes = 0) => void (await ask({ verb: "release", ticketId, keptBytes })),
    async dispatch() {
      const ids = await ask({ verb: "dispatch" });
      return Array.isArray(ids) ? (ids as readonly string[]) : [];
    },
  };
}

function reviveAdmitted(stored: Admitted): Admitted {
  return stored.kind === "full" ? stored : { ...stored, estimate: decodeEstimate(stored.estimate ?? null) };
}

function decodeStart(stored: Start): Start {
  return stored.kind === "wait" ? { ...stored, retryAtMs: stored.retryAtMs ?? null } : stored;
}
