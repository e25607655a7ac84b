/** One gate in Redis: the same machine as everywhere (`engine/gate-keeper.ts`), over what the script reads and writes. */
import { completeGate, newGate, type GateState, type GateLimits } from "../../../domain/gate/gate.ts";
import type { GateChange } from "../../../domain/gate/changes.ts";
import { createGateKeeper, type GateKeeper } from "../../../engine/gate-keeper.ts";
import type { GateCalls, Schedule } from "./calls.ts";
import { count, exactly, firstScore, read } from "./commands.ts";
import { redisPlaces } from "./places.ts";

export interface ScriptedGate {
  readonly keeper: GateKeeper;
  readonly limits: GateLimits;
  /** Processes that hear of it now. */
  countListeners(): number;
  /** Has all processes ask how the gate stands: an operator has ordered something. */
  announceOrder(): void;
  /** Stores what has changed, and tells all processes when tickets can next be fetched, if that is new. Call it last. */
  finish(): Schedule;
}

/** @param root what all keys begin with */
export function openGate(
  root: string,
  { provider, limits, random }: Omit<GateCalls, "verb" | "calls">,
  nowMs: number,
): ScriptedGate {
  const prefix = `${root}gate:${provider}:`;
  const stateKey = `${prefix}core`;
  const wakeKey = `${prefix}wake`;
  const channel = `${root}gate:wake`;
  const places = redisPlaces(prefix, `${root}gate:suspects`, nowMs);
  const stored = read("GET", stateKey);
  let state = stored === null ? newGate : stateIn(stored);
  let hasChanged = false;
  let listeners: number | null = null;
  let told: readonly GateChange[] | null = null;

  const keeper = createGateKeeper({
    places,
    limits,
    readState: () => state,
    writeState(next) {
      state = next;
      hasChanged = true;
    },
    atomically: (work) => work(),
    nowMs: () => nowMs,
    random: () => random,
    onChanges(changes) {
      told = told === null ? changes : [...told, ...changes];
    },
  });

  function finish(): Schedule {
    const dueMs = firstScore(`${root}queue:due`);
    const lookAtMs = keeper.look(0).wakeAtMs;
    const wakeAtMs = lookAtMs === null || (dueMs !== null && dueMs < lookAtMs) ? dueMs : lookAtMs;
    if (hasChanged) redis.call("SET", stateKey, cjson.encode(state));
    places.flush();
    const wake = wakeAtMs === null ? "" : exactly(wakeAtMs);
    if ((read("GET", wakeKey) ?? "") !== wake) {
      redis.call("SET", wakeKey, wake);
      listeners = count("PUBLISH", channel, `${provider} ${exactly(nowMs)} ${wake}`);
    }
    return {
      nowMs,
      wakeAtMs,
      listeners,
      ...(state.halt === undefined ? {} : { halt: state.halt }),
      ...(told === null ? {} : { changes: told }),
    };
  }

  function announceOrder(): void {
    redis.call("PUBLISH", channel, `ordered ${provider}`);
  }

  function countListeners(): number {
    const [, number] = redis.call("PUBSUB", "NUMSUB", channel) as readonly [string, number];
    listeners = number;
    return number;
  }

  return { keeper, limits, countListeners, announceOrder, finish };
}

/** A newer one is given up: what it knows is learned again in a few calls. */
function stateIn(stored: string): GateState {
  const state = cjson.decode(stored) as GateState;
  return state.version === newGate.version ? completeGate(state) : newGate;
}
