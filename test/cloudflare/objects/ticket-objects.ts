/** Tickets in Durable Objects, for the contract suites. */
import { configOf } from "../../../src/cloudflare/environment.ts";
import { remoteGate } from "../../../src/cloudflare/stubs/gate.ts";
import { remoteFeed } from "../../../src/cloudflare/stubs/tenant-index.ts";
import { ticketPolicy } from "../../../src/settings/limits.ts";
import type { TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import type { FeedsUnderTest } from "../../contracts/feed.ts";
import { directly, env, evictAll, freshWorld, isStored, settled, storedIn, ticketsOf } from "../objects.ts";

export const policy = ticketPolicy(configOf(env));

/** @param wrap what stands before each verb: nothing, or the eviction of all objects */
export function ticketsWith(wrap: <Verbs extends object>(verbs: Verbs) => Verbs) {
  return async (): Promise<FeedsUnderTest> => {
    const { advance, nowMs } = await freshWorld();
    return {
      tickets: wrap(ticketsOf()),
      feed: wrap(remoteFeed(env)),
      settled,
      gate: wrap(directly(remoteGate(env, "mock"))),
      events: eventsOf,
      holds: isStored,
      nowMs,
      advance,
      restart: evictAll,
    };
  };
}

async function eventsOf(id: string): Promise<readonly TicketEvent[]> {
  const { events = [] } = await storedIn(env.TICKET_OBJECTS.get(env.TICKET_OBJECTS.idFromName(id)));
  return (events as { json: string }[]).map(({ json }) => JSON.parse(json) as TicketEvent);
}
