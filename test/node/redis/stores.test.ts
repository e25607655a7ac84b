/** The contracts of gate, tickets and keys over a real Redis, by its own protocol. */
import { afterAll, beforeAll, describe } from "vitest";
import { testActions } from "../../contracts/actions.ts";
import { testFeed } from "../../contracts/feed.ts";
import { testGate } from "../../contracts/gate.ts";
import { testKeys } from "../../contracts/keys.ts";
import { testTicketList } from "../../contracts/ticket-list.ts";
import { testTickets } from "../../contracts/tickets.ts";
import { limits, policy } from "../../support/sqlite-store.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { startRedis, type RedisServer } from "../../support/redis/server.ts";
import { redisStoresForTest } from "../../support/redis/stores.ts";

describe.skipIf(!hasRedis("the contracts over Redis"))("by its own protocol", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.close());
  const make = () => redisStoresForTest(server);

  describe("a gate in Redis", () => {
    testGate(limits, make);
  });
  describe("tickets in Redis", () => {
    testTickets(policy, make);
    testTicketList(policy, make);
    testFeed(policy, make);
  });
  describe("keys in Redis", () => {
    testKeys(make);
  });
  describe("operators' actions in Redis", () => {
    testActions(policy.retentionMs, make);
  });
});
