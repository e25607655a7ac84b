/** Time limits for others that count only the time in which this process was there to hear them. */
import type { Clock } from "../../gateway/ports.ts";

/** A timer that is late by itself tells that this process was not there: more often than that nobody asks. */
const stepMs = 50;

/**
 * A process that was busy itself, or was not given a CPU, must not take for slow whom it asked. The limit goes by in steps, and a step that
 * ended late counts for no more than its length; and before it is said to be over, what has arrived is read, for timers run before that.
 */
export function ownTime(clock: Pick<Clock, "after">): Pick<Clock, "after"> {
  return {
    after(delayMs, then) {
      let leftMs = delayMs;
      let cancel = step();
      function step(): () => void {
        const nextMs = Math.min(stepMs, leftMs);
        return clock.after(nextMs, () => {
          leftMs -= nextMs;
          if (leftMs > 0) cancel = step();
          else setImmediate(then);
        });
      }
      return () => cancel();
    },
  };
}
