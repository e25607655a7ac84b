/** `Idempotency-Key`: the same key again is the same request. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Keyed } from "../../src/domain/idempotency.ts";
import { goodBody, post } from "../support/answers.ts";
import { refused, said, slow, verdict, type Step } from "../support/scripted-transport.ts";
import { testService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const key = (name = "key-1") => ({ headers: { "idempotency-key": name } });
const queued = { processing_mode: "queue" };
const now = { processing_mode: "immediate" };
const hourMs = 3_600_000;

describe("while a request with it is under way", () => {
  it("is 409, with the time until it can have ended, and calls nobody", async () => {
    const { compare, clock, vendor } = testService({ steps: [slow(verdict(), 30_000)] });
    const first = compare({}, key());
    await clock.advance(1_000);
    const { status, body, headers } = await compare({}, key());
    expect([status, body["error_type"]]).toEqual([409, "IDEMPOTENCY_CONFLICT"]);
    expect([body["retry_after"], headers.get("retry-after")]).toEqual([5, "5"]);
    expect((await compare({}, key("another"))).status).toBe(200);
    await clock.advance(29_000);
    expect((await first).status).toBe(200);
    expect((await compare({}, key())).text).toBe((await first).text);
    expect(vendor.calls).toHaveLength(2);
  });

  it("is 422 for another comparison even then", async () => {
    const { compare, clock } = testService({ steps: [slow(verdict(), 1_000)] });
    const first = compare({}, key());
    await clock.advance(1);
    expect((await compare({ priority: 1 }, key())).status).toBe(422);
    await clock.advance(1_000);
    expect((await first).status).toBe(200);
  });
});

describe("another comparison", () => {
  it.each([
    { user_prompt: "Another?" },
    { essay_a: "Another." },
    { essay_b: "Another." },
    { essay_a: goodBody.essay_b, essay_b: goodBody.essay_a },
    { llm_config_overrides: { provider_override: "mock" } },
    { llm_config_overrides: { model_override: "gpt-6-luna" } },
    { llm_config_overrides: { temperature_override: 0 } },
    { llm_config_overrides: { system_prompt_override: "Judge." } },
    { llm_config_overrides: { max_tokens_override: 4096 } },
    { llm_config_overrides: { reasoning_effort: "low" } },
    { processing_mode: "immediate" },
    { priority: 1 },
    { user_id: "u" },
    { metadata: { a: 1 } },
    { metadata: { a: [] } },
    { metadata: { "": {} } },
  ])("under it is 422: %j", async (changes) => {
    const { compare, vendor } = testService();
    await compare({}, key());
    const { status, body } = await compare(changes, key());
    expect([status, body["error_type"]]).toEqual([422, "IDEMPOTENCY_MISMATCH"]);
    expect(vendor.calls).toHaveLength(1);
  });

  it("is not one that differs in its correlation id, in nulls, or in fields that nobody reads", async () => {
    const { compare, vendor } = testService();
    const first = await compare({}, key());
    for (const changes of [
      { correlation_id: "b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f" },
      { priority: null, metadata: null, processing_mode: null, llm_config_overrides: null },
      { llm_config_overrides: { model_override: null } },
      { priority: 0, metadata: {}, processing_mode: "queue_if_unavailable" },
      { unknown: 1 },
      { llm_config_overrides: { output_verbosity: "low" } },
    ]) {
      expect((await compare(changes, key())).text).toBe(first.text);
    }
    expect(vendor.calls).toHaveLength(1);
  });
});

describe("metadata under it", () => {
  const asText = (metadata: string) => JSON.stringify(goodBody).replace(/\}$/, `,"metadata":${metadata}}`);
  const twice = async (one: string, other: string) => {
    const { request, vendor } = testService();
    const first = await request("/api/v1/comparison", post(asText(one), key()));
    const { status, text } = await request("/api/v1/comparison", post(asText(other), key()));
    expect(first.status).toBe(200);
    return { status, isSame: text === first.text, calls: vendor.calls.length };
  };

  it.each([
    ['{"a":1,"b":{"c":2,"d":[3]}}', '{"b":{"d":[3],"c":2},"a":1}'],
    ['{"a":1}', ' { "a" :\t1\n}'],
    ['{"é":"A\\u0041/"}', '{"\\u00e9":"AA\\/"}'],
    ['{"2":1,"10":2}', '{"10":2,"2":1}'],
  ])("is the same in another order or writing: %s and %s", async (one, other) => {
    expect(await twice(one, other)).toEqual({ status: 200, isSame: true, calls: 1 });
  });

  it.each([
    ['{"id":1234567890123456789}', '{"id":1234567890123456788}'],
    ['{"id":0.1}', '{"id":0.10000000000000000001}'],
    ['{"id":1}', '{"id":"1"}'],
    ['{"a":[1,2]}', '{"a":[2,1]}'],
    ['{"a":[1],"b":[]}', '{"a":[],"b":[1]}'],
    ['{"a":null}', "{}"],
    ['{"a":{}}', '{"a":[]}'],
    ['{"a":"{}"}', '{"a":{}}'],
  ])("is another where it says something else: %s and %s", async (one, other) => {
    expect(await twice(one, other)).toEqual({ status: 422, isSame: false, calls: 1 });
  });
});

describe("a record of version 1, whose hash names no version", () => {
  const changes = { user_id: "u", priority: 3, metadata: { b: 1, a: 2 } };
  /** As the release before it would have stored the same request. */
  async function stored() {
    const service = testService();
    const first = await service.compare(changes, key());
    const asked = {
      userPrompt: goodBody.user_prompt,
      essayA: goodBody.essay_a,
      essayB: goodBody.essay_b,
      provider: null,
      model: null,
      systemPrompt: null,
      temperature: null,
      maxTokens: null,
      reasoningEffort: null,
    };
    const text = JSON.stringify([asked, "queue_if_unavailable", 3, "u", { b: 1, a: 2 }]);
    const requestSha256 = createHash("sha256").update(text).digest("hex");
    const keys = service.stores.storedKeys as Map<string, Keyed>;
    for (const [name, record] of keys) {
      expect(record.requestSha256).toMatch(/^2:[0-9a-f]{64}$/);
      keys.set(name, { ...record, requestSha256 });
    }
    return { ...service, first };
  }

  it("answers the same request", async () => {
    const { compare, first, vendor } = await stored();
    const { status, text } = await compare(changes, key());
    expect([status, text]).toEqual([200, first.text]);
    expect(vendor.calls).toHaveLength(1);
  });

  it.each([{ priority: 4 }, { metadata: { a: 2, b: 1 } }, { essay_a: "Another." }])(
    "is compared as then: %j is another",
    async (others) => {
      const { compare } = await stored();
      const { status, body } = await compare({ ...changes, ...others }, key());
      expect([status, body["error_type"]]).toEqual([422, "IDEMPOTENCY_MISMATCH"]);
    },
  );
});

it.each([
  ["k1, k1", "k1"],
  ["k1,k1, k1", "k1"],
  ["k1, k2", "k1, k2"],
  [",", ","],
])("is one where it came twice with equal values: %s is %s", async (header, once) => {
  const { compare, vendor, stores } = testService();
  const first = await compare({}, key(header));
  expect((await compare({}, key(once))).text).toBe(first.text);
  expect([vendor.calls.length, stores.storedKeys.size]).toEqual([1, 1]);
});

it("may be of 255 characters where it came twice", async () => {
  const long = "k".repeat(255);
  expect((await testService().compare({}, key(`${long}, ${long}`))).status).toBe(200);
  expect((await testService().compare({}, key(`${long}, ${long}x`))).status).toBe(400);
});

it("answers byte for byte the same 200 after a judgement, however often, with one call upstream", async () => {
  const service = testService({
    steps: [slow(said('{"boundary":"%boundary%","winner":"b","confidence":2,"justification":"é"}'), 70)],
  });
  const answering = service.compare({ metadata: { z: 1, a: "\u2028" } }, key());
  await service.clock.advance(70);
  const first = await answering;
  expect(first.status).toBe(200);
  const other = service.restarted();
  for (let n = 0; n < 3; n++) {
    const { status, text, headers } = await other.compare({ metadata: { z: 1, a: "\u2028" } }, key());
    expect([status, text, headers.get("content-type")]).toEqual([
      200,
      first.text,
      first.headers.get("content-type"),
    ]);
  }
  expect(service.vendor.calls).toHaveLength(1);
  expect(other.vendor.calls).toEqual([]);
});

it.each([
  ["completed", verdict(), undefined],
  ["failed", refused(400), "INVALID_REQUEST"],
  ["expired", refused(401), "REQUEST_EXPIRED"],
] satisfies [string, Step, string | undefined][])(
  "answers a ticket with a 202 of its present state: %s in the end, when nothing is to be waited for any more",
  async (end, step, why) => {
    const { compare, clock, stores } = testService({ steps: () => slow(step, 10) });
    const first = await compare(queued, key());
    const again = async () => {
      const { status, body, headers } = await compare(queued, key());
      expect([status, body["queue_id"]]).toEqual([202, first.body["queue_id"]]);
      expect(headers.get("location")).toBe(first.headers.get("location"));
      expect(body["expires_at"]).toBe(first.body["expires_at"]);
      const hasEnded = body["status"] === end;
      expect(body["error_type"]).toBe(hasEnded ? why : undefined);
      expect([body["retry_after"] === null, headers.has("retry-after")]).toEqual([hasEnded, !hasEnded]);
      return body["status"];
    };
    expect(await again()).toBe("queued");
    await clock.advance(5);
    expect(await again()).toBe("processing");
    await clock.advance(4 * hourMs);
    expect(await again()).toBe(end);
    expect(stores.stored.size).toBe(1);
  },
);

describe("a 4xx or 5xx", () => {
  it.each([
    ["422 of the vendor", {}, refused(400), 422],
    ["502", {}, refused(401), 502],
    ["502 after one more ask", {}, said("tie"), 502],
    ["503 in immediate mode", now, refused(503), 503],
    ["503 of the queue", { ...queued, essay_a: "a".repeat(20_000) }, verdict(), 503],
    ["400 of the settings", { llm_config_overrides: { provider_override: "google" } }, verdict(), 400],
    ["400 of the validation", { essay_a: "" }, verdict(), 400],
    ["500", {}, { throws: new Error("a bug") }, 500],
  ] satisfies [string, object, Step, number][])("frees it: %s", async (_, changes, step, status) => {
    const env = { LLM_MAX_RETRIES: "0", QUEUE_MAX_MEMORY_MB: "0.01" };
    let isBroken = true;
    const { compare, stores } = testService({ env, steps: () => (isBroken ? step : verdict()) });
    expect((await compare(changes, key())).status).toBe(status);
    expect(stores.storedKeys.size).toBe(0);
    isBroken = false;
    // Another comparison under it is the first one now.
    expect((await compare(now, key())).status).toBe(200);
  });
});

it("is 409 for whoever failed when another had the key already: that one may have succeeded", async () => {
  const { compare, clock, stores } = testService({ steps: () => slow(refused(400), 10) });
  const late = compare({}, key());
  await clock.advance(1);
  // As if it had stood still until its lease was over.
  for (const [name, record] of stores.storedKeys)
    (stores.storedKeys as Map<string, Keyed>).set(name, { ...record, fence: record.fence + 1 });
  await clock.advance(10);
  expect((await late).status).toBe(409);
  expect(stores.storedKeys.size).toBe(1);
});

describe("its life", () => {
  it("is 24 hours after a judgement, to the millisecond", async () => {
    const { compare, clock, vendor } = testService();
    const first = await compare({}, key());
    await clock.advance(24 * hourMs - 1);
    expect((await compare({}, key())).text).toBe(first.text);
    await clock.advance(1);
    expect((await compare({}, key())).body["correlation_id"]).not.toBe(first.body["correlation_id"]);
    expect(vendor.calls).toHaveLength(2);
  });

  it("is that of its ticket where that is longer", async () => {
    const env = { QUEUE_REQUEST_TTL_HOURS: "30", RESULT_RETENTION_HOURS: "10" };
    const { compare, clock } = testService({ env, steps: () => refused(401) });
    const id = (await compare(queued, key())).body["queue_id"];
    await clock.advance(40 * hourMs - 1);
    expect((await compare(queued, key())).body).toMatchObject({ queue_id: id, status: "expired" });
  });
});

it.each([
  ["empty", ""],
  ["of 256 characters", "k".repeat(256)],
  ["with a control character", "a\u0001b"],
  ["with a tab", "a\tb"],
  ["with DEL", "a\u007fb"],
  ["not ASCII", "clé"],
])("is 400 where it is %s, and nothing is called or stored", async (_, name) => {
  const { app, vendor, stores } = testService();
  const request = new Request("http://localhost/api/v1/comparison", post(goodBody));
  // What a header can't hold reaches the route all the same on some platforms.
  const get = request.headers.get.bind(request.headers);
  request.headers.get = (header) => (header.toLowerCase() === "idempotency-key" ? name : get(header));
  const answered = await app.request(request);
  expect(answered.status).toBe(400);
  expect(await answered.json()).toMatchObject({ error_type: "VALIDATION_ERROR" });
  expect([vendor.calls.length, stores.storedKeys.size]).toEqual([0, 0]);
});

it.each(["k", "k".repeat(255), "a b", '!~"{}', "550e8400-e29b-41d4-a716-446655440000"])(
  "may be any printable characters, up to 255: %s",
  async (name) => {
    const { compare, vendor } = testService();
    const first = await compare({}, key(name));
    expect((await compare({}, key(name))).text).toBe(first.text);
    expect(vendor.calls).toHaveLength(1);
  },
);

it("belongs to its tenant: another's same key is another request", async () => {
  const { compare, vendor } = testService({ env: { API_KEYS } });
  const same = { "idempotency-key": "same" };
  const one = await compare({}, as("one", same));
  expect((await compare({ priority: 1 }, as("two", same))).status).toBe(200);
  expect((await compare({}, as("one", same))).text).toBe(one.text);
  expect(vendor.calls).toHaveLength(2);
});

it("is bought by those alone who send it: without it equal requests are new, and no record is stored", async () => {
  const { compare, vendor, stores } = testService();
  stores.away("keys");
  expect((await compare()).status).toBe(200);
  expect((await compare()).status).toBe(200);
  const ids = [await compare(queued), await compare(queued)].map(({ body }) => body["queue_id"]);
  expect(new Set(ids).size).toBe(2);
  expect(vendor.calls).toHaveLength(2);
});
