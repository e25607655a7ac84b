/** How many live calls a process makes at once, and whose. */
import { expect, it } from "vitest";
import { err } from "../../src/domain/result.ts";
import { verdict, type Step } from "../support/scripted-transport.ts";
import { testService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const good = verdict();
const slow: Step = typeof good === "object" && "text" in good ? { ...good, delayMs: 10_000 } : good;
const sized = { "content-length": "500" };
const immediate = { processing_mode: "immediate" };

it("lets no tenant's slow calls delay another's live call, in default settings", async () => {
  const { compare, clock } = testService({ env: { API_KEYS }, steps: () => slow });
  const crowd = Array.from({ length: 520 }, () => compare({}, as("one", sized)));
  for (let turn = 0; turn < 50; turn++) await clock.advance(1);
  const sentMs = clock.nowMs();
  const other = compare(immediate, as("two", sized)).then(({ status }) => [status, clock.nowMs() - sentMs]);
  await clock.advance(10_000);
  expect(await other).toEqual([200, 10_000]);
  const answers = await Promise.all(crowd);
  // Four fifths of 256.
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(204);
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(520 - 204);
  const kept = answers.find(({ status }) => status === 202);
  expect(kept?.body["message"]).toMatch(
    /^As many comparisons .* are being judged now\. The comparison is kept/,
  );
});

it("says 503 with Retry-After to who will not wait, and calls and keeps nothing", async () => {
  let calls = 0;
  const { compare, clock, stores } = testService({
    env: { OPENAI_LIVE_CONCURRENCY: "1" },
    steps: () => (++calls, slow),
  });
  const first = compare(immediate);
  await clock.advance(1);
  const second = await compare(immediate);
  expect(second).toMatchObject({
    status: 503,
    body: { error_type: "SERVICE_UNAVAILABLE", retry_after: 2 },
  });
  expect(second.headers.get("retry-after")).toBe("2");
  expect([calls, stores.stored.size]).toEqual([1, 0]);
  await clock.advance(10_000);
  expect((await first).status).toBe(200);
  // Its room is free again.
  const third = compare(immediate);
  await clock.advance(10_000);
  expect((await third).status).toBe(200);
});

it("gives room back where a call fails, and where it throws", async () => {
  let calls = 0;
  const { compare } = testService({
    env: { OPENAI_LIVE_CONCURRENCY: "1", LLM_MAX_RETRIES: "0", CIRCUIT_BREAKER_FAILURE_THRESHOLD: "100" },
    steps: () => (++calls, { status: 503, text: "{}" }),
  });
  for (let time = 0; time < 3; time++) expect((await compare(immediate)).status).toBe(503);
  expect(calls).toBe(3);
});

it("counts each provider's calls by themselves", async () => {
  const { compare, clock } = testService({
    env: { OPENAI_LIVE_CONCURRENCY: "1", MOCK_ENABLED: "true" },
    steps: () => slow,
  });
  const first = compare(immediate);
  await clock.advance(1);
  const mock = { ...immediate, llm_config_overrides: { provider_override: "mock" } };
  const other = compare(mock);
  for (let turn = 0; turn < 20; turn++) await clock.advance(1);
  expect((await other).status).toBe(200);
  await clock.advance(10_000);
  expect((await first).status).toBe(200);
});

it("reads no more bodies than there is room for: the others get a 503 before theirs is read", async () => {
  let read = 0;
  const body = "x".repeat(1_000_000);
  const { request } = testService({
    platform: { readBody: () => (read++, new Promise(() => {})) },
  });
  const headers = { "content-type": "application/json", "content-length": "1500000" };
  const send = () => request("/api/v1/comparison", { method: "POST", headers, body });
  // 320 MiB, of which each may take three times 1.5 MB.
  for (let sent = 0; sent < 74; sent++) void send();
  await Promise.resolve();
  const refused = await send();
  expect(refused).toMatchObject({ status: 503, body: { error_type: "SERVICE_UNAVAILABLE", retry_after: 2 } });
  expect(read).toBe(74);
});

it("has a body of unknown length ask for room as it comes, and lets go of one that there is none for", async () => {
  const asked: boolean[] = [];
  const { request } = testService({
    platform: {
      readBody: async (_c, _maxBytes, mayRead) => {
        asked.push(mayRead?.(1_000_000) ?? true);
        return asked.at(-1) === true ? new Promise(() => {}) : err("no_room");
      },
    },
  });
  const headers = { "content-type": "application/json" };
  const send = () => request("/api/v1/comparison", { method: "POST", headers, body: "{}" });
  // 320 MiB, and three times a megabyte for each.
  for (let sent = 0; sent < 111; sent++) void send();
  expect(await send()).toMatchObject({ status: 503, body: { error_type: "SERVICE_UNAVAILABLE" } });
  expect(asked).toEqual([...Array.from({ length: 111 }, () => true), false]);
});

it.each([3_600_000, -3_600_000])(
  "keeps a live call's room though the wall clock is set by %i ms, and no longer than the call",
  async (byMs) => {
    const { compare, clock } = testService({ env: { OPENAI_LIVE_CONCURRENCY: "1" }, steps: () => slow });
    const first = compare(immediate);
    await clock.advance(1);
    clock.setWall(byMs);
    expect((await compare(immediate)).status).toBe(503);
    await clock.advance(10_000);
    expect((await first).status).toBe(200);
    const second = compare(immediate);
    await clock.advance(10_000);
    expect((await second).status).toBe(200);
  },
);
