/** Empties the log after something was deleted that should leave no trace, off the way of whoever deleted it: many share the cost. */
import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../gateway/ports.ts";
import { eraseLog } from "./database.ts";
import type { Reserve } from "./reserve.ts";

export interface Eraser {
  soon(): void;
  stop(): void;
}

const delayMs = 5_000;

export function createEraser(sql: DatabaseSync, reserve: Pick<Reserve, "refill">, clock: Clock): Eraser {
  let cancel: (() => void) | null = null;

  function soon(): void {
    cancel ??= clock.after(delayMs, () => {
      cancel = null;
      // A reader from outside is in the way, or the disk.
      if (!eraseLog(sql)) soon();
      // What that has set free is the reserve's before it is anybody's.
      reserve.refill(0);
    });
  }

  return {
    soon,
    stop: () => cancel?.(),
  };
}
