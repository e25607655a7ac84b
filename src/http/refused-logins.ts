/** Tells of who tried to log in as an operator, and could not: ten times a minute at most, for whoever tries keys tries many. */
import type { Clock } from "../gateway/ports.ts";
import type { Tell } from "../telemetry/events.ts";

export type RefusedLogins = (correlationId: string, route: string) => void;

const mostTold = 10;
const minuteMs = 60_000;

export function createRefusedLogins(tell: Tell, monotonicMs: Clock["monotonicMs"]): RefusedLogins {
  /** When those were told that were told in the last minute, in order. */
  const toldAtMs: number[] = [];
  let untold = 0;
  return (correlationId, route) => {
    const nowMs = monotonicMs();
    while (toldAtMs[0] !== undefined && nowMs - toldAtMs[0] >= minuteMs) toldAtMs.shift();
    if (toldAtMs.length === mostTold) {
      untold++;
      return;
    }
    toldAtMs.push(nowMs);
    tell({ kind: "operator_refused", correlationId, route, untold });
    untold = 0;
  };
}
