/** The index of a tenant's tickets, as asked from elsewhere, and the list that is made of it (`engine/index-list.ts`). */
import type { Ticket, TicketCopy, TicketPolicy } from "../../domain/ticket/ticket.ts";
import { listFromIndex } from "../../engine/index-list.ts";
import { indexEntryOf } from "../../engine/ticket-index.ts";
import type { ListPosition, TicketList, TicketQuery } from "../../gateway/ports.ts";
import type { Environment } from "../environment.ts";
import type { ProviderGate } from "../objects/gate-object.ts";
import type { TenantIndex } from "../objects/tenant-index.ts";
import type { TicketObject } from "../objects/ticket-object.ts";
import { sideBySide } from "../side-by-side.ts";
import { askObject, type Remote } from "./ask-object.ts";

/** Behind every verb, so nobody waits for it. */
const tellLimitMs = 5_000;

/** Tells the index of a ticket's tenant how the ticket stands. @throws {StoreAway} it may not have heard */
export function tellIndex(env: Environment, ticket: Ticket, policy: TicketPolicy): Promise<void> {
  const entry = indexEntryOf(ticket, policy);
  return ask(env, ticket.about.tenant, (index) => index.note(entry), tellLimitMs);
}

export function listOfTenant(env: Environment, query: TicketQuery): Promise<TicketList> {
  const { tenant, tenantKey } = query;
  return listFromIndex(
    {
      page: (asked) => ask(env, tenant, (index) => index.page(asked)),
      unheard: (ids) => ask(env, tenant, (index) => index.unheard(ids)),
      ticketsOf: (provider, most) =>
        askObject<ProviderGate, readonly ListPosition[]>(env.GATES, provider, (gate) =>
          gate.ticketsOf(tenantKey, most),
        ),
      show: (id) =>
        askObject<TicketObject, TicketCopy | null>(env.TICKET_OBJECTS, id, (ticket) => ticket.show()),
      sideBySide,
    },
    query,
  );
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
