/** When a gate must look again by itself. */
import type { GateState, GateLimits } from "./gate.ts";
import { silenceMs, type QueueLoad } from "./places.ts";
import { isDivided, mostInFlight, queueTurn } from "./ticket-turn.ts";
import type { Turn } from "./turn.ts";

/** What the table says about moments to come: see `Places`. */
export interface Due {
  readonly firstLapseMs: number | null;
  /** Looked up only where it counts. */
  readonly firstReadyMs: () => number | null;
  readonly firstHeardMs: number | null;
}

/** When the gate must look again by itself, after it has dispatched; `null`: never, for nobody waits and nothing lapses. */
export function wakeAtMs(
  gate: GateState,
  due: Due,
  load: QueueLoad,
  nowMs: number,
  limits: GateLimits,
): number | null {
  const turn: Turn = isDivided(gate) ? { kind: "free" } : queueTurn(gate, nowMs);
  const most = isDivided(gate) ? limits.concurrency : mostInFlight(gate, turn, limits);
  // Whoever resumes looks again.
  const hasPermit = gate.halt === undefined && load.inFlight < most;
  const opensAtMs = turn.kind === "wait" ? turn.untilMs : nowMs;
  const readyMs = hasPermit ? due.firstReadyMs() : null;
  // No list with gaps: Lua, to which this is compiled too, would not know its end.
  const firstMs = Math.min(
    due.firstLapseMs ?? Infinity,
    readyMs === null ? Infinity : Math.max(readyMs, opensAtMs),
    due.firstHeardMs === null ? Infinity : due.firstHeardMs + silenceMs,
  );
  return firstMs === Infinity ? null : firstMs;
}
