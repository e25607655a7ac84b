/**
 * A ticket as stores hold it: its record as JSON, and its texts beside it for as long as it has not ended. How the texts are written is each
 * store's own affair. Described like an API in docs/storage.md: what is stored must be read by older and newer code.
 */
import { decodeTicket, isEnded, type Texts, type Ticket, type TicketCopy } from "../domain/ticket/ticket.ts";
import { StoreAway } from "../gateway/ports.ts";

/** The record: all of the ticket but its texts. */
export function encodedTicket(ticket: Ticket): string {
  const { state } = ticket;
  return JSON.stringify(isEnded(state) ? ticket : { ...ticket, state: { ...state, texts: undefined } });
}

/** What is to be stored beside the record; `null`: the ticket has ended, and no store may hold its texts. */
export function textsOf({ state }: Ticket): Texts | null {
  return isEnded(state) ? null : state.texts;
}

/** All that is shown of it. */
export function withoutTexts({ state, ...rest }: Ticket): TicketCopy {
  switch (state.status) {
    case "queued":
    case "processing": {
      const { texts: _, ...shown } = state;
      return { ...rest, state: shown };
    }
    case "completed":
    case "failed":
    case "expired":
    case "cancelled":
      return { ...rest, state };
  }
}

/**
 * @param texts `null`: it has none, or nobody wants them
 * @param ofNewer what is thrown where newer code has written the record
 * @throws {Error} the record holds no ticket: a bug, or a damaged store
 */
export function decodedTicket(record: string, texts: Texts | null, ofNewer = storeAway): Ticket {
  const stored = JSON.parse(record) as { readonly state: object };
  const ticket = decodeTicket(texts === null ? stored : { ...stored, state: { ...stored.state, texts } });
  switch (ticket.kind) {
    case "known":
      return ticket.value;
    case "newer":
      throw ofNewer(`A ticket is of version ${ticket.version}, which newer code wrote`);
    case "unreadable":
      throw new Error("A row of tickets holds no ticket");
  }
}

function storeAway(sentence: string): Error {
  return new StoreAway(sentence);
}
