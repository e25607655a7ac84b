import { describe } from "vitest";
import { configOf } from "../../../src/cloudflare/environment.ts";
import { remoteGate } from "../../../src/cloudflare/stubs/gate.ts";
import { ticketPolicy } from "../../../src/settings/limits.ts";
import type { TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import { testTicketList } from "../../contracts/ticket-list.ts";
import { testTickets, type TicketsUnderTest } from "../../contracts/tickets.ts";
import {
  asIs,
  directly,
  env,
  evictAll,
  freshWorld,
  isStored,
  storedIn,
  withEvictions,
  ticketsOf,
} from "../objects.ts";

const policy = ticketPolicy(configOf(env));

function ticketsWith(wrap: <Verbs extends object>(verbs: Verbs) => Verbs) {
  return async (): Promise<TicketsUnderTest> => {
    const { advance, nowMs } = await freshWorld();
    return {
      tickets: wrap(ticketsOf()),
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

describe("tickets in Durable Objects", () => {
  testTickets(policy, ticketsWith(asIs));
  testTicketList(policy, ticketsWith(asIs));
});

describe("tickets in objects that are evicted before every call", () => {
  testTickets(policy, ticketsWith(withEvictions));
  testTicketList(policy, ticketsWith(withEvictions));
});
