import { describe, expect, it } from "vitest";
import { judgementSchema } from "../../src/domain/judging/judgement.ts";
import { findModel, planFor } from "../../src/providers/catalog.ts";
import { anthropicProvider } from "../../src/providers/anthropic.ts";
import type { Transport } from "../../src/providers/transport.ts";
import { anthropicAnswers } from "./fixtures/anthropic.ts";
import { nowMs, otherVerdict, plan, question, replyTo, requestFor, verdict } from "./fixtures/canned.ts";
import { itBearsAnyAnswer } from "./fixtures/malformed.ts";
import { itReadsEveryFault } from "./fixtures/over-http.ts";

const provider = (transport: Transport) =>
  anthropicProvider(
    { apiKey: "sk-ant", baseUrl: "https://upstream.test" },
    { transport, nowMs: () => nowMs },
  );

describe("the request", () => {
  it("asks for the schema by the vendor's own structured outputs", async () => {
    const request = await requestFor(provider, {});
    expect(request).toMatchObject({
      method: "POST",
      url: "https://upstream.test/v1/messages",
      headers: { authorization: "Bearer sk-ant", "anthropic-version": "2026-10-21" },
    });
    expect(request.headers).not.toHaveProperty("x-api-key");
    expect(request.body).toStrictEqual({
      model: "judge-1",
      max_tokens: 2000,
      system: [{ type: "text", text: question.system, cache_control: { type: "ephemeral" } }],
      messages: [{ role: "user", content: question.user }],
      output_config: { format: { type: "json_schema", schema: judgementSchema } },
    });
  });

  it("puts the effort beside the schema", async () => {
    const body = (await requestFor(provider, { plan: { ...plan, reasoningEffort: "low" } })).body;
    expect(body).toMatchObject({
      output_config: { effort: "low", format: { type: "json_schema", schema: judgementSchema } },
    });
  });

  it.each([
    ["claude-sonnet-5-5", "between_tools"],
    ["claude-haiku-5-5", "disabled"],
  ])("asks %s for the effort `none` by thinking %s", async (model, type) => {
    const asked = { temperature: null, maxTokens: 4096, reasoningEffort: "none" } as const;
    const { body } = await requestFor(provider, {
      model,
      plan: planFor(findModel("anthropic", model), asked),
    });
    expect(body).toMatchObject({ thinking: { type } });
    expect(body).not.toHaveProperty("output_config.effort");
  });

  it("forces a strict tool for the models that need one", async () => {
    const { body } = await requestFor(provider, { plan: { ...plan, structure: "tool" } });
    expect(body).toMatchObject({
      tools: [{ name: "comparison", strict: true, input_schema: judgementSchema }],
      tool_choice: { type: "tool", name: "comparison", disable_parallel_tool_use: true },
    });
    expect(body).not.toHaveProperty("output_config");
  });

  it("has no output settings where there is nothing to set", async () => {
    const { body } = await requestFor(provider, { plan: { ...plan, structure: "words" } });
    expect(Object.keys(body as object)).toEqual(["model", "max_tokens", "system", "messages"]);
  });

  it("carries a temperature that was planned", async () => {
    const { body } = await requestFor(provider, { plan: { ...plan, temperature: 0 } });
    expect(body).toMatchObject({ temperature: 0 });
  });
});

describe("the answer", () => {
  it("is the judge's text past its thinking; what the cache read and took in is part of the prompt", async () => {
    expect(await replyTo(provider, anthropicAnswers.judgement)).toEqual({
      outcome: { ok: true, value: { text: verdict, model: "claude-sonnet-5-5" } },
      usage: {
        promptTokens: 1300,
        cachedTokens: 1024,
        cacheWriteTokens: 100,
        completionTokens: 210,
        reasoningTokens: 120,
      },
      requestId: "req_1",
      status: 200,
    });
  });

  it("is the tool's input where a tool was called and nothing was said", async () => {
    expect(await replyTo(provider, anthropicAnswers.byTool)).toEqual({
      outcome: { ok: true, value: { text: verdict, model: "claude-sonnet-5-5" } },
      usage: expect.anything() as unknown,
      requestId: "req_1",
      status: 200,
    });
  });

  it.each([
    ["byToolWithWords", ["I will submit it.", verdict]],
    ["byTwoTools", [verdict, otherVerdict]],
    ["byToolAgainstItsWords", [otherVerdict, verdict]],
  ] as const)("is several texts where it holds several: %s", async (name, texts) => {
    expect(await replyTo(provider, anthropicAnswers[name])).toMatchObject({
      outcome: { ok: true, value: { text: texts.join("\n"), texts } },
    });
  });

  it("is one text where it comes in several blocks", async () => {
    const { outcome } = await replyTo(provider, anthropicAnswers.inTwoBlocks);
    expect(outcome).toEqual({ ok: true, value: { text: verdict, model: "claude-sonnet-5-5" } });
  });

  it("has a usage without any word of a cache", async () => {
    expect(await replyTo(provider, anthropicAnswers.uncached)).toMatchObject({
      usage: {
        promptTokens: 176,
        cachedTokens: 0,
        cacheWriteTokens: 0,
        completionTokens: 210,
        reasoningTokens: 0,
      },
    });
  });

  it("of no model is of the one that was asked", async () => {
    expect(await replyTo(provider, anthropicAnswers.withoutModel)).toMatchObject({
      outcome: { value: { model: "judge-1" } },
    });
  });

  const notAnAnswer = { reason: "unreadable", why: "not_an_answer" };
  it.each([
    ["refusal", { reason: "content_refused", kind: "bio" }],
    ["refusalOfNoCategory", { reason: "content_refused", kind: "refusal" }],
    ["outOfTokens", { reason: "truncated" }],
    ["outOfContext", { reason: "truncated" }],
    ["paused", notAnAnswer],
    ["unknownEnd", notAnAnswer],
    ["nothingWritten", { reason: "unreadable", why: "empty" }],
    ["overloadedInside", { reason: "unavailable", status: 529, retryAfterMs: null }],
    ["rateLimitInside", { reason: "rate_limited", retryAfterMs: null }],
    ["strangeInside", { reason: "unavailable", status: 200, retryAfterMs: null }],
    ["badKey", { reason: "credentials_refused", status: 401 }],
    ["billing", { reason: "quota_exhausted", status: 402 }],
    ["forbidden", { reason: "credentials_refused", status: 403 }],
    ["noSuchModel", { reason: "request_refused", status: 404, vendorSays: "model: x" }],
    [
      "tooLarge",
      {
        reason: "request_refused",
        status: 413,
        vendorSays:
          "Something between this service and the vendor refused the request as too large (HTTP 413).",
        fromBetween: true,
      },
    ],
    [
      "badParameter",
      { reason: "request_refused", status: 400, vendorSays: "temperature: Extra inputs are not permitted" },
    ],
    ["spent", { reason: "quota_exhausted", status: 400 }],
    ["spentAs429", { reason: "quota_exhausted", status: 429 }],
    ["rateLimited", { reason: "rate_limited", retryAfterMs: 7_000 }],
    ["ramped", { reason: "rate_limited", retryAfterMs: 3_000 }],
    ["timedOut", { reason: "unavailable", status: 504, retryAfterMs: null }],
    ["overloaded", { reason: "unavailable", status: 529, retryAfterMs: null }],
  ] as const)("%s", async (name, error) => {
    expect((await replyTo(provider, anthropicAnswers[name])).outcome).toEqual({ ok: false, error });
  });

  itBearsAnyAnswer(provider, anthropicAnswers);
});

itReadsEveryFault("anthropic", "claude-sonnet-5-5", (vendor, transport) =>
  anthropicProvider(vendor, { transport, nowMs: () => nowMs }),
);
