/** Deliberate bugs in whose clock, and which one, says when something is to happen. They show where clocks differ, or are set. */
import type { Ticket } from "../../../src/domain/ticket/ticket.ts";
import type { Bug } from "./bug.ts";
import { withGateway, withMoves } from "./bug.ts";
import { realParts } from "./seams.ts";
import { startMs } from "./scheduler.ts";

function ofThePast(ticket: Ticket, nowMs: number): Ticket {
  const { progress } = ticket;
  if (progress.updatedAtMs <= nowMs) return ticket;
  return { ...ticket, progress: { ...progress, updatedAtMs: nowMs } };
}

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
  {
    name: "a gate takes the moments of a ticket's clock for its own",
    plant: () => ({
      ...realParts,
      otherClock: {
        momentHere: (momentMs) => momentMs,
        requeueingHere: (requeueing) => requeueing,
        starterHere: (starter) => starter,
      },
    }),
  },
  {
    name: "places stay where they were when their gate's clock was set back",
    plant: () => ({
      ...realParts,
      createGateKeeper: (parts) =>
        realParts.createGateKeeper({ ...parts, places: { ...parts.places, all: () => [] } }),
    }),
  },
  {
    name: "a gate's own moments stay where they were when its clock was set back",
    plant: () => ({
      ...realParts,
      createGateKeeper: (parts) =>
        realParts.createGateKeeper({
          ...parts,
          readState() {
            const state = parts.readState();
            const nowMs = parts.nowMs();
            return (state.seenMs ?? 0) > nowMs ? { ...state, seenMs: nowMs } : state;
          },
        }),
    }),
  },
  withMoves("a ticket does not see that its clock was set back", (moves) => ({
    elapse: (ticket, nowMs, ...rest) => moves.elapse(ofThePast(ticket, nowMs), nowMs, ...rest),
    claim: (ticket, permit, asProbe, nowMs, ...rest) =>
      moves.claim(ofThePast(ticket, nowMs), permit, asProbe, nowMs, ...rest),
    settle: (ticket, fence, outcome, nowMs, ...rest) =>
      moves.settle(ofThePast(ticket, nowMs), fence, outcome, nowMs, ...rest),
  })),
];
