import { describe } from "vitest";
import { testFeed } from "../../contracts/feed.ts";
import { testTicketList } from "../../contracts/ticket-list.ts";
import { testTickets } from "../../contracts/tickets.ts";
import { asIs } from "../objects.ts";
import { policy, ticketsWith } from "./ticket-objects.ts";

describe("tickets in Durable Objects", () => {
  testTickets(policy, ticketsWith(asIs));
  testTicketList(policy, ticketsWith(asIs));
  testFeed(policy, ticketsWith(asIs), 200);
});
