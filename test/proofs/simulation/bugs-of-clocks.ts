/** Deliberate bugs in whose clock, and which one, says when something is to happen. They show where clocks differ, or are set. */
import type { Bug } from "./bug.ts";
import { withGateway } from "./bug.ts";
import { startMs } from "./scheduler.ts";

export const clockBugs: readonly Bug[] = [
  withGateway("a store is told the moment by the clock of who asks, and no delay", ({ clock, tickets }) => ({
    tickets: {
      ...tickets,
      create(draft) {
        const aheadMs = clock.nowMs() - (startMs + clock.monotonicMs());
        return tickets.create({ ...draft, delayMs: draft.delayMs + aheadMs });
      },
    },
  })),
  withGateway("how long something takes is read from the wall's clock", ({ clock }) => ({
    clock: { ...clock, monotonicMs: clock.nowMs },
  })),
];
