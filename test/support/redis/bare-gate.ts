/** A gate in Redis without tickets: also what the service says with a ticket (`BareCall`), which the script of tests knows (`bare-script.ts`). */
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { Parking, Start } from "../../../src/domain/gate/queue.ts";
import type { Seat } from "../../../src/domain/gate/places.ts";
import type { StartingGate } from "../../../src/engine/claims.ts";
import type { RemoteGate } from "../../../src/engine/front/front.ts";
import { packSeat } from "../../../src/stores/redis/codec.ts";
import { redisGate, type RedisGate } from "../../../src/stores/redis/gate.ts";
import type { Caller } from "../../../src/stores/redis/script-runner.ts";
import type { GateCall } from "../../../src/stores/redis/script/calls.ts";
import type { BareCall } from "./script/bare.ts";

export interface BareGate extends RedisGate, RemoteGate, StartingGate {
  confirm(seat: Seat, notBeforeMs: number): Promise<void>;
  park(seat: Seat, parking: Parking): Promise<void>;
  release(ticketId: string, keptBytes?: number): Promise<void>;
  /** Marks those that may be called for now as sent. @returns their ids */
  dispatch(): Promise<readonly string[]>;
}

/** @param caller of the script that tests run */
export function bareGate(caller: Caller, provider: ProviderName): BareGate {
  async function ask(call: BareCall): Promise<unknown> {
    // A caller brings whatever has a verb.
    const [answer] = await caller.atGate(provider, call as object as GateCall);
    return answer === "" ? null : (JSON.parse(String(answer)) as unknown);
  }

  return {
    ...redisGate(caller, provider),
    reserve: async (seat) => (await ask({ verb: "reserve", seat: packSeat(seat) })) === "held",
    start: async (seat, starter) =>
      reviveStart((await ask({ verb: "start", seat: packSeat(seat), starter })) as Start),
    confirm: async (seat, notBeforeMs) =>
      void (await ask({ verb: "confirm", seat: packSeat(seat), notBeforeMs })),
    park: async (seat, parking) => void (await ask({ verb: "park", seat: packSeat(seat), parking })),
    release: async (ticketId, keptBytes = 0) => void (await ask({ verb: "release", ticketId, keptBytes })),
    async dispatch() {
      const ids = await ask({ verb: "dispatch" });
      return Array.isArray(ids) ? (ids as readonly string[]) : [];
    },
  };
}

function reviveStart(stored: Start): Start {
  return stored.kind === "wait" ? { ...stored, retryAtMs: stored.retryAtMs ?? null } : stored;
}
