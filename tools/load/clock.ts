/** Time, as it is passed in. */
export interface LoadClock {
  /** Of a clock that nobody sets. */
  readonly nowMs: () => number;
  /** Ends early, and not by a throw, when the signal aborts. */
  readonly wait: (ms: number, stop: AbortSignal) => Promise<void>;
}

export const realClock: LoadClock = {
  nowMs: () => performance.now(),
  wait: (ms, stop) =>
    new Promise((resolve) => {
      if (stop.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        stop.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      stop.addEventListener("abort", done);
    }),
};
