/** Time on Workers. */
import type { Clock } from "../gateway/ports.ts";

/** The clock of our Durable Objects, in epoch milliseconds. One value for all of them, so that a test can set it; nothing else does. */
export const clock = { nowMs: (): number => Date.now() };

/** A timer of the request, or of the object, in which it is set. */
export const timers: Pick<Clock, "after"> = {
  after(delayMs, then) {
    const timer = setTimeout(then, delayMs);
    return () => clearTimeout(timer);
  },
};
