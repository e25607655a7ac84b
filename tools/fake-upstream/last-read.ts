/** When a process last read what there was: one that has no time hears late of what came, and what it notes of a moment is when it heard. */
export interface LastRead {
  /** What this turn of the event loop hears came after this. Epoch milliseconds. */
  beforeMs(): number;
  stop(): void;
}

const everyMs = 5;

export function watchLastRead(): LastRead {
  let lastMs = Date.now();
  let beforeMs = lastMs;
  let isDue = false;
  // Timers that are late ring several times in one turn of the loop; this comes once, when the turn has read what there was.
  const read = () => {
    isDue = false;
    beforeMs = lastMs;
    lastMs = Date.now();
  };
  const timer = setInterval(() => {
    if (!isDue) setImmediate(read);
    isDue = true;
  }, everyMs);
  timer.unref();
  return { beforeMs: () => beforeMs, stop: () => clearInterval(timer) };
}
