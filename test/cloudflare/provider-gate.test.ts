import { runInDurableObject } from "cloudflare:test";
import { describe } from "vitest";
import { configOf } from "../../src/cloudflare/environment.ts";
import { durableGate } from "../../src/cloudflare/gate-stub.ts";
import { gateLimits } from "../../src/domain/policy.ts";
import { testGate, type GateUnderTest } from "../contracts/gate.ts";
import { directly, env, evictAll, freshWorld, withEvictions } from "./objects.ts";
import type { Remote } from "../../src/cloudflare/ask-object.ts";
import type { ProviderGate } from "../../src/cloudflare/provider-gate.ts";

const limits = gateLimits(configOf(env));

function gateWith<Verbs extends object>(wrap: (verbs: Verbs) => Verbs) {
  return async (): Promise<GateUnderTest> => {
    const world = await freshWorld();
    const stub = env.GATES.get(env.GATES.idFromName("mock"));
    const told = wrap(stub as unknown as Remote<ProviderGate> as never) as unknown as Remote<ProviderGate>;
    return {
      gate: wrap(directly(durableGate(env, "mock")) as never) as never,
      confirm: (seat, notBeforeMs) => told.confirm(seat, notBeforeMs),
      park: (seat, parking) => told.park(seat, parking),
      release: (ticketId) => told.release(ticketId),
      sent: world.sent,
      nowMs: world.nowMs,
      advance: world.advance,
      async restart() {
        await runInDurableObject(stub, (_, { storage }) => {
          storage.sql.exec("UPDATE version SET id = 'the one before'");
        });
        await evictAll();
      },
    };
  };
}

describe("a gate in a Durable Object", () =>
  testGate(
    limits,
    gateWith((verbs) => verbs),
  ));
describe("a gate that is evicted before every call", () => testGate(limits, gateWith(withEvictions)));
