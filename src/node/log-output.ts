/**
 * Standard output, to which the log is written. Whoever reads it may die, stand still or run out of room, and that is nobody's business but
 * the log's: lines are then kept up to a bound, those beyond it are dropped, and when it goes on the log says how many were.
 */
import { constants, fstatSync, openSync } from "node:fs";
import { isatty } from "node:tty";
import SonicBoom from "sonic-boom";
import { inTime } from "../gateway/deadline.ts";
import type { Clock } from "../gateway/ports.ts";

export interface LogOutput {
  /** @param line without its line break */
  write(line: string): void;
  /** Takes no further line. @returns when all that was written is out, or the time is up */
  end(limitMs: number): Promise<void>;
  /** A sentence while lines wait that can't be written. */
  warnings(): readonly string[];
}

/** A write for each line would be a tenth of a request's cost: they are gathered for so long, or up to so many bytes. */
const gatherMs = 200;
const gatherBytes = 12_288;
/** What may wait. Some thousands of lines. */
const mostBytes = 1_048_576;

/** @param onDropped is told how many lines were dropped, once there is room for a line that says so */
export function createLogOutput(clock: Clock, onDropped: (count: number) => void): LogOutput {
  const output = new SonicBoom({
    fd: neverWaiting(),
    sync: false,
    minLength: gatherBytes,
    periodicFlush: gatherMs,
    maxLength: mostBytes,
  });
  let dropped = 0;
  let isEnded = false;
  /** Why the last write failed; `null`: it did not. */
  let trouble: string | null = null;

  output.on("drop", () => {
    dropped++;
  });
  // What failed is kept, and tried again with the next lines.
  output.on("error", (error: NodeJS.ErrnoException) => {
    trouble = error.code ?? error.name;
  });
  output.on("write", (bytes: number) => {
    if (bytes === 0) return;
    trouble = null;
    if (dropped === 0 || isEnded) return;
    const count = dropped;
    dropped = 0;
    onDropped(count);
    // There was no room for that line either.
    if (dropped > 0) dropped = count;
  });

  return {
    write(line) {
      if (!isEnded) output.write(`${line}\n`);
    },
    async end(limitMs) {
      isEnded = true;
      const flushed = new Promise<void>((resolve) => output.flush(() => resolve()));
      await inTime(clock, limitMs, flushed);
    },
    warnings() {
      if (dropped === 0 && trouble === null) return [];
      const why = trouble === null ? "" : ` (${trouble})`;
      const lost = dropped === 0 ? "its lines wait" : `${dropped} of its lines are lost since`;
      return [`the log can't be written to standard output${why}: ${lost}`];
    },
  };
}

/**
 * A thread that waits in a write for a reader who stands still can't be ended: the process would never exit (libuv waits for its threads).
 * So standard output is made one that answers "not now".
 */
function neverWaiting(): number {
  const standardOutput = 1;
  if (isatty(standardOutput)) {
    // Ctrl-S halts a terminal. Others have it too, so it is opened anew and not changed under them.
    try {
      return openSync("/proc/self/fd/1", constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    } catch {
      return standardOutput;
    }
  }
  const stat = fstatSync(standardOutput);
  // Whoever asks for this object has Node make a pipe or a socket one that does not wait, and undo that at the exit.
  if (stat.isFIFO() || stat.isSocket()) process.stdout.on("error", () => {});
  return standardOutput;
}
