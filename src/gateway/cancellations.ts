/** Calls of one process for tickets, which end early when their ticket is cancelled there. */
import type { Cancellations } from "./ports.ts";

export function createCancellations(): Cancellations {
  const watches = new Map<string, Set<() => void>>();
  return {
    watch(ticketId, then) {
      const ofTicket = watches.get(ticketId) ?? new Set();
      watches.set(ticketId, ofTicket.add(then));
      return () => {
        ofTicket.delete(then);
        if (ofTicket.size === 0 && watches.get(ticketId) === ofTicket) watches.delete(ticketId);
      };
    },
    tell(ticketId) {
      for (const then of watches.get(ticketId) ?? []) then();
    },
  };
}
