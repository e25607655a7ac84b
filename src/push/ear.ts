/** One who listens, and what it has heard and not yet asked for. */
import type { Clock } from "../gateway/ports.ts";
import type { Ear, Heard } from "./live.ts";

/** Of two things that came meanwhile only the later in this list is heard: the rest doesn't matter any more. */
const weights = { silence: 0, hint: 1, stopping: 2, left: 3 } as const;

export interface OpenEar extends Ear {
  hear(heard: Exclude<Heard, "silence">): void;
}

/**
 * @param first heard before anything else: `hint` where something may have happened already
 * @param onLeave called once
 */
export function createEar(
  clock: Pick<Clock, "after">,
  first: "hint" | "silence",
  onLeave: () => void,
): OpenEar {
  let heard: Heard = first;
  let wake: (() => void) | null = null;

  function hear(what: Heard): void {
    if (weights[what] > weights[heard]) heard = what;
    wake?.();
  }

  return {
    hear,
    async next(withinMs) {
      if (heard === "silence") {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(withinMs, resolve);
          wake = () => {
            cancel();
            resolve();
          };
        });
        wake = null;
      }
      const said = heard;
      // The end of it is heard each time.
      if (said === "hint") heard = "silence";
      return said;
    },
    leave() {
      if (heard === "left") return;
      hear("left");
      onLeave();
    },
  };
}
