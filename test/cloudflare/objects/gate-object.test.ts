import { runInDurableObject } from "cloudflare:test";
import { describe } from "vitest";
import { configOf } from "../../../src/cloudflare/environment.ts";
import { remoteGate } from "../../../src/cloudflare/stubs/gate.ts";
import type { Requeueing } from "../../../src/domain/gate/queue.ts";
import type { QueueItem } from "../../../src/domain/gate/places.ts";
import { gateLimits } from "../../../src/settings/limits.ts";
import { testGate, type GateUnderTest } from "../../contracts/gate.ts";
import { asIs, directly, env, evictAll, freshWorld, withEvictions } from "../objects.ts";
import type { Remote } from "../../../src/cloudflare/stubs/ask-object.ts";
import type { ProviderGate } from "../../../src/cloudflare/objects/gate-object.ts";

const limits = gateLimits(configOf(env));

function gateWith(wrap: <Verbs extends object>(verbs: Verbs) => Verbs) {
  return async (): Promise<GateUnderTest> => {
    const { advance, nowMs, sent } = await freshWorld();
    const stub = env.GATES.get(env.GATES.idFromName("mock"));
    const told = stub as unknown as Remote<ProviderGate>;
    const notices = wrap({
      admit: (item: QueueItem, notBeforeMs: number) => told.admit(item, notBeforeMs),
      enqueue: (item: QueueItem, notBeforeMs: number) => told.confirm(item, notBeforeMs),
      requeue: (item: QueueItem, requeueing: Requeueing) => told.park(item, requeueing),
      remove: (ticketId: string) => told.release(ticketId),
    });
    return {
      gate: wrap(directly(remoteGate(env, "mock"))),
      ...notices,
      sent,
      nowMs,
      advance,
      async restart() {
        await runInDurableObject(stub, (_, { storage }) => {
          storage.sql.exec("UPDATE version SET id = 'the one before'");
        });
        await evictAll();
      },
    };
  };
}

describe("a gate in a Durable Object", () => {
  testGate(limits, gateWith(asIs));
});

describe("a gate that is evicted before every call", () => {
  testGate(limits, gateWith(withEvictions));
});
