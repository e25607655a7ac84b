import { testTickets } from "../../contracts/tickets.ts";
import { durableForTest, policy } from "../../support/durable-on-node.ts";

testTickets(policy, () => durableForTest());
