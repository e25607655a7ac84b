/** What is told of one ticket from some event on, to somebody who reads it as it comes. */
import type { Ticket, TicketEvent } from "../domain/ticket/ticket.ts";
import { StoreAway, type Clock, type Tickets } from "../gateway/ports.ts";
import type { Ear } from "./live.ts";

/** One that is told, as it goes to the reader. */
export interface Message {
  /** Of the event. */
  readonly number: number;
  readonly type: string;
  /** JSON: what is told of the event. */
  readonly data: string;
  /** JSON: the same within its envelope. */
  readonly whole: () => string;
}

export type Farewell =
  /** The ticket has ended, and all is told; or it is forgotten. */
  | "ended"
  /** It has lasted as long as it may: whoever comes again goes on. */
  | "time"
  | "stopping"
  /** A bug of ours. */
  | "fault";

/** Where it is told. */
export interface Reader {
  /** @returns false: the reader is gone, or so slow that it is cut off */
  take(message: Message): boolean;
  /** Nothing has happened: shows both sides that the other is there. @returns as `take` */
  beat(): boolean;
  /** Nothing more comes. */
  end(why: Farewell): void;
}

export interface FollowParts {
  readonly tickets: Pick<Tickets, "load" | "events">;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** @param ticket as it is at the event, or later */
  readonly messageOf: (ticket: Ticket, event: TicketEvent) => Message;
  /** No event follows it. */
  readonly isEnd: (event: TicketEvent) => boolean;
  readonly looksInSilence: boolean;
  /** Hears of bugs. */
  readonly onFault: (error: unknown, ticketId: string) => void;
}

const beatMs = 15_000;
/** Somewhat below it, all that stand between go silent or tire. */
const longestMs = 15 * 60_000;

/**
 * Tells what is stored behind an event, and then whatever happens, until the ticket has ended. A store that is away is asked again.
 *
 * @param ear leaves when it is over
 * @returns when it is over. Never rejects
 */
export async function follow(
  parts: FollowParts,
  ticketId: string,
  after: number,
  ear: Ear,
  reader: Reader,
): Promise<void> {
  try {
    const farewell = await tellAll(parts, ticketId, after, ear, reader);
    if (farewell !== null) reader.end(farewell);
  } catch (error) {
    parts.onFault(error, ticketId);
    reader.end("fault");
  } finally {
    ear.leave();
  }
}

/** @returns `null`: the reader is gone */
async function tellAll(
  parts: FollowParts,
  ticketId: string,
  after: number,
  ear: Ear,
  reader: Reader,
): Promise<Farewell | null> {
  const { clock } = parts;
  const endsAtMs = clock.monotonicMs() + longestMs;
  let told = after;
  let mustLook = true;
  for (;;) {
    const leftMs = endsAtMs - clock.monotonicMs();
    if (leftMs <= 0) return "time";
    const heard = await ear.next(Math.min(beatMs, leftMs));
    if (heard === "left") return null;
    if (heard === "stopping") return "stopping";
    if (heard === "silence" && !reader.beat()) return null;
    if (heard === "silence" && !mustLook && !parts.looksInSilence) continue;
    const untold = await untoldOf(parts, ticketId, told);
    mustLook = untold === null;
    if (untold === null) continue;
    for (const message of untold.messages) if (!reader.take(message)) return null;
    told = untold.last;
    if (untold.isOver) return "ended";
  }
}

interface Untold {
  readonly messages: readonly Message[];
  readonly last: number;
  readonly isOver: boolean;
}

/** Its events first: the ticket is then as at the last of them, or later. @returns `null`: the store is away, or it can't be told now */
async function untoldOf(
  { tickets, messageOf, isEnd }: FollowParts,
  ticketId: string,
  told: number,
): Promise<Untold | null> {
  try {
    const events = await tickets.events(ticketId);
    const fresh = events.filter(({ number }) => number > told);
    const last = events.at(-1);
    if (last !== undefined && fresh.length === 0) return { messages: [], last: told, isOver: isEnd(last) };
    const ticket = await tickets.load(ticketId);
    if (ticket === null) return { messages: [], last: told, isOver: true };
    // It has moved from one store to another while it was asked for.
    if (last === undefined) return null;
    return {
      messages: fresh.map((event) => messageOf(ticket, event)),
      last: last.number,
      isOver: isEnd(last),
    };
  } catch (error) {
    if (error instanceof StoreAway) return null;
    throw error;
  }
}
