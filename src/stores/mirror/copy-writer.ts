/** Keeps the copy of one ticket in the secondary store up to date, behind the ticket's verbs. */
import type { Ticket } from "../../domain/ticket/ticket.ts";

export interface CopyWriter {
  /** Writes the ticket as it is, unless this life has done so. While it is written, what comes is written after it. Never throws. */
  bring(): Promise<void>;
  /** When to bring it again after a failure, in epoch milliseconds. `null`: nothing has failed, or it is being brought. */
  againAtMs(): number | null;
  /** Nothing was brought in this life, and what another one has brought isn't known. */
  isUnsure(): boolean;
}

/** It is brought again as long after a failure as its latest move is old, within these. Each time costs an alarm. */
const shortestMs = 30_000;
const longestMs = 3_600_000;

/**
 * @param write rejects where it may not have been written
 * @param onFailure an alarm is needed, now or for another time
 */
export function copyWriter(
  read: () => Ticket | null,
  write: (ticket: Ticket) => Promise<void>,
  nowMs: () => number,
  onFailure: () => void,
): CopyWriter {
  /** The number of the latest event of what was written. */
  let brought: number | null = null;
  let againAtMs: number | null = null;
  let bringing: Promise<void> | null = null;

  function missing(): Ticket | null {
    const ticket = read();
    return ticket?.progress.events === brought ? null : ticket;
  }

  async function bringAll(first: Ticket): Promise<void> {
    try {
      for (let ticket: Ticket | null = first; ticket !== null; ticket = missing()) {
        await write(ticket);
        brought = ticket.progress.events;
      }
      againAtMs = null;
    } catch {
      const age = nowMs() - (read()?.progress.updatedAtMs ?? nowMs());
      againAtMs = nowMs() + Math.min(Math.max(age, shortestMs), longestMs);
    }
    // In the same breath as the last look: what happens from here on begins anew.
    bringing = null;
    if (againAtMs !== null) onFailure();
  }

  return {
    bring() {
      if (bringing !== null) return bringing;
      const ticket = missing();
      if (ticket === null) return Promise.resolve();
      bringing = bringAll(ticket);
      return bringing;
    },
    againAtMs: () => (bringing === null ? againAtMs : null),
    isUnsure: () => brought === null,
  };
}
