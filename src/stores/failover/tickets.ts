/**
 * Tickets of two stores as one. Each ticket has one owner at a time: the primary store, or this process' own, where it was kept because the
 * primary one was away. Who is asked for a ticket looks here first.
 */
import type { CancelledBy, Ticket, TicketEvent } from "../../domain/ticket/ticket.ts";
import type { AttemptOutcome, Settled } from "../../domain/ticket/moves.ts";
import {
  StoreAway,
  type ClaimedTicket,
  type Clock,
  type Created,
  type Draft,
  type StoreTrouble,
  type TicketList,
  type TicketQuery,
  type Tickets,
} from "../../gateway/ports.ts";
import { mergedLists } from "../../engine/ticket-list.ts";
import { isRefusal, NotDone, type PrimaryTickets } from "./primary-store.ts";
import type { FallbackStore } from "./fallback-store.ts";
import { markedAtMs, markedId } from "./marked-id.ts";
import type { Watch } from "./watch.ts";

export interface FailoverTicketsParts {
  readonly fallback: Pick<FallbackStore, "tickets" | "moves" | "notes">;
  readonly primary: PrimaryTickets;
  readonly watch: Pick<Watch, "ask">;
  readonly clock: Clock;
  /** A UUID. */
  readonly newId: () => string;
  /** From acceptance to the last moment at which a ticket can still be read. */
  readonly longestLifeMs: number;
  /** Something was noted that the primary store is to be told. */
  readonly onNote: () => void;
  /** The primary store has refused to take one in, or has taken one (`null`). */
  readonly onTaking: (refusal: StoreTrouble | null) => void;
}

export interface FailoverTickets extends Tickets {
  /** The primary store has claimed it for this process. Its outcome goes there, whatever happens meanwhile. */
  began(claimed: ClaimedTicket): void;
  ended(claimed: ClaimedTicket): void;
}

/** Whose clock an id was marked by may be as far from ours. */
const clocksApartMs = 7_200_000;

/** Looks at a ticket that moves while it is looked for. */
const looks = 3;

export function failoverTickets(parts: FailoverTicketsParts): FailoverTickets {
  const { fallback, primary, watch } = parts;
  /** Claims of the primary store. */
  const claims = new Map<string, ClaimedTicket>();

  return {
    create: (draft) => create(parts, draft),
    load: (id) => load(parts, id),
    cancel: (id, by) => cancel(parts, id, by),
    list: (query) => list(parts, query),
    events: (id) => events(parts, id),

    async settle(id, fence, outcome) {
      return claims.has(nameOf(id, fence))
        ? await tell(parts, id, fence, () => primary.settle(id, fence, outcome), outcome)
        : await fallback.tickets.settle(id, fence, outcome);
    },

    async giveBack(id, fence, spent) {
      const claimed = claims.get(nameOf(id, fence));
      if (claimed === undefined) return await fallback.tickets.giveBack(id, fence, spent);
      const giveBack = () => primary.giveBack(id, fence, spent);
      // An outcome counts as a clean run, which a suspect must not get for nothing.
      if (claimed.ticket.progress.suspect) return await watch.ask(giveBack);
      return await tell(parts, id, fence, giveBack, {
        kind: "failed",
        failure: { reason: "hung_up" },
        spent: spent ?? nothing,
      });
    },

    began: (claimed) => void claims.set(nameOf(claimed.ticket.about.id, claimed.fence), claimed),
    ended: (claimed) => void claims.delete(nameOf(claimed.ticket.about.id, claimed.fence)),
  };
}

/** At the primary store; where that is away, here, unless somebody is led to this id there. A full queue there is full. */
async function create(parts: FailoverTicketsParts, draft: Draft): Promise<Created> {
  try {
    return await createThere(parts, draft);
  } catch (error) {
    if (!(error instanceof StoreAway) || draft.idIsGiven === true) throw error;
    // Where it isn't known whether the store has kept it, nobody is told of that one, and it is taken back.
    return await keepAtFallback(parts, draft, error instanceof NotDone ? null : draft.about.id);
  }
}

async function createThere(
  { primary, watch, onTaking }: FailoverTicketsParts,
  draft: Draft,
): Promise<Created> {
  try {
    const created = await watch.ask(() => primary.create(draft));
    onTaking(null);
    return created;
  } catch (error) {
    if (error instanceof NotDone && isRefusal(error) && error.trouble !== null) onTaking(error.trouble);
    throw error;
  }
}

async function keepAtFallback(
  { fallback, clock, newId, onNote }: FailoverTicketsParts,
  draft: Draft,
  doubtfulId: string | null,
): Promise<Created> {
  const { provider } = draft.about;
  const about = { ...draft.about, id: markedId(clock.nowMs(), newId) };
  const created = await fallback.moves.keep({ ...draft, about }, doubtfulId);
  if (created.kind === "full" && doubtfulId !== null) {
    await fallback.notes.doubt({ id: doubtfulId, provider });
    onNote();
  }
  return created;
}

async function load(
  { fallback, primary, watch, clock, longestLifeMs }: FailoverTicketsParts,
  id: string,
): Promise<Ticket | null> {
  for (let look = 1; ; look++) {
    const where = fallback.moves.whereabouts(id);
    if (where === "here") return await fallback.tickets.load(id);
    const found = await watch.ask(() => primary.load(id));
    if (found !== null) return found;
    if (where === "moving") {
      const frozen = fallback.moves.frozen(id);
      if (frozen !== null) return frozen;
    }
    // It may have moved on while it was asked for.
    const isStill = fallback.moves.whereabouts(id) === where && where === "absent";
    if (isStill) break;
    if (look === looks) throw new StoreAway("The ticket is on its way to the shared store");
  }
  const atMs = markedAtMs(id);
  if (atMs === null || clock.nowMs() >= atMs + longestLifeMs + clocksApartMs) return null;
  throw new StoreAway("Another instance may hold the ticket");
}

/** Where it is. One that is on its way there can't be cancelled until it has come. */
async function cancel(parts: FailoverTicketsParts, id: string, by: CancelledBy): Promise<Ticket | null> {
  const { fallback, primary, watch } = parts;
  const where = fallback.moves.whereabouts(id);
  switch (where) {
    case "here":
      return await fallback.tickets.cancel(id, by);
    case "moving":
      throw new StoreAway("The ticket is on its way to the primary store");
    case "absent": {
      const cancelled = await watch.ask(() => primary.cancel(id, by));
      // Here it is again, or another instance may hold it: whoever looks for it knows.
      if (cancelled === null && (await load(parts, id)) !== null)
        throw new StoreAway("The ticket has moved while it was asked for");
      return cancelled;
    }
  }
}

/** From where it is. */
async function events(
  { fallback, primary, watch }: FailoverTicketsParts,
  id: string,
): Promise<readonly TicketEvent[]> {
  if (fallback.moves.whereabouts(id) !== "absent") return await fallback.tickets.events(id);
  return await watch.ask(() => primary.events(id));
}

/** Of both stores. Another instance's own is asked by nobody: what it kept enters the list when it comes to the primary store. */
async function list(
  { fallback, primary, watch }: FailoverTicketsParts,
  query: TicketQuery,
): Promise<TicketList> {
  // First here: what has left for the primary store is there by then.
  const here = await fallback.tickets.list(query).catch(awayAsNull);
  const lists = [await watch.ask(() => primary.list(query)).catch(awayAsNull), here];
  const found = lists.filter((one) => one !== null);
  if (found.length === 0) throw new StoreAway("No store can be asked");
  const merged = mergedLists(found, query.limit);
  return { ...merged, complete: merged.complete && found.length === lists.length };
}

/** To the primary store, or to whoever tells it when it is back. */
async function tell(
  { fallback, watch, clock, onNote }: FailoverTicketsParts,
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
    await fallback.notes.spool({ id, fence, outcome, atMs });
    onNote();
    return { kind: "stored" };
  }
}

function awayAsNull(error: unknown): null {
  if (error instanceof StoreAway) return null;
  throw error;
}

const nothing = { calls: 0, costUsd: null };

function nameOf(id: string, fence: number): string {
  return `${id} ${fence}`;
}
