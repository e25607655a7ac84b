/** The console of real processes: the same page over SQLite and over a Redis that two of them share. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { startNodeService, type NodeService } from "../support/node-service.ts";
import { untilRedisIs } from "../support/redis/pair.ts";
import { hasRedis } from "../support/redis/program.ts";
import { startRedis } from "../support/redis/server.ts";

const key = "lps_operator";
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const env = {
  ENVIRONMENT: "test",
  API_KEYS: `maths:${sha256("lps_tenant")}`,
  OPERATOR_KEYS: `ops:${sha256(key)}`,
  MOCK_ERROR_RATE: "1",
  LLM_MAX_RETRIES: "0",
};
const asMaths = { headers: { authorization: "Bearer lps_tenant" } };

async function asked({ url }: NodeService, path: string, init: RequestInit = {}) {
  const authorization = `Basic ${btoa(`ops:${key}`)}`;
  const response = await fetch(url + path, {
    redirect: "manual",
    ...init,
    headers: { authorization, origin: url },
  });
  const text = await response.text();
  return { status: response.status, text: text.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ") };
}

/** @param one has met an outage, which the other shows too where they share a store */
async function showsTheSame(one: NodeService, other: NodeService) {
  for (let times = 0; times < 5; times++) await one.compare({ processing_mode: "immediate" }, asMaths);
  const id = String((await one.compare({}, asMaths)).body["queue_id"]);
  for (const service of [one, other]) {
    const { text } = await asked(service, "/console");
    expect(text).toMatch(/mock : It is down: 5 faults in a row, since \d+ s ago .*, the last: unavailable/);
    expect(text).toMatch(new RegExp(`${id} maths mock mock-judge-1 queued, accepted`));
  }
  // Calls are counted by the process that made them.
  expect((await asked(one, "/console")).text).toMatch(
    /5 calls \(0\.01\/s\), 5 failed .* maths mock mock-judge-1 unavailable \(status 503\)/,
  );
  expect(await asked(other, "/console/providers/mock/pause", { method: "POST" })).toMatchObject({
    status: 303,
  });
  expect((await asked(one, "/console")).text).toMatch(/mock : It is paused by ops , since/);
  expect(await asked(one, `/console/tickets/${id}/cancel`, { method: "POST" })).toMatchObject({
    status: 303,
  });
  expect((await asked(other, `/console/tickets/${id}`)).text).toMatch(
    /1 .{20,60} accepted 2 .{20,60} cancelled by an operator/,
  );
  expect((await asked(other, "/console")).text).toMatch(/ops cancel .* of maths .* ops pause mock/);
}

describe("shows a person the same, and obeys", () => {
  it("over SQLite", async () => {
    const service = await startNodeService(env);
    await showsTheSame(service, service);
    expect(await service.stop()).toMatchObject({ code: 0 });
  });

  it.skipIf(!hasRedis("the console over a Redis"))(
    "over a Redis that two processes share, whichever of them is asked",
    async () => {
      const redis = await startRedis({ appendonly: false });
      const [one, other] = await Promise.all([
        startNodeService({ ...env, REDIS_URL: redis.url }),
        startNodeService({ ...env, REDIS_URL: redis.url }),
      ]);
      for (const service of [one, other]) await untilRedisIs("up", { service });
      await showsTheSame(one, other);
      expect(await Promise.all([one.stop(), other.stop()])).toMatchObject([{ code: 0 }, { code: 0 }]);
      await redis.close();
    },
  );
});

it("names at its start that operators' keys may travel unencrypted, and nothing where they can't", async () => {
  const open = await startNodeService({ ...env, HOST: "0.0.0.0" });
  expect(open.logged("started")[0]?.["warnings"]).toContainEqual(
    expect.stringContaining("operators' keys travel unencrypted to /console"),
  );
  await open.stop();
  const own = await startNodeService(env);
  expect(own.logged("started")[0]?.["warnings"]).not.toContainEqual(expect.stringContaining("/console"));
  await own.stop();
});
