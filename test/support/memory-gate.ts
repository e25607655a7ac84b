/** The shipped keeper of a gate over a state and places in memory. */
import { newGate, type GateLimits, type GateState } from "../../src/domain/gate/gate.ts";
import { createGateKeeper, type GateKeeper } from "../../src/engine/gate-keeper.ts";
import { memoryPlaces } from "../../src/engine/memory-places.ts";
import type { Clock } from "../../src/gateway/ports.ts";

export function memoryGateKeeper(limits: GateLimits, clock: Clock, random: () => number): GateKeeper {
  let state: GateState = newGate;
  return createGateKeeper({
    places: memoryPlaces(),
    limits,
    readState: () => state,
    writeState: (next) => {
      state = next;
    },
    atomically: (verb) => verb(),
    nowMs: clock.nowMs,
    random,
  });
}
