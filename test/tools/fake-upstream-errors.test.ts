import * as anthropic from "@anthropic-ai/sdk";
import * as openai from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Lane } from "../../tools/fake-upstream/client.ts";
import { samples, send } from "../../tools/fake-upstream/samples.ts";
import {
  type ErrorFault,
  errorFaults,
  type Step,
  type VendorName,
  vendorNames,
} from "../../tools/fake-upstream/script.ts";
import { type FakeUpstream, startFakeUpstream } from "../../tools/fake-upstream/server.ts";

let upstream: FakeUpstream;
beforeAll(async () => {
  upstream = await startFakeUpstream();
});
afterAll(() => upstream.close());

let laneCount = 0;
async function laneWith(...steps: Step[]): Promise<Lane> {
  const lane = upstream.lane(`lane ${laneCount++}`);
  await lane.script(steps);
  return lane;
}

const sdk = { apiKey: "good", maxRetries: 0, logLevel: "off" } as const;
const askAnthropic = (lane: Lane) =>
  new anthropic.Anthropic({ ...sdk, baseURL: lane.baseUrls.anthropic }).messages.create(
    samples.anthropic.body as unknown as anthropic.Anthropic.MessageCreateParamsNonStreaming,
  );
const askOpenai = (lane: Lane) =>
  new openai.OpenAI({ ...sdk, baseURL: lane.baseUrls.openai }).responses.create(
    samples.openai.body as unknown as openai.OpenAI.Responses.ResponseCreateParamsNonStreaming,
  );

/** Status, and what in the body tells it from others. */
type Told = readonly [status: number, says: string];
const told: Record<ErrorFault, Record<VendorName, Told>> = {
  rateLimited: {
    anthropic: [429, '"rate_limit_error"'],
    openai: [429, '"rate_limit_exceeded"'],
    google: [429, "PerMinute"],
    openrouter: [429, '"code":429'],
  },
  creditExhausted: {
    anthropic: [429, '"error_code":"enforced_spend_limit_reached"'],
    openai: [429, '"credit_balance_exhausted"'],
    google: [402, '"RESOURCE_EXHAUSTED"'],
    openrouter: [402, '"payment_required"'],
  },
  dailyQuotaExhausted: {
    anthropic: [429, '"contract_spend_limit_reached"'],
    openai: [429, '"organization_usage_limit_exceeded"'],
    google: [429, "PerDay"],
    openrouter: [429, "per-day"],
  },
  paymentRequired: {
    anthropic: [402, '"billing_error"'],
    openai: [402, '"insufficient_quota"'],
    google: [402, '"RESOURCE_EXHAUSTED"'],
    openrouter: [402, '"payment_required"'],
  },
  credentialsRefused: {
    anthropic: [401, '"authentication_error"'],
    openai: [401, '"invalid_api_key"'],
    google: [400, '"API_KEY_INVALID"'],
    openrouter: [401, '"code":401'],
  },
  forbidden: {
    anthropic: [403, '"permission_error"'],
    openai: [403, '"unsupported_country_region_territory"'],
    google: [403, '"PERMISSION_DENIED"'],
    openrouter: [403, '"code":403'],
  },
  modelNotFound: {
    anthropic: [404, '"not_found_error"'],
    openai: [404, '"model_not_found"'],
    google: [404, '"NOT_FOUND"'],
    openrouter: [404, '"retryable":false'],
  },
  contextTooLong: {
    anthropic: [400, "too long"],
    openai: [400, '"context_length_exceeded"'],
    google: [400, "token count"],
    openrouter: [400, "context length"],
  },
  serverError: {
    anthropic: [500, '"api_error"'],
    openai: [500, '"server_error"'],
    google: [500, '"INTERNAL"'],
    openrouter: [500, '"code":500'],
  },
  unavailable: {
    anthropic: [503, '"api_error"'],
    openai: [503, '"service_unavailable_error"'],
    google: [503, '"UNAVAILABLE"'],
    openrouter: [503, '"retryable":true'],
  },
  overloaded: {
    anthropic: [529, '"overloaded_error"'],
    openai: [503, '"server_is_overloaded"'],
    google: [503, "overloaded"],
    openrouter: [529, '"capacity_exhausted"'],
  },
};

it.each(errorFaults)("%s comes in each vendor's own words", async (fault) => {
  const lane = await laneWith({ fault, times: 4 });
  for (const vendor of vendorNames) {
    const response = await send(lane, vendor);
    const [status, says] = told[fault][vendor];
    expect([vendor, response.status, await response.text()]).toEqual([
      vendor,
      status,
      expect.stringContaining(says),
    ]);
  }
});

it("each vendor's own SDK knows the errors", async () => {
  await expect(askAnthropic(await laneWith({ fault: "overloaded" }))).rejects.toThrow(
    anthropic.OverloadedError,
  );
  await expect(askAnthropic(await laneWith({ fault: "creditExhausted" }))).rejects.toMatchObject({
    status: 429,
    type: "rate_limit_error",
    errorCode: "enforced_spend_limit_reached",
    requestID: expect.stringMatching(/^req_/),
  });
  await expect(askOpenai(await laneWith({ fault: "unavailable" }))).rejects.toThrow(
    openai.InternalServerError,
  );
  await expect(askOpenai(await laneWith({ fault: "creditExhausted" }))).rejects.toMatchObject({
    status: 429,
    type: "insufficient_quota",
    code: "credit_balance_exhausted",
    requestID: expect.stringMatching(/^req_/),
  });
});

it("sends any status, type and code that is wanted", async () => {
  const step: Step = { fault: "status", status: 418, type: "teapot", code: "short_and_stout", times: 4 };
  const lane = await laneWith(step);
  for (const vendor of vendorNames) {
    const response = await send(lane, vendor);
    const text = await response.text();
    expect([response.status, text]).toEqual([418, expect.stringContaining("teapot")]);
    expect(text).toContain("short_and_stout");
  }
});

const waits: Step[] = [
  { fault: "rateLimited", retryAfter: 7 },
  { fault: "overloaded", retryAfterMs: 1500 },
  { fault: "status", status: 503, retryAfter: "Sun, 22 Nov 2026 12:00:00 GMT" },
];

it.each(["anthropic", "openai", "openrouter"] as const)(
  "%s says in headers how long to wait",
  async (vendor) => {
    const lane = await laneWith(...waits);
    expect((await send(lane, vendor)).headers.get("retry-after")).toBe("7");
    expect((await send(lane, vendor)).headers.get("retry-after-ms")).toBe("1500");
    expect((await send(lane, vendor)).headers.get("retry-after")).toBe("Sun, 22 Nov 2026 12:00:00 GMT");
  },
);

it("Gemini says in its body how long to wait", async () => {
  const lane = await laneWith(...waits);
  const seconds = await send(lane, "google");
  expect(seconds.headers.get("retry-after")).toBeNull();
  expect(await seconds.text()).toContain('google.rpc.RetryInfo","retryDelay":"7s"');
  expect(await (await send(lane, "google")).text()).toContain('"retryDelay":"1.5s"');
});

const failedInside: Record<VendorName, unknown> = {
  anthropic: { type: "error", error: { type: "api_error" } },
  openai: { status: "failed", error: { code: "server_error" }, output: [] },
  google: { error: { code: 502, status: "INTERNAL" } },
  openrouter: { choices: [{ finish_reason: "error", error: { code: 502 } }] },
};

it.each(vendorNames)("%s says an error in a 200, inside or on top", async (vendor) => {
  const lane = await laneWith({ fault: "errorIn200" }, { fault: "errorIn200", where: "top", status: 503 });
  const [inside, top] = [await send(lane, vendor), await send(lane, vendor)];
  expect([inside.status, top.status]).toEqual([200, 200]);
  expect(await inside.json()).toMatchObject(failedInside[vendor] as object);
  expect(await top.json()).toHaveProperty("error.message");
});

it("a blocked prompt leaves Gemini without candidates, a blocked answer leaves it without content", async () => {
  const lane = await laneWith({ fault: "safety" }, { fault: "safety", at: "answer" });
  expect(await (await send(lane, "google")).json()).not.toHaveProperty("candidates");
  expect(await (await send(lane, "google")).json()).not.toHaveProperty("candidates.0.content");
});
