/** Tells of who tried to log in as an operator, and could not: ten times a minute at most, for whoever tries keys tries many. */
import type { Clock } from "../gateway/ports.ts";
import type { Tell } from "../telemetry/events.ts";

export type RefusedLogins = (correlationId: string, route: string) => void;

const mostTold = 10;
const minuteMs = 60_000;

export function createRefusedLogins(tell: Tell, monotonicMs: Clock["monotonicMs"]): RefusedLogins {
  let sinceMs = -Infinity;
  let told = 0;
  let untold = 0;
  return (correlationId, route) => {
    const nowMs = monotonicMs();
    if (nowMs - sinceMs >= minuteMs) {
      sinceMs = nowMs;
      told = 0;
    }
    if (told === mostTold) {
      untold++;
      return;
    }
    told++;
    tell({ kind: "operator_refused", correlationId, route, untold });
    untold = 0;
  };
}
