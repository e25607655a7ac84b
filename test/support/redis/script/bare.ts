/**
 * The script that ships, which also answers what the service says with a ticket alone, said without one (`BareCall`): by these verbs the gate
 * that is compiled for Redis is held against its source. Compiled by `npm run lua`.
 */
import type { QueueItem } from "../../../../src/domain/gate/places.ts";
import type { Requeueing, Starter } from "../../../../src/domain/gate/queue.ts";
import type { GateCall } from "../../../../src/stores/redis/script/calls.ts";
import type { ScriptedGate } from "../../../../src/stores/redis/script/gate.ts";
import { answerCalls, ofGate } from "../../../../src/stores/redis/script/main.ts";

export type BareCall =
  | { readonly verb: "admit"; readonly item: QueueItem; readonly notBeforeMs: number }
  | { readonly verb: "confirm"; readonly item: QueueItem; readonly notBeforeMs: number }
  | { readonly verb: "park"; readonly item: QueueItem; readonly requeueing: Requeueing }
  | { readonly verb: "start"; readonly item: QueueItem; readonly starter: Starter }
  | { readonly verb: "release"; readonly ticketId: string; readonly keptBytes: number }
  | { readonly verb: "dispatch" };

export const reply = answerCalls(ofBareGate);

function ofBareGate(gate: ScriptedGate, call: GateCall | BareCall): unknown {
  const { keeper } = gate;
  switch (call.verb) {
    case "admit":
      return keeper.admit(call.item, call.notBeforeMs);
    case "confirm":
      return keeper.enqueue(call.item, call.notBeforeMs);
    case "park":
      return keeper.requeue(call.item, call.requeueing);
    case "start":
      return keeper.start(call.item, call.starter);
    case "release":
      return keeper.remove(call.ticketId, call.keptBytes);
    case "dispatch":
      return keeper.look().send;
    case "enter":
    case "exchange":
    case "outlook":
    case "overview":
    case "order":
    case "started":
      return ofGate(gate, call);
  }
}
