/**
 * A tenant's list, or that of all tenants, where its index, its tickets and their gates are a hop away each: what the index has heard of, and what the gates know of. A
 * ticket tells the index behind its 202, but its gate before that; and it tells its gate of its end, and whether the index has heard of it by
 * then. So between them gates and index know of every ticket.
 */
import { providerNames, type ProviderName } from "../domain/judging/comparison.ts";
import type { TicketCopy } from "../domain/ticket/ticket.ts";
import { StoreAway, type ListPosition, type TicketList, type TicketQuery } from "../gateway/ports.ts";
import { compare, listTickets, type ListEntry, type ListPage } from "./ticket-list.ts";

export interface IndexQuery extends Pick<TicketQuery, "provider" | "status" | "after"> {
  readonly most: number;
}

/** Whom a list asks. What can't be reached throws `StoreAway`. */
export interface ListSources {
  /** Of the tenant's index, behind a position; of all tenants', the first ones of them. */
  page(query: IndexQuery): Promise<readonly ListPosition[]>;
  /** Those of these that no index has heard of. */
  unheard(ids: readonly string[]): Promise<readonly string[]>;
  /** A gate's: those that have not ended, and those that had when the index had not heard of them; the newest first. */
  ticketsOf(provider: ProviderName, most: number): Promise<readonly ListPosition[]>;
  /** `null`: there is no such ticket any more. */
  show(id: string): Promise<TicketCopy | null>;
  /** Works on each of them, as many at once as can be. `work` never throws. */
  sideBySide<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void>;
}

/** Tickets that one list asks, each a request. */
const mostSeen = 200;
/** Of a gate: as many as a queue holds by default. */
const mostPlaces = 1_000;

export async function listFromIndex(sources: ListSources, query: TicketQuery): Promise<TicketList> {
  const beside = await besideIndex(sources, query);
  const { complete } = beside;
  return listTickets(query, mostSeen, async (after, most): Promise<ListPage> => {
    const { provider, status } = query;
    const indexed = await sources.page({ provider, status, after, most });
    const isLast = indexed.length < most;
    const end = indexed.at(-1);
    const positions = new Map([...indexed, ...beside.unheard].map((at) => [at.id, at]));
    const behind = [...positions.values()]
      .filter((at) => after === null || compare(at, after) > 0)
      .filter((at) => isLast || end === undefined || compare(at, end) <= 0)
      .toSorted(compare);
    const entries = await read(sources, behind.slice(0, most));
    return { entries, isLast: isLast && behind.length <= most, complete };
  });
}

/** What gates know and the index has not heard of. `complete`: there is nothing, and all could be asked for all. */
async function besideIndex(
  sources: ListSources,
  { provider }: TicketQuery,
): Promise<{ readonly unheard: readonly ListPosition[]; readonly complete: boolean }> {
  const gates = providerNames.filter((name) => provider === null || name === provider);
  const asked = await Promise.all(gates.map((name) => sources.ticketsOf(name, mostPlaces).catch(awayAsNull)));
  const found = asked.flatMap((positions) => positions ?? []);
  const unheard = new Set(found.length === 0 ? [] : await sources.unheard(found.map(({ id }) => id)));
  const areAll = asked.every((positions) => positions !== null && positions.length < mostPlaces);
  return { unheard: found.filter(({ id }) => unheard.has(id)), complete: unheard.size === 0 && areAll };
}

/** Each from its ticket, as it is now. */
async function read(sources: ListSources, positions: readonly ListPosition[]): Promise<readonly ListEntry[]> {
  const entries: ListEntry[] = positions.map((at) => ({ ...at, ticket: "away" }));
  await sources.sideBySide([...entries.keys()], async (number) => {
    const entry = entries[number];
    if (entry === undefined) return;
    const shown = await sources.show(entry.id).then((ticket) => ticket ?? ("gone" as const), awayAsNull);
    entries[number] = { ...entry, ticket: shown ?? "away" };
  });
  return entries;
}

function awayAsNull(error: unknown): null {
  if (error instanceof StoreAway) return null;
  throw error;
}
