/** How late a machine is that does other work too: what a promise about time must be forgiven, measured beside it. */
import { performance } from "node:perf_hooks";

const everyMs = 10;

export interface Lateness {
  /** By how much the latest timer was late, so far. Ends the measurement. */
  mostMs(): number;
}

export function measureLateness(): Lateness {
  let mostMs = 0;
  let lastMs = performance.now();
  const look = () => {
    const nowMs = performance.now();
    mostMs = Math.max(mostMs, nowMs - lastMs - everyMs);
    lastMs = nowMs;
  };
  const timer = setInterval(look, everyMs);
  return {
    mostMs() {
      look();
      clearInterval(timer);
      return mostMs;
    },
  };
}
