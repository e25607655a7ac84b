/** How a ticket tells somebody what he hasn't heard: its gate, or whoever else listens. */
import type { OpenRow, TicketRow } from "./ticket-parts.ts";

/** What one listener is told. */
export interface Telling<Word> {
  /** What he has still to hear of the ticket as it is stored; `null`: nothing. */
  missing(): Word | null;
  /** Rejects where he may not have heard. */
  say(word: Word): Promise<void>;
  /** Notes that he has heard it, in a change of the ticket's row. */
  note(open: OpenRow, word: Word): void;
}

/**
 * One thing after another, so that the last that he is told is the last that happened.
 *
 * @param onTold there is nothing more to tell, or it did not arrive: an alarm may be needed, for another moment
 * @returns tells all that is missing. Never rejects: what did not arrive is told again by the alarm
 */
export function createTeller<Word>(
  row: TicketRow,
  { missing, say, note }: Telling<Word>,
  onTold: () => void,
): () => Promise<void> {
  let telling: Promise<void> | null = null;

  async function tellAll(first: Word): Promise<void> {
    try {
      for (let word: Word | null = first; word !== null; word = missing()) {
        const said = word;
        await say(said);
        await row.change((open) => note(open, said));
      }
    } catch {
      // The alarm will tell it.
    } finally {
      // In the same breath as the last look: what happens from here on is told anew.
      telling = null;
      onTold();
    }
  }

  return async () => {
    const first = missing();
    if (first !== null) await (telling ??= tellAll(first));
  };
}
