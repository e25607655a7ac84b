/** What happens in the file by itself. */
import type { SqliteTables } from "./tables.ts";

/** @returns what does all that is due, and says when something is next; `null`: nothing is. It never rejects */
export function createLook(
  { commits, gates, tickets, keys }: SqliteTables,
  nowMs: () => number,
  onFault: (error: unknown) => void,
): () => Promise<number | null> {
  let lookedAtMs = nowMs();

  return async () => {
    try {
      if (nowMs() < lookedAtMs) await tickets.toPresent();
      lookedAtMs = nowMs();
      // Whatever was refused is not tried again by itself.
      if (commits.trouble() !== null) await commits.check();
      const sentMs = gates.look();
      await tickets.elapseDue();
      await keys.forgetDue();
      const moments = [sentMs, tickets.firstDueMs(), keys.firstDueMs()].filter((atMs) => atMs !== null);
      return moments.length === 0 ? null : Math.min(...moments);
    } catch (error) {
      onFault(error);
      return null;
    }
  };
}
