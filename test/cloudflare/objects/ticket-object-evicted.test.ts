import { describe } from "vitest";
import { testFeed } from "../../contracts/feed.ts";
import { testTicketList } from "../../contracts/ticket-list.ts";
import { testTickets } from "../../contracts/tickets.ts";
import { withEvictions } from "../objects.ts";
import { policy, ticketsWith } from "./ticket-objects.ts";

describe("tickets in objects that are evicted before every call", () => {
  testTickets(policy, ticketsWith(withEvictions));
  testTicketList(policy, ticketsWith(withEvictions));
  testFeed(policy, ticketsWith(withEvictions), 0);
});
