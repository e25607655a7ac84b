import { describe, expect, it } from "vitest";
import { judgementSchema } from "../../src/domain/judging/judgement.ts";
import { openaiProvider } from "../../src/providers/openai.ts";
import type { Transport } from "../../src/providers/transport.ts";
import { nowMs, otherVerdict, plan, question, replyTo, requestFor, verdict } from "./fixtures/canned.ts";
import { openaiAnswers } from "./fixtures/openai.ts";
import { itBearsAnyAnswer } from "./fixtures/malformed.ts";
import { itReadsEveryFault } from "./fixtures/over-http.ts";

const provider = (transport: Transport) =>
  openaiProvider(
    { apiKey: "sk-test", baseUrl: "https://upstream.test/v1" },
    { transport, nowMs: () => nowMs },
  );

describe("the request", () => {
  it("asks for the schema, and that nothing is stored", async () => {
    const request = await requestFor(provider, {});
    expect(request).toMatchObject({
      method: "POST",
      url: "https://upstream.test/v1/responses",
      headers: { authorization: "Bearer sk-test", "content-type": "application/json" },
    });
    expect(request.body).toStrictEqual({
      model: "judge-1",
      store: false,
      instructions: question.system,
      input: question.user,
      max_output_tokens: 2000,
      text: { format: { type: "json_schema", name: "comparison", strict: true, schema: judgementSchema } },
    });
  });

  it.each([
    ["https://api.openai.com/v1", "default"],
    ["https://eu.api.openai.com/v1", "default"],
    ["https://api.openai.com", "default"],
    ["https://resource.openai.azure.com/openai/v1", undefined],
    ["https://api.openai.com.example/v1", undefined],
    ["https://notapi.openai.com/v1", undefined],
    ["http://api.openai.com/v1", undefined],
    ["http://127.0.0.1:8080/api.openai.com/v1", undefined],
  ])("asks the vendor itself for its standard tier, and nobody else: %s", async (baseUrl, tier) => {
    const own = (transport: Transport) =>
      openaiProvider({ apiKey: "sk", baseUrl }, { transport, nowMs: () => nowMs });
    const { body } = await requestFor(own, {});
    expect((body as { readonly service_tier?: string }).service_tier).toBe(tier);
  });

  it("has the limit of tokens that was planned in the place of one that is too small", async () => {
    const raised = { ...plan, maxTokens: 16 };
    expect((await requestFor(provider, { maxTokens: 3, plan: raised })).body).toMatchObject({
      max_output_tokens: 16,
    });
  });

  it("carries what was planned, and no more", async () => {
    const warm = { ...plan, temperature: 0, reasoningEffort: "none", structure: "json" } as const;
    expect((await requestFor(provider, { plan: warm })).body).toMatchObject({
      temperature: 0,
      reasoning: { effort: "none" },
      text: { format: { type: "json_object" } },
    });
    const words = { ...plan, structure: "words" } as const;
    expect((await requestFor(provider, { plan: words })).body).not.toHaveProperty("text");
  });

  it("names neither the comparison nor the attempt", async () => {
    const changes = { promptSha256: "a".repeat(64), attempt: 3 };
    expect(await requestFor(provider, changes)).toStrictEqual(await requestFor(provider, {}));
  });
});

describe("the answer", () => {
  it("is the judge's text, the model that wrote it and what it took", async () => {
    expect(await replyTo(provider, openaiAnswers.judgement)).toEqual({
      outcome: { ok: true, value: { text: verdict, model: "gpt-6.1-terra-2026-10-26" } },
      usage: {
        promptTokens: 1200,
        cachedTokens: 1024,
        cacheWriteTokens: 100,
        completionTokens: 180,
        reasoningTokens: 128,
      },
      requestId: "req_1",
      status: 200,
    });
  });

  it.each(["inTwoParts", "afterCommentary"] as const)("is whole when it comes %s", async (name) => {
    expect(await replyTo(provider, openaiAnswers[name])).toMatchObject({
      outcome: { value: { text: verdict } },
    });
  });

  it("is a text for each message", async () => {
    const texts = [verdict, otherVerdict];
    expect(await replyTo(provider, openaiAnswers.twoMessages)).toMatchObject({
      outcome: { ok: true, value: { text: texts.join("\n"), texts } },
    });
  });

  it("of no model is of the one that was asked", async () => {
    expect(await replyTo(provider, openaiAnswers.withoutModel)).toMatchObject({
      outcome: { value: { model: "judge-1" } },
    });
  });

  const notAnAnswer = { reason: "unreadable", why: "not_an_answer" };
  const empty = { reason: "unreadable", why: "empty" };
  const spent = { reason: "quota_exhausted", status: 429 };
  it.each([
    ["refusal", { reason: "content_refused", kind: "refusal" }],
    ["outOfTokens", { reason: "truncated" }],
    ["filtered", { reason: "content_refused", kind: "content_filter" }],
    ["steered", notAnAnswer],
    ["stillRunning", notAnAnswer],
    ["cancelled", notAnAnswer],
    ["nothingWritten", empty],
    ["noMessage", empty],
    ["serverFailed", { reason: "unavailable", status: 200, retryAfterMs: null }],
    ["rateLimitFailed", { reason: "rate_limited", retryAfterMs: null }],
    ["promptFailed", { reason: "content_refused", kind: "invalid_prompt", inError: true }],
    ["bioFailed", { reason: "content_refused", kind: "bio_policy", inError: true }],
    [
      "misalignmentFailed",
      { reason: "content_refused", kind: "misalignment_policy_violation", inError: true },
    ],
    ["residencyFailed", { reason: "request_refused", status: 200, vendorSays: "It went wrong." }],
    ["errorAlone", { reason: "unavailable", status: 200, retryAfterMs: null }],
    ["badKey", { reason: "credentials_refused", status: 401 }],
    ["forbidden", { reason: "credentials_refused", status: 403 }],
    ["noSuchModel", { reason: "request_refused", status: 404, vendorSays: "The model 'x' does not exist." }],
    ["contextTooLong", { reason: "request_refused", status: 400, vendorSays: "Too long." }],
    ["promptRefused", { reason: "content_refused", kind: "invalid_prompt", inError: true }],
    ["rateLimited", { reason: "rate_limited", retryAfterMs: 1_500 }],
    ["slowDown", { reason: "rate_limited", retryAfterMs: null }],
    ["creditExhausted", spent],
    ["organizationSpent", spent],
    ["projectSpent", spent],
    ["usageLimit", spent],
    ["insufficientQuota", spent],
    ["overloaded", { reason: "unavailable", status: 503, retryAfterMs: null }],
  ] as const)("%s", async (name, error) => {
    const reply = await replyTo(provider, openaiAnswers[name]);
    expect(reply).toMatchObject({ outcome: { ok: false, error }, status: reply.status });
  });

  it("that ran out of tokens has cost something all the same", async () => {
    expect(await replyTo(provider, openaiAnswers.outOfTokens)).toMatchObject({
      usage: { promptTokens: 1200 },
    });
  });

  itBearsAnyAnswer(provider, openaiAnswers);
});

itReadsEveryFault("openai", "gpt-6.1-terra", (vendor, transport) =>
  openaiProvider(vendor, { transport, nowMs: () => nowMs }),
);
