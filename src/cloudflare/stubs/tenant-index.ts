/** The index of a tenant's tickets, as asked from elsewhere, and the list that is made of it. */
import { providerNames } from "../../domain/judging/comparison.ts";
import type { Ticket, TicketCopy, TicketPolicy } from "../../domain/ticket/ticket.ts";
import { indexEntryOf } from "../../engine/ticket-index.ts";
import { compare, listTickets, type ListEntry, type ListPage } from "../../engine/ticket-list.ts";
import { StoreAway, type ListPosition, type TicketList, type TicketQuery } from "../../gateway/ports.ts";
import type { Environment } from "../environment.ts";
import type { ProviderGate } from "../objects/gate-object.ts";
import type { TenantIndex } from "../objects/tenant-index.ts";
import type { TicketObject } from "../objects/ticket-object.ts";
import { sideBySide } from "../side-by-side.ts";
import { askObject, type Remote } from "./ask-object.ts";

/** Behind every verb, so nobody waits for it. */
const tellLimitMs = 5_000;
/** Tickets that one list asks, each a request. */
const mostSeen = 200;
/** Of a gate: as many as a queue holds by default. */
const mostPlaces = 1_000;

/** Tells the index of a ticket's tenant how the ticket stands. @throws {StoreAway} it may not have heard */
export function tellIndex(env: Environment, ticket: Ticket, policy: TicketPolicy): Promise<void> {
  const entry = indexEntryOf(ticket, policy);
  return ask(env, ticket.about.tenant, (index) => index.note(entry), tellLimitMs);
}

/** What the index has heard of, and what the gates have a place for: a ticket tells the index behind its 202, but its gate before it. */
export async function listFromIndex(env: Environment, query: TicketQuery): Promise<TicketList> {
  const places = await placesOf(env, query);
  const { complete } = places;
  return listTickets(query, mostSeen, async (after, most): Promise<ListPage> => {
    const { provider, status } = query;
    const indexed = await ask(env, query.tenant, (index) => index.page({ provider, status, after, most }));
    const isLast = indexed.length < most;
    const end = indexed.at(-1);
    const positions = new Map([...indexed, ...places.unheard].map((at) => [at.id, at]));
    const behind = [...positions.values()]
      .filter((at) => after === null || compare(at, after) > 0)
      .filter((at) => isLast || end === undefined || compare(at, end) <= 0)
      .toSorted(compare);
    const entries = await read(env, behind.slice(0, most));
    return { entries, isLast: isLast && behind.length <= most, complete };
  });
}

/** Places of tickets that the index has not heard of. `complete`: there are none, and all could be asked. */
async function placesOf(
  env: Environment,
  { tenant, tenantKey, provider }: TicketQuery,
): Promise<{ readonly unheard: readonly ListPosition[]; readonly complete: boolean }> {
  const gates = providerNames.filter((name) => provider === null || name === provider);
  const asked = await Promise.all(
    gates.map((name) =>
      askObject<ProviderGate, readonly ListPosition[]>(env.GATES, name, (gate) =>
        gate.ticketsOf(tenantKey, mostPlaces),
      ).catch(awayAsNull),
    ),
  );
  const found = asked.flatMap((positions) => positions ?? []);
  const unheard = new Set(
    found.length === 0 ? [] : await ask(env, tenant, (index) => index.unheard(found.map(({ id }) => id))),
  );
  return {
    unheard: found.filter(({ id }) => unheard.has(id)),
    complete: unheard.size === 0 && !asked.includes(null),
  };
}

/** Each from its ticket, as it is now. */
async function read(env: Environment, positions: readonly ListPosition[]): Promise<readonly ListEntry[]> {
  const entries: ListEntry[] = positions.map((at) => ({ ...at, ticket: "away" }));
  await sideBySide([...entries.keys()], async (number) => {
    const entry = entries[number];
    if (entry === undefined) return;
    const shown = await askObject<TicketObject, TicketCopy | null>(env.TICKET_OBJECTS, entry.id, (ticket) =>
      ticket.show(),
    ).then((ticket) => ticket ?? ("gone" as const), awayAsNull);
    entries[number] = { ...entry, ticket: shown ?? "away" };
  });
  return entries;
}

function ask<Reply>(
  env: Environment,
  tenant: string,
  verb: (index: Remote<TenantIndex>) => Promise<Reply>,
  limitMs?: number,
): Promise<Reply> {
  return askObject<TenantIndex, Reply>(env.TENANT_INDEXES, nameOf(tenant), verb, limitMs);
}

/** Without keys there is one tenant, and it may have no name. */
function nameOf(tenant: string): string {
  return `tenant:${tenant}`;
}

function awayAsNull(error: unknown): null {
  if (error instanceof StoreAway) return null;
  throw error;
}
