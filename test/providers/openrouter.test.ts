import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import type { Parameters } from "../../src/domain/judging/comparison.ts";
import { judgementSchema } from "../../src/domain/judging/judgement.ts";
import { err, ok } from "../../src/domain/result.ts";
import type { Clock } from "../../src/gateway/ports.ts";
import { openrouterProvider } from "../../src/providers/openrouter.ts";
import type { Transport, UpstreamRequest } from "../../src/providers/transport.ts";
import { nowMs, otherVerdict, plan, question, replyTo, requestFor, verdict } from "./fixtures/canned.ts";
import { openrouterAnswers } from "./fixtures/openrouter.ts";
import { itBearsAnyAnswer } from "./fixtures/malformed.ts";
import { itReadsEveryFault } from "./fixtures/over-http.ts";

const vendor = { apiKey: "sk-or", baseUrl: "https://upstream.test/api/v1" };
const stillClock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, after: () => () => {} };
const provider = (transport: Transport) => openrouterProvider(vendor, { transport, clock: stillClock });

describe("the request", () => {
  it("asks for the schema, of endpoints that have it and keep nothing, and names no other model", async () => {
    const request = await requestFor(provider, {});
    expect(request).toMatchObject({
      method: "POST",
      url: "https://upstream.test/api/v1/chat/completions",
      headers: { authorization: "Bearer sk-or" },
    });
    expect(request.body).toStrictEqual({
      model: "judge-1",
      messages: [
        { role: "system", content: question.system },
        { role: "user", content: question.user },
      ],
      max_tokens: 2000,
      response_format: {
        type: "json_schema",
        json_schema: { name: "comparison", strict: true, schema: judgementSchema },
      },
      provider: { data_collection: "deny", require_parameters: true },
    });
  });

  it("asks for JSON without a schema where that was planned", async () => {
    expect((await requestFor(provider, { plan: { ...plan, structure: "json" } })).body).toMatchObject({
      response_format: { type: "json_object" },
      provider: { data_collection: "deny", require_parameters: true },
    });
  });

  it("requires nothing of the endpoint where only words were planned", async () => {
    const { body } = await requestFor(provider, { plan: { ...plan, structure: "words" } });
    expect(body).toHaveProperty("provider", { data_collection: "deny" });
    expect(body).not.toHaveProperty("response_format");
  });

  it("lets no endpoint drop a parameter that was planned", async () => {
    const words = { ...plan, structure: "words", temperature: 0, reasoningEffort: "none" } as const;
    expect((await requestFor(provider, { plan: words })).body).toMatchObject({
      temperature: 0,
      reasoning: { effort: "none" },
      provider: { data_collection: "deny", require_parameters: true },
    });
  });
});

describe("the answer", () => {
  it("is the judge's text, the model that wrote it and what it took", async () => {
    expect(await replyTo(provider, openrouterAnswers.judgement)).toEqual({
      outcome: { ok: true, value: { text: verdict, model: "openai/gpt-6.1-terra-20261026" } },
      usage: {
        promptTokens: 1200,
        cachedTokens: 1024,
        cacheWriteTokens: 100,
        completionTokens: 180,
        reasoningTokens: 128,
        billed: { costUsd: 0.0021 },
      },
      requestId: "gen-1",
      status: 200,
    });
  });

  it.each(["withoutReason", "withEmptyReason", "withNoReason"] as const)(
    "may come without a finish reason: %s",
    async (name) => {
      expect((await replyTo(provider, openrouterAnswers[name])).outcome).toMatchObject({
        ok: true,
        value: { text: verdict },
      });
    },
  );

  it("is joined where it comes in parts, its reasoning left out", async () => {
    expect((await replyTo(provider, openrouterAnswers.inParts)).outcome).toEqual({
      ok: true,
      value: { text: verdict, model: "openai/gpt-6.1-terra-20261026" },
    });
  });

  it("is a text for each choice", async () => {
    const texts = [verdict, otherVerdict];
    expect(await replyTo(provider, openrouterAnswers.twoChoices)).toMatchObject({
      outcome: { ok: true, value: { text: texts.join("\n"), texts } },
    });
  });

  it("that broke off has cost something all the same", async () => {
    expect(await replyTo(provider, openrouterAnswers.brokenOff)).toMatchObject({
      usage: { promptTokens: 1200 },
      requestId: "gen-1",
    });
  });

  const notAnAnswer = { reason: "unreadable", why: "not_an_answer" };
  const moderation = { reason: "content_refused", kind: "moderation", inError: true };
  it.each([
    ["refusal", { reason: "content_refused", kind: "refusal" }],
    ["outOfTokens", { reason: "truncated" }],
    ["filtered", { reason: "content_refused", kind: "content_filter" }],
    ["calledTool", notAnAnswer],
    ["nothingWritten", { reason: "unreadable", why: "empty" }],
    ["noChoices", notAnAnswer],
    ["secondBrokenOff", { reason: "unavailable", status: 502, retryAfterMs: null }],
    ["brokenOff", { reason: "unavailable", status: 502, retryAfterMs: null }],
    ["rateLimitInside", { reason: "rate_limited", retryAfterMs: null }],
    ["policyInside", { reason: "content_refused", kind: "content_policy_violation", inError: true }],
    ["refusalInside", { reason: "content_refused", kind: "refusal", inError: true }],
    ["tokensInside", { reason: "truncated" }],
    ["moderationInside", moderation],
    [
      "noEndpointInside",
      { reason: "request_refused", status: 503, vendorSays: "Provider disconnected mid-stream" },
    ],
    ["errorOfNoCode", { reason: "unavailable", status: 200, retryAfterMs: null }],
    ["errorWithoutError", { reason: "unavailable", status: 200, retryAfterMs: null }],
    ["errorAtTop", { reason: "unavailable", status: 502, retryAfterMs: null }],
    ["badKey", { reason: "credentials_refused", status: 401 }],
    ["creditExhausted", { reason: "quota_exhausted", status: 402 }],
    ["moderation", moderation],
    [
      "guardrail",
      {
        reason: "request_refused",
        status: 403,
        vendorSays: "Request blocked: prompt injection patterns detected",
        unlessServed: { reason: "credentials_refused", status: 403 },
      },
    ],
    ["guardrailPatterns", moderation],
    ["forbidden", { reason: "credentials_refused", status: 403 }],
    ["noSuchModel", { reason: "request_refused", status: 404, vendorSays: "No endpoints found for x." }],
    ["rateLimited", { reason: "rate_limited", retryAfterMs: 9_000 }],
    ["rateLimitedByHeader", { reason: "rate_limited", retryAfterMs: 9_000 }],
    ["providerDown", { reason: "unavailable", status: 502, retryAfterMs: null }],
    ["noCapacity", { reason: "unavailable", status: 503, retryAfterMs: null }],
    ["notRetryable", { reason: "request_refused", status: 503, vendorSays: "No." }],
    ["constraint", { reason: "request_refused", status: 503, vendorSays: "No." }],
    ["edgeTimeout", { reason: "unavailable", status: 524, retryAfterMs: null }],
    ["overloaded", { reason: "unavailable", status: 529, retryAfterMs: null }],
  ] as const)("%s", async (name, error) => {
    expect((await replyTo(provider, openrouterAnswers[name])).outcome).toEqual({ ok: false, error });
  });

  itBearsAnyAnswer(provider, openrouterAnswers);
});

const asked: Parameters = { temperature: 0.5, maxTokens: 2000, reasoningEffort: "low" };
const plain: Parameters = { temperature: null, maxTokens: 2000, reasoningEffort: null };
const never = () => new AbortController().signal;

/** A vendor whose endpoints can be set, a clock that is set too, and the requests that came. */
function lookups(first: readonly (readonly string[])[] | "down" | "silent") {
  let endpoints = first;
  let now = nowMs;
  const timers = new Set<{ readonly atMs: number; readonly ring: () => void }>();
  const requests: UpstreamRequest[] = [];
  const transport: Transport = (request, signal) => {
    requests.push(request);
    if (endpoints === "down") return Promise.resolve(err({ fault: "connection", code: "ECONNREFUSED" }));
    if (endpoints === "silent") {
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve(err({ fault: "aborted" })));
      });
    }
    const data = { endpoints: endpoints.map((supported_parameters) => ({ supported_parameters })) };
    return Promise.resolve(ok({ status: 200, header: () => null, text: JSON.stringify({ data }) }));
  };
  const clock: Clock = {
    nowMs: () => now,
    monotonicMs: () => now,
    after: (delayMs, then) => {
      const timer = { atMs: now + delayMs, ring: then };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  return {
    requests,
    timers,
    become: (next: typeof first) => {
      endpoints = next;
    },
    advance: (ms: number) => {
      now += ms;
      for (const timer of timers) if (timer.atMs <= now) timer.ring();
    },
    provider: openrouterProvider(vendor, { transport, clock }),
  };
}

describe("what a model takes", () => {
  const schema = ["max_tokens", "structured_outputs", "response_format"];

  it.each<[string, string[][], Parameters, object]>([
    ["the schema, where an endpoint has it", [["response_format"], schema], plain, { structure: "schema" }],
    ["JSON, where none has a schema", [["tools"], ["response_format"]], plain, { structure: "json" }],
    ["words, where none has either", [["tools", "temperature"]], plain, { structure: "words" }],
    [
      "parameters that an endpoint with the schema takes",
      [[...schema, "temperature", "reasoning"]],
      asked,
      { structure: "schema", temperature: 0.5, reasoningEffort: "low", dropped: [] },
    ],
    [
      "none that only an endpoint without the schema takes",
      [schema, ["response_format", "temperature", "reasoning"]],
      asked,
      {
        structure: "schema",
        temperature: null,
        reasoningEffort: null,
        dropped: ["temperature", "reasoning_effort"],
      },
    ],
    [
      "not two that no endpoint takes together",
      [
        [...schema, "temperature"],
        [...schema, "reasoning"],
      ],
      asked,
      { structure: "schema", temperature: 0.5, reasoningEffort: null, dropped: ["reasoning_effort"] },
    ],
    [
      "the other of the two, where the first was not asked for",
      [
        [...schema, "temperature"],
        [...schema, "reasoning"],
      ],
      { ...asked, temperature: null },
      { structure: "schema", temperature: null, reasoningEffort: "low", dropped: [] },
    ],
    [
      "a temperature beside JSON",
      [["response_format"], ["response_format", "temperature"]],
      { ...asked, reasoningEffort: null },
      { structure: "json", temperature: 0.5, dropped: [] },
    ],
  ])("%s", async (_, endpoints, parameters, expected) => {
    const { provider } = lookups(endpoints);
    expect(await provider.plan("author/slug", parameters, never())).toMatchObject(expected);
  });

  it("is asked at the model's own path, with our key", async () => {
    const { provider, requests } = lookups([schema]);
    const signal = never();
    await provider.plan("author/slug:free", plain, signal);
    // Nothing stays behind on a signal that outlives it.
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(requests).toEqual([
      expect.objectContaining({
        method: "GET",
        url: "https://upstream.test/api/v1/models/author/slug%3Afree/endpoints",
        headers: expect.objectContaining({ authorization: "Bearer sk-or" }) as unknown,
        body: null,
      }),
    ]);
  });

  it.each(["slug", "../key", "author/..", "./key", "a/b/c", "a/b?c", "a/b#c", "a/b%2f", "", "/", "a/"])(
    "is not asked for '%s', which is no model's path",
    (model) => {
      const { provider, requests } = lookups([schema]);
      expect(provider.plan(model, plain, never())).toMatchObject({ structure: "words" });
      expect(requests).toEqual([]);
    },
  );

  it("is asked once an hour", async () => {
    const { provider, requests, advance } = lookups([schema]);
    await provider.plan("author/slug", plain, never());
    advance(3_599_999);
    // At once: not even a promise.
    expect(provider.plan("author/slug", plain, never())).toMatchObject({ structure: "schema" });
    expect(requests).toHaveLength(1);
    advance(1);
    expect(await provider.plan("author/slug", plain, never())).toMatchObject({ structure: "schema" });
    expect(requests).toHaveLength(2);
  });

  it("is taken for what the catalogue knows while the vendor does not say, and asked again after 30 s", async () => {
    const { provider, requests, advance, become } = lookups("down");
    expect(await provider.plan("author/slug", asked, never())).toEqual({
      structure: "words",
      temperature: null,
      reasoningEffort: null,
      dropped: ["temperature", "reasoning_effort"],
    });
    expect(await provider.plan("openai/gpt-6.1-terra", plain, never())).toMatchObject({
      structure: "schema",
    });
    become([schema]);
    advance(29_999);
    expect(provider.plan("author/slug", plain, never())).toMatchObject({ structure: "words" });
    expect(requests).toHaveLength(2);
    advance(1);
    expect(await provider.plan("author/slug", plain, never())).toMatchObject({ structure: "schema" });
  });

  it("stays as it was known while the vendor does not say", async () => {
    const { provider, requests, advance, become } = lookups([schema]);
    await provider.plan("author/slug", plain, never());
    become("down");
    advance(3_600_000);
    expect(await provider.plan("author/slug", plain, never())).toMatchObject({ structure: "schema" });
    advance(29_999);
    expect(provider.plan("author/slug", plain, never())).toMatchObject({ structure: "schema" });
    expect(requests).toHaveLength(2);
  });

  it("is asked again by one alone while others go on with what was known", async () => {
    const { provider, requests, advance, become } = lookups([schema]);
    await provider.plan("author/slug", plain, never());
    become([["response_format"]]);
    advance(3_600_000);
    const renewing = provider.plan("author/slug", plain, never());
    expect(provider.plan("author/slug", plain, never())).toMatchObject({ structure: "schema" });
    expect(await renewing).toMatchObject({ structure: "json" });
    expect(requests).toHaveLength(2);
  });

  it("is waited for 3 s", async () => {
    const { provider, advance, timers } = lookups("silent");
    const told: string[] = [];
    const planning = (async () => {
      const { structure } = await provider.plan("author/slug", plain, never());
      told.push(structure);
    })();
    advance(2_999);
    // Long enough for whatever is ready.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect(told).toEqual([]);
    advance(1);
    await planning;
    expect(told).toEqual(["words"]);
    expect(timers.size).toBe(0);
  });

  it("is given up when the client hangs up, which says nothing about the vendor", async () => {
    const { provider, requests, become } = lookups("silent");
    const controller = new AbortController();
    const planning = provider.plan("author/slug", plain, controller.signal);
    controller.abort("hung_up");
    await planning;
    become([schema]);
    expect(provider.plan("author/slug", plain, controller.signal)).toMatchObject({ structure: "words" });
    expect(requests).toHaveLength(1);
    expect(await provider.plan("author/slug", plain, never())).toMatchObject({ structure: "schema" });
  });

  it("is forgotten, the oldest first, before callers fill the memory with names", async () => {
    const { provider, requests } = lookups([schema]);
    for (let number = 0; number <= 500; number++)
      await provider.plan(`author/slug-${number}`, plain, never());
    expect(provider.plan("author/slug-1", plain, never())).toMatchObject({ structure: "schema" });
    expect(requests).toHaveLength(501);
    await provider.plan("author/slug-0", plain, never());
    expect(requests).toHaveLength(502);
  });

  it.each([
    ["nothing", "null"],
    ["a list", "[]"],
    ["no endpoints", '{"data":{"endpoints":[]}}'],
    ["endpoints of another kind", '{"data":{"endpoints":"all"}}'],
    ["a web page", "<html>"],
  ])("is not known from %s", async (_, text) => {
    const transport: Transport = () => Promise.resolve(ok({ status: 200, header: () => null, text }));
    expect(await provider(transport).plan("author/slug", plain, never())).toMatchObject({
      structure: "words",
    });
  });
});

itReadsEveryFault("openrouter", "openai/gpt-6.1-terra", (own, transport) =>
  openrouterProvider(own, { transport, clock: stillClock }),
);
