/** When a gate must look again by itself. */
import type { GateCore, GateLimits } from "./gate.ts";
import { silenceMs, type Tally } from "./places.ts";
import { isDivided, mostInFlight, queueTurn } from "./ticket-turn.ts";
import type { Turn } from "./turn.ts";

/** What the table says about moments to come: see `Places`. */
export interface Due {
  readonly firstLapseMs: number | null;
  readonly firstReadyMs: number | null;
  readonly firstHeardMs: number | null;
}

/** When the gate must look again by itself, after it has dispatched; `null`: never, for nobody waits and nothing lapses. */
export function wakeAtMs(
  core: GateCore,
  due: Due,
  tally: Tally,
  nowMs: number,
  limits: GateLimits,
): number | null {
  const turn: Turn = isDivided(core) ? { kind: "free" } : queueTurn(core, nowMs);
  const most = isDivided(core) ? limits.concurrency : mostInFlight(core, turn, limits);
  const hasPermit = tally.inFlight < most;
  const opensAtMs = turn.kind === "wait" ? turn.untilMs : nowMs;
  // No list with gaps: Lua, to which this is compiled too, would not know its end.
  const firstMs = Math.min(
    due.firstLapseMs ?? Infinity,
    due.firstReadyMs === null || !hasPermit ? Infinity : Math.max(due.firstReadyMs, opensAtMs),
    due.firstHeardMs === null ? Infinity : due.firstHeardMs + silenceMs,
  );
  return firstMs === Infinity ? null : firstMs;
}
