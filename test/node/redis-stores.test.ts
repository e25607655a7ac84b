/** The contracts of gate, tickets and keys over a real Redis, by its own protocol. */
import { afterAll, describe } from "vitest";
import { testGate } from "../contracts/gate.ts";
import { testKeys } from "../contracts/keys.ts";
import { testTickets } from "../contracts/tickets.ts";
import { limits, policy } from "../support/durable-on-node.ts";
import { hasRedis } from "../support/redis/program.ts";
import { redisServer } from "../support/redis/server.ts";
import { redisStoresForTest } from "../support/redis/stores.ts";

const isMissing = !hasRedis("the contracts over Redis");
const server = isMissing ? null : await redisServer();
afterAll(() => server?.close());
const make = () => {
  if (server === null) throw new Error("no redis-server");
  return redisStoresForTest(server);
};

describe.skipIf(isMissing)("a gate in Redis", () => testGate(limits, make));
describe.skipIf(isMissing)("tickets in Redis", () => testTickets(policy, make));
describe.skipIf(isMissing)("keys in Redis", () => testKeys(make));
