/** The contracts of gate, tickets and keys over a real Redis that is reached over HTTP, as Upstash is. */
import { afterAll, beforeAll, describe } from "vitest";
import { testFeed } from "../../contracts/feed.ts";
import { testGate } from "../../contracts/gate.ts";
import { testKeys } from "../../contracts/keys.ts";
import { testTicketList } from "../../contracts/ticket-list.ts";
import { testTickets } from "../../contracts/tickets.ts";
import { limits, policy } from "../../support/sqlite-store.ts";
import { hasRedis } from "../../support/redis/program.ts";
import { restTransport } from "../../support/redis/rest.ts";
import { startRedis, type RedisServer } from "../../support/redis/server.ts";
import { redisStoresForTest } from "../../support/redis/stores.ts";
import { upstashServer, type UpstashServer } from "../../support/redis/upstash.ts";

describe.skipIf(!hasRedis("the contracts over Redis by HTTP"))("over HTTP", () => {
  let server: RedisServer;
  let rest: UpstashServer;
  beforeAll(async () => {
    server = await startRedis();
    rest = await upstashServer(server.url);
  });
  afterAll(async () => {
    await rest.close();
    await server.close();
  });
  const make = () => redisStoresForTest(server, restTransport(rest.url, rest.token));

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
});
