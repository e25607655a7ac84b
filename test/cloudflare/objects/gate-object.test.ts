import { runInDurableObject } from "cloudflare:test";
import { describe } from "vitest";
import { configOf } from "../../../src/cloudflare/environment.ts";
import { durableGate } from "../../../src/cloudflare/stubs/gate.ts";
import type { Parking } from "../../../src/domain/gate/queue.ts";
import type { Seat } from "../../../src/domain/gate/places.ts";
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
    const errands = wrap({
      admit: (seat: Seat, notBeforeMs: number) => told.admit(seat, notBeforeMs),
      confirm: (seat: Seat, notBeforeMs: number) => told.confirm(seat, notBeforeMs),
      park: (seat: Seat, parking: Parking) => told.park(seat, parking),
      release: (ticketId: string) => told.release(ticketId),
    });
    return {
      gate: wrap(directly(durableGate(env, "mock"))),
      ...errands,
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
