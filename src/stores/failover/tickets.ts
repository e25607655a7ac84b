/**
 * Tickets of two stores as one. Each ticket has one owner at a time: the shared store, or this process' own, where it was kept because the
 * shared one was away. Who is asked for a ticket looks here first.
 */
import { draftSeat, type CancelledBy, type Ticket } from "../../domain/ticket/ticket.ts";
import type { AttemptOutcome, Settled } from "../../domain/ticket/moves.ts";
import {
  QueueFull,
  StoreAway,
  type ClaimedTicket,
  type Clock,
  type Draft,
  type Tickets,
} from "../../gateway/ports.ts";
import { NotDone, type SharedTickets } from "./shared-store.ts";
import type { LocalStore } from "./local-store.ts";
import { markedAtMs } from "./marked-id.ts";
import type { Rooms } from "./reservations.ts";
import type { Watch } from "./watch.ts";

export interface FailoverTicketsParts {
  readonly local: Pick<LocalStore, "tickets" | "moves" | "notes">;
  readonly shared: SharedTickets;
  readonly watch: Pick<Watch, "ask">;
  readonly rooms: Rooms;
  readonly clock: Clock;
  /** From acceptance to the last moment at which a ticket can still be read. */
  readonly longestLifeMs: number;
  /** Something was noted that the shared store is to be told. */
  readonly onNote: () => void;
}

export interface FailoverTickets extends Tickets {
  /** The shared store has claimed it for this process. Its outcome goes there, whatever happens meanwhile. */
  began(claimed: ClaimedTicket): void;
  ended(claimed: ClaimedTicket): void;
}

/** Looks at a ticket that moves while it is looked for. */
const looks = 3;

export function failoverTickets(parts: FailoverTicketsParts): FailoverTickets {
  const { local, shared, watch } = parts;
  /** Claims of the shared store. */
  const held = new Map<string, ClaimedTicket>();

  return {
    create: (draft) => create(parts, draft),
    load: (id) => load(parts, id),
    cancel: (id, by) => cancel(parts, id, by),

    async settle(id, fence, outcome) {
      return held.has(nameOf(id, fence))
        ? await tell(parts, id, fence, () => shared.settle(id, fence, outcome), outcome)
        : await local.tickets.settle(id, fence, outcome);
    },

    async giveBack(id, fence, spent) {
      const claimed = held.get(nameOf(id, fence));
      if (claimed === undefined) return await local.tickets.giveBack(id, fence, spent);
      const giveBack = () => shared.giveBack(id, fence, spent);
      // An outcome counts as a clean run, which a suspect must not get for nothing.
      if (claimed.ticket.progress.suspect) return await watch.ask(giveBack);
      return await tell(parts, id, fence, giveBack, {
        kind: "failed",
        failure: { reason: "hung_up" },
        spent: spent ?? nothing,
      });
    },

    began: (claimed) => void held.set(nameOf(claimed.ticket.about.id, claimed.fence), claimed),
    ended: (claimed) => void held.delete(nameOf(claimed.ticket.about.id, claimed.fence)),
  };
}

async function create(parts: FailoverTicketsParts, draft: Draft): Promise<Ticket> {
  const { shared, watch, rooms } = parts;
  const { id } = draft.about;
  const roomHere = rooms.take(id);
  if (draft.idIsGiven === true) {
    // Whoever comes with the key again is led to this id, at the shared store.
    if (roomHere !== null) throw new StoreAway("A keyed request can't be kept elsewhere");
    return await watch.ask(() => shared.create(draft));
  }
  if (roomHere !== null) return await keepHere(parts, draft, roomHere, null);
  try {
    return await watch.ask(() => shared.create(draft));
  } catch (error) {
    if (!(error instanceof StoreAway)) throw error;
    const doubtfulId = error instanceof NotDone ? null : id;
    return await keepHere(parts, draft, await roomFor(parts, draft, doubtfulId), doubtfulId);
  }
}

async function roomFor(
  { rooms, clock, local, onNote }: FailoverTicketsParts,
  { about }: Draft,
  doubtfulId: string | null,
): Promise<string> {
  const { id: ticketId, provider } = about;
  const seat = draftSeat(about, clock.nowMs());
  const isHeld = await rooms.reserve(provider, seat);
  const room = isHeld ? rooms.take(ticketId) : null;
  if (room !== null) return room;
  if (doubtfulId !== null) {
    await local.notes.doubt({ id: doubtfulId, provider });
    onNote();
  }
  throw new QueueFull();
}

function keepHere(
  { local }: FailoverTicketsParts,
  draft: Draft,
  id: string,
  doubtfulId: string | null,
): Promise<Ticket> {
  return local.moves.keep({ ...draft, about: { ...draft.about, id } }, doubtfulId);
}

async function load(
  { local, shared, watch, clock, longestLifeMs }: FailoverTicketsParts,
  id: string,
): Promise<Ticket | null> {
  for (let look = 1; ; look++) {
    const where = local.moves.whereabouts(id);
    if (where === "here") return await local.tickets.load(id);
    const found = await watch.ask(() => shared.load(id));
    if (found !== null) return found;
    if (where === "moving") {
      const frozen = local.moves.frozen(id);
      if (frozen !== null) return frozen;
    }
    // It may have moved on while it was asked for.
    const isStill = local.moves.whereabouts(id) === where && where === "absent";
    if (isStill) break;
    if (look === looks) throw new StoreAway("The ticket is on its way to the shared store");
  }
  const atMs = markedAtMs(id);
  if (atMs === null || clock.nowMs() >= atMs + longestLifeMs) return null;
  throw new StoreAway("Another instance may hold the ticket");
}

/** Where it is. One that is on its way there can't be cancelled until it has come. */
async function cancel(parts: FailoverTicketsParts, id: string, by: CancelledBy): Promise<Ticket | null> {
  const { local, shared, watch } = parts;
  const where = local.moves.whereabouts(id);
  switch (where) {
    case "here":
      return await local.tickets.cancel(id, by);
    case "moving":
      throw new StoreAway("The ticket is on its way to the shared store");
    case "absent": {
      const cancelled = await watch.ask(() => shared.cancel(id, by));
      // Here it is again, or another instance may hold it: whoever looks for it knows.
      if (cancelled === null && (await load(parts, id)) !== null)
        throw new StoreAway("The ticket has moved while it was asked for");
      return cancelled;
    }
  }
}

/** To the shared store, or to whoever tells it when it is back. */
async function tell(
  { local, watch, clock, onNote }: FailoverTicketsParts,
  id: string,
  fence: number,
  verb: () => Promise<Settled>,
  outcome: AttemptOutcome,
): Promise<Settled> {
  const atMs = clock.nowMs();
  try {
    return await watch.ask(verb);
  } catch (error) {
    if (!(error instanceof StoreAway)) throw error;
    await local.notes.spool({ id, fence, outcome, atMs });
    onNote();
    return { kind: "stored" };
  }
}

const nothing = { calls: 0, costUsd: null };

function nameOf(id: string, fence: number): string {
  return `${id} ${fence}`;
}
