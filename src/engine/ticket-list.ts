/** Lists of tickets, as stores put them together from what they find: newest first, and of one moment by id. A look is bounded, whatever the filters. */
import { elapse } from "../domain/ticket/moves.ts";
import { isForgotten, type Ticket, type TicketCopy, type TicketPolicy } from "../domain/ticket/ticket.ts";
import type { ListPosition, TicketList, TicketQuery } from "../gateway/ports.ts";

/** What a store has at a position. */
export interface ListEntry extends ListPosition {
  /** As it is now. `gone`: there is none any more. `away`: it can't be read. */
  readonly ticket: TicketCopy | "gone" | "away";
}

export interface ListPage {
  /** In order, at most as many as were asked for. */
  readonly entries: readonly ListEntry[];
  /** There is nothing behind them. */
  readonly isLast: boolean;
  /** False: there may be others between them. */
  readonly complete: boolean;
}

/**
 * @param page what is behind a position; `null`: from the newest on
 * @param mostSeen entries that are looked at for one list, roughly
 */
export async function listTickets(
  query: TicketQuery,
  mostSeen: number,
  page: (after: ListPosition | null, most: number) => Promise<ListPage>,
): Promise<TicketList> {
  const tickets: TicketCopy[] = [];
  let next = query.after;
  let complete = true;
  for (let seen = 0; ;) {
    const found = await page(next, query.limit);
    complete &&= found.complete;
    for (const { acceptedAtMs, id, ticket } of found.entries) {
      if (tickets.length === query.limit) return { tickets, next, complete };
      next = { acceptedAtMs, id };
      seen++;
      if (ticket === "away") complete = false;
      else if (ticket !== "gone" && matches(ticket, query)) tickets.push(ticket);
    }
    if (found.isLast) return { tickets, next: null, complete };
    if (tickets.length === query.limit || seen >= mostSeen) return { tickets, next, complete };
  }
}

/** Lists of stores of which each ticket is in one, or in two while it moves: then the first store's counts. */
export function mergedLists(lists: readonly TicketList[], limit: number): TicketList {
  const complete = lists.every((list) => list.complete);
  const all = new Map<string, TicketCopy>();
  for (const { tickets } of lists)
    for (const ticket of tickets) if (!all.has(ticket.about.id)) all.set(ticket.about.id, ticket);
  const inOrder = [...all.values()].toSorted((a, b) => compare(positionOf(a), positionOf(b)));
  // Behind where a list breaks off it may have more: nothing of the others may stand there yet.
  const breaks = lists.flatMap(({ next }) => (next === null ? [] : [next])).toSorted(compare);
  const [firstBreak] = breaks;
  const shown = inOrder
    .filter((ticket) => firstBreak === undefined || compare(positionOf(ticket), firstBreak) <= 0)
    .slice(0, limit);
  const last = shown.at(-1);
  if (shown.length === inOrder.length) return { tickets: shown, next: firstBreak ?? null, complete };
  const next = shown.length === limit && last !== undefined ? positionOf(last) : (firstBreak ?? null);
  return { tickets: shown, next, complete };
}

/** The first ones behind a position, of lists each of which has given as many as are wanted, or all that it has. */
export function firstOfAll<At extends ListPosition>(
  lists: readonly (readonly At[])[],
  most: number,
): { readonly first: readonly At[]; readonly isLast: boolean } {
  const all = lists.flat().toSorted(compare);
  return {
    first: all.slice(0, most),
    isLast: all.length <= most && lists.every((list) => list.length < most),
  };
}

/** Negative: `a` stands before `b`. */
export function compare(a: ListPosition, b: ListPosition): number {
  if (a.acceptedAtMs !== b.acceptedAtMs) return b.acceptedAtMs - a.acceptedAtMs;
  return a.id > b.id ? -1 : a.id < b.id ? 1 : 0;
}

/** After what time has brought, without storing it. @returns `gone`: it is forgotten */
export function presentCopy(ticket: Ticket, nowMs: number, policy: TicketPolicy): TicketCopy | "gone" {
  const present = elapse(ticket, nowMs, policy).ticket;
  return isForgotten(present, nowMs) ? "gone" : present;
}

function positionOf({ about }: TicketCopy): ListPosition {
  return { acceptedAtMs: about.acceptedAtMs, id: about.id };
}

function matches({ about, state }: TicketCopy, { provider, status, tenant }: TicketQuery): boolean {
  if (tenant !== null && about.tenant !== tenant) return false;
  return (provider === null || about.provider === provider) && (status === null || state.status === status);
}
