/** Deliberate bugs in whose clock, and which one, says when something is to happen. They show where clocks differ, or are set. */
import type { Bug } from "./bug.ts";
import { withGateway } from "./bug.ts";
import { startMs } from "./scheduler.ts";
import { realParts } from "./seams.ts";

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
  {
    name: "the age of a snapshot is read from the wall's clock",
    plant: () => ({
      ...realParts,
      createGateFront: ({ clock, ...parts }) =>
        realParts.createGateFront({ ...parts, clock: { ...clock, monotonicMs: clock.nowMs } }),
    }),
  },
  {
    name: "how long a claim is asked for is read from the wall's clock",
    plant: () => ({
      ...realParts,
      claims: ({ clock, ...parts }) => ({ ...parts, clock: { ...clock, monotonicMs: clock.nowMs } }),
    }),
  },
];
