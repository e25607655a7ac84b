/**
 * What a tenant does with its own tickets: it looks for one, lists them, and cancels one. Another's is as if it were not there. What operators do
 * with anybody's (`operator.ts`) rests on the same.
 */
import type { CancelledBy, Ticket, TicketCopy } from "../domain/ticket/ticket.ts";
import type { Flow } from "./flow.ts";
import { StoreAway, type TicketList, type TicketQuery } from "./ports.ts";

/** @returns the tenant's own ticket, or a copy where the ticket's store is away; `null`: there is none. @throws {StoreAway} */
export async function findOwn(
  flow: Flow,
  ticketId: string,
  tenant: string,
): Promise<Ticket | TicketCopy | null> {
  const found = await findAny(flow, ticketId);
  return found?.about.tenant === tenant ? found : null;
}

/** Whosever it is. */
export async function findAny({ ports }: Flow, ticketId: string): Promise<Ticket | TicketCopy | null> {
  return await ports.tickets.load(ticketId).catch(async (error: unknown) => {
    const copy = error instanceof StoreAway ? await ports.copyOf?.(ticketId) : null;
    // Without a copy nobody has said that there is no such ticket.
    if (!copy) throw error;
    return copy;
  });
}

/** @throws {StoreAway} nothing can be said */
export async function listOwn(
  { ports, keysOf }: Flow,
  query: Omit<TicketQuery, "tenant" | "tenantKey" | "known"> & { readonly tenant: string },
): Promise<TicketList> {
  const { tenant } = await keysOf(query.tenant, "");
  return ports.tickets.list({ ...query, tenantKey: tenant });
}

/** @returns the ticket as it is then: cancelled, or ended otherwise before; `null`: the tenant has none of this id. @throws {StoreAway} */
export async function cancelOwn(flow: Flow, ticketId: string, tenant: string): Promise<Ticket | null> {
  // Whose it is never changes, and must be known before anything is done to it.
  const found = await flow.ports.tickets.load(ticketId);
  return found?.about.tenant === tenant ? await cancelledBy(flow, ticketId, "owner") : null;
}

/** Whosever it is. A call for it that this process is making ends. */
export async function cancelledBy(
  { ports }: Flow,
  ticketId: string,
  by: CancelledBy,
): Promise<Ticket | null> {
  const { tickets, cancellations } = ports;
  const ended = await tickets.cancel(ticketId, by);
  if (ended?.state.status === "cancelled") cancellations?.tell(ticketId);
  return ended;
}
