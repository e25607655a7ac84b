/** The index of a tenant's tickets, as asked from elsewhere, and the lists that are made of indexes (`engine/index-list.ts`). */
import { isEnded, type Ticket, type TicketCopy, type TicketPolicy } from "../../domain/ticket/ticket.ts";
import { listFromIndex, type IndexQuery, type ListSources } from "../../engine/index-list.ts";
import { withoutTexts } from "../../engine/ticket-codec.ts";
import { indexEntryOf } from "../../engine/ticket-index.ts";
import { firstOfAll } from "../../engine/ticket-list.ts";
import {
  StoreAway,
  type Feed,
  type FeedPage,
  type ListPosition,
  type TicketList,
  type TicketQuery,
} from "../../gateway/ports.ts";
import { endedEventJson } from "../../http/notices.ts";
import type { Environment } from "../environment.ts";
import type { ProviderGate } from "../objects/gate-object.ts";
import type { TenantIndex } from "../objects/tenant-index.ts";
import type { TicketObject } from "../objects/ticket-object.ts";
import { sideBySide } from "../side-by-side.ts";
import { askObject, type Remote } from "./ask-object.ts";
import { tenantsWithTickets } from "./operator.ts";

/** Behind every verb, so nobody waits for it. */
const tellLimitMs = 5_000;

/** Tells the index of a ticket's tenant how the ticket stands. @throws {StoreAway} it may not have heard */
export function tellIndex(env: Environment, ticket: Ticket, policy: TicketPolicy): Promise<void> {
  const { tenant } = ticket.about;
  const entry = indexEntryOf(ticket, policy);
  const ended = isEnded(ticket.state) ? endedEventJson(withoutTexts(ticket)) : undefined;
  return askIndex(env, tenant, (index) => index.note(entry, tenant, ended), tellLimitMs);
}

/** Each tenant's feed of ended tickets. An end enters it when the index is told. */
export function remoteFeed(env: Environment): Feed {
  return {
    page: (tenant, after, most) => askIndex<FeedPage>(env, tenant, (index) => index.feedPage(after, most)),
  };
}

/** A socket on which it is said that the tenant's feed has grown; or 503. @throws {StoreAway} */
export function feedSocket(env: Environment, tenant: string): Promise<Response> {
  const request = new Request("https://index/", { headers: { upgrade: "websocket" } });
  return askObject<TenantIndex, Response>(env.TENANT_INDEXES, nameOf(tenant), (index) =>
    index.fetch(request),
  );
}

/** Of a tenant, or of all. */
export async function listFrom(env: Environment, query: TicketQuery): Promise<TicketList> {
  const { tenant } = query;
  if (tenant === null) return await listOfAll(env, query);
  return await listFromIndex(
    {
      page: (asked) => askIndex(env, tenant, (index) => index.page(asked)),
      unheard: (ids) => askIndex(env, tenant, (index) => index.unheard(ids)),
      ...ofTickets(env, query.tenantKey),
    },
    query,
  );
}

/** The tenants' indexes as one. One that is away leaves a gap, which the list says of itself. */
async function listOfAll(env: Environment, query: TicketQuery): Promise<TicketList> {
  let areThere = true;
  const orGap = (error: unknown): null => {
    if (!(error instanceof StoreAway)) throw error;
    areThere = false;
    return null;
  };
  const found = (await tenantsWithTickets(env).catch(orGap)) ?? [];
  const tenants = [...new Set([...(query.known ?? []), ...found])];

  async function page(asked: IndexQuery): Promise<readonly ListPosition[]> {
    const pages: (readonly ListPosition[])[] = [];
    await sideBySide(tenants, async (tenant) => {
      pages.push((await askIndex(env, tenant, (index) => index.page(asked)).catch(orGap)) ?? []);
    });
    return firstOfAll(pages, asked.most).first;
  }

  async function unheard(ids: readonly string[]): Promise<readonly string[]> {
    let left = ids;
    for (const tenant of tenants) {
      if (left.length === 0) break;
      const asked = left;
      left = (await askIndex(env, tenant, (index) => index.unheard(asked)).catch(orGap)) ?? asked;
    }
    return left;
  }

  const list = await listFromIndex({ page, unheard, ...ofTickets(env, null) }, query);
  return { ...list, complete: list.complete && areThere };
}

/** @param tenantKey `null`: of all */
function ofTickets(
  env: Environment,
  tenantKey: string | null,
): Pick<ListSources, "ticketsOf" | "show" | "sideBySide"> {
  return {
    ticketsOf: (provider, most) =>
      askObject<ProviderGate, readonly ListPosition[]>(env.GATES, provider, (gate) =>
        gate.ticketsOf(tenantKey, most),
      ),
    show: (id) =>
      askObject<TicketObject, TicketCopy | null>(env.TICKET_OBJECTS, id, (ticket) => ticket.show()),
    sideBySide,
  };
}

/** @throws {StoreAway} */
export function askIndex<Reply>(
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
