import { testFeed } from "../../contracts/feed.ts";
import { testTicketList } from "../../contracts/ticket-list.ts";
import { testTickets } from "../../contracts/tickets.ts";
import { sqliteForTest, policy } from "../../support/sqlite-store.ts";

testTickets(policy, () => sqliteForTest());
testTicketList(policy, () => sqliteForTest());
testFeed(policy, () => sqliteForTest());
