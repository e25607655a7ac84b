/** What a client is told when there is no judgement, and what it is never told. */
import { describe, expect, it } from "vitest";
import { refused, said, verdict, type Step } from "../support/scripted-transport.ts";
import { openaiKey, testService } from "../support/service.ts";

/** Nothing waits: what becomes of the rest is in `modes.test.ts`. */
const now = { processing_mode: "immediate" };
const once = { LLM_MAX_RETRIES: "0", LLM_REQUEST_TIMEOUT_SECONDS: "10" };

/** Nobody but the log may hear it. */
const canary = "canary-7f3a";
const words = { message: `${canary} ${openaiKey}` };

interface Row {
  readonly name: string;
  readonly step: Step;
  readonly status: number;
  readonly type: string;
  readonly retryAfter?: number;
  readonly details?: string;
}

const incomplete = (reason: string) => verdict({ status: "incomplete", incomplete_details: { reason } });
const refusal = [{ type: "message", content: [{ type: "refusal", refusal: canary }] }];

const rows: readonly Row[] = [
  {
    name: "no connection",
    step: { fault: { fault: "connection", code: "ECONNREFUSED" } },
    status: 503,
    type: "CONNECTION_ERROR",
    retryAfter: 5,
  },
  { name: "no answer in time", step: "stall", status: 503, type: "TIMEOUT", retryAfter: 5 },
  {
    name: "an answer past the deadline",
    step: { text: "{}", delayMs: 10_001 },
    status: 503,
    type: "TIMEOUT",
    retryAfter: 5,
  },
  ...[408, 409, 421, 425, 499, 500, 502, 503, 504, 529].map((status) => ({
    name: `HTTP ${status}`,
    step: refused(status, {}, words),
    status: 503,
    type: "SERVICE_UNAVAILABLE",
    retryAfter: 5,
  })),
  {
    name: "a 503 with a time",
    step: refused(503, { "retry-after": "37" }, words),
    status: 503,
    type: "SERVICE_UNAVAILABLE",
    retryAfter: 37,
  },
  {
    name: "an error in a 200",
    step: verdict({ status: "failed", error: { code: "server_error", ...words } }),
    status: 503,
    type: "SERVICE_UNAVAILABLE",
    retryAfter: 5,
  },
  { name: "HTTP 429", step: refused(429, {}, words), status: 503, type: "RATE_LIMIT", retryAfter: 30 },
  {
    name: "HTTP 429 with a time",
    step: refused(429, { "retry-after-ms": "12001" }, words),
    status: 503,
    type: "RATE_LIMIT",
    retryAfter: 13,
  },
  {
    name: "HTTP 429 with no time at all",
    step: refused(429, { "retry-after": "0" }, words),
    status: 503,
    type: "RATE_LIMIT",
    retryAfter: 1,
  },
  { name: "HTTP 401", step: refused(401, {}, words), status: 502, type: "INVALID_API_KEY" },
  { name: "HTTP 403", step: refused(403, {}, words), status: 502, type: "INVALID_API_KEY" },
  { name: "HTTP 402", step: refused(402, {}, words), status: 502, type: "QUOTA_EXCEEDED" },
  {
    name: "a 429 about credit",
    step: refused(429, {}, { ...words, code: "insufficient_quota" }),
    status: 502,
    type: "QUOTA_EXCEEDED",
  },
  { name: "a refusal", step: verdict({ output: refusal }), status: 502, type: "CONTENT_REFUSED" },
  {
    name: "a blocked prompt",
    step: refused(400, {}, { ...words, code: "invalid_prompt" }),
    status: 502,
    type: "CONTENT_REFUSED",
  },
  {
    name: "a truncated answer",
    step: incomplete("max_output_tokens"),
    status: 502,
    type: "RESPONSE_TRUNCATED",
  },
  {
    name: "an answer that is too large",
    step: { fault: { fault: "too_large", status: 200 } },
    status: 503,
    type: "SERVICE_UNAVAILABLE",
    retryAfter: 5,
  },
  {
    name: "a web page",
    step: { text: `<html>${canary}</html>` },
    status: 503,
    type: "SERVICE_UNAVAILABLE",
    retryAfter: 5,
  },
  {
    name: "a redirect",
    step: { status: 302, headers: { location: `https://${canary}.example` }, text: "" },
    status: 503,
    type: "SERVICE_UNAVAILABLE",
    retryAfter: 5,
  },
  { name: "silence", step: { text: "" }, status: 503, type: "SERVICE_UNAVAILABLE", retryAfter: 5 },
  { name: "no words", step: said(""), status: 502, type: "INVALID_RESPONSE", details: "empty" },
  { name: "words", step: said(canary), status: 502, type: "INVALID_RESPONSE", details: "not_json" },
  {
    name: "a tie",
    step: said('{"boundary":"%boundary%","winner":"tie","confidence":1,"justification":"x"}'),
    status: 502,
    type: "INVALID_RESPONSE",
    details: "bad_winner",
  },
];

it.each(rows)("answers $name with $status $type", async ({ step, status, type, retryAfter, details }) => {
  const { compare, clock, written } = testService({ env: once, steps: [step, step] });
  const answering = compare(now);
  await clock.advance(20_000);
  const answered = await answering;
  expect(answered.status).toBe(status);
  expect(answered.body).toEqual({
    error: expect.stringMatching(/openai.*\.$/),
    error_type: type,
    correlation_id: answered.headers.get("x-correlation-id"),
    ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
    ...(details === undefined ? {} : { details }),
  });
  expect(answered.text + JSON.stringify([...answered.headers])).not.toMatch(
    new RegExp(`${canary}|${openaiKey}`),
  );
  expect(written()).not.toMatch(new RegExp(`${canary}|${openaiKey}`));
  expect(clock.pending()).toBe(0);
});

const refusedWith = async (message: string) => {
  const { compare, written } = testService({ env: once, steps: [refused(400, {}, { message })] });
  const { status, body } = await compare();
  expect([status, body["error_type"]]).toEqual([422, "INVALID_REQUEST"]);
  expect(written()).not.toContain(message.slice(0, 20));
  return body["details"];
};

describe("a request that the vendor refuses", () => {
  it("is told in the vendor's words", async () => {
    expect(await refusedWith("This model's maximum context length is 8 tokens.")).toBe(
      "This model's maximum context length is 8 tokens.",
    );
  });

  it("is told without any key: ours, and whatever looks like one", async () => {
    const key = `AIza${"x".repeat(30)}`;
    expect(
      await refusedWith(
        `Bad: ${openaiKey}, ${openaiKey}${openaiKey}; sk-proj-abcdef12; ${key}; Bearer abc.def=`,
      ),
    ).toBe("Bad: [masked], [masked][masked]; [masked]; [masked]; [masked]");
  });

  it("is told at most in a thousand characters, and with no part of a key at the cut", async () => {
    for (let before = 960; before <= 1_000; before++) {
      const details = String(await refusedWith("w".repeat(before) + openaiKey + "w".repeat(1_000)));
      expect(details.length).toBeLessThanOrEqual(1_000);
      expect(details).not.toContain(openaiKey.slice(0, 4));
    }
  });

  it("is told by its status where the vendor has no words", async () => {
    const { compare } = testService({ env: once, steps: [{ status: 404, text: '{"error":{}}' }] });
    expect((await compare()).body["details"]).toBe("HTTP 404");
  });
});

it.each([
  ["the one that was named", { model_override: "house/judge" }, "house/judge"],
  ["the default", {}, "openai/gpt-6.1-terra"],
])("names a model that is refused to this service: %s", async (_, overrides, model) => {
  const step = refused(403, {}, { code: 403, metadata: { provider_name: canary, raw: canary } });
  const service = testService({ env: { ...once, OPENROUTER_API_KEY: "k" }, steps: () => step });
  const answered = await service.compare({
    ...now,
    llm_config_overrides: { provider_override: "openrouter", ...overrides },
  });
  expect([answered.status, answered.body["error_type"], answered.body["error"]]).toEqual([
    502,
    "INVALID_API_KEY",
    `openrouter does not let this service use the model ${model}.`,
  ]);
  expect(answered.text).not.toContain(canary);
});

it("tries again before it gives up, and says so in the log", async () => {
  const { compare, clock, vendor, logged } = testService({
    steps: [refused(503), refused(500), refused(504)],
  });
  const answering = compare(now);
  await clock.advance(60_000);
  expect((await answering).body["error"]).toContain("504");
  expect(vendor.calls).toHaveLength(3);
  expect(
    logged("attempt").map((line) => [line["attempt"], line["upstream_status"], line["failure"]]),
  ).toEqual([
    [1, 503, "unavailable"],
    [2, 500, "unavailable"],
    [3, 504, "unavailable"],
  ]);
});

it.each([
  [401, "asks for credentials before it lets calls through (status 401)."],
  [407, "asks for credentials before it lets calls through (status 407)."],
  [413, "does not let a request of this kind through (status 413)."],
  [429, "limits the rate of our requests."],
  [404, "answered in its place (status 404)."],
])("says that a page with a %i came from something between us and the vendor", async (status, words) => {
  const service = testService({ env: once, steps: () => ({ status, text: "<html></html>" }) });
  const { body } = await service.compare(now);
  expect(body["error"]).toBe(`Something between this service and openai ${words}`);
});
