import { describe, expect, it } from "vitest";
import { judgementSchema } from "../../src/domain/judging/judgement.ts";
import { googleProvider } from "../../src/providers/google.ts";
import type { Transport } from "../../src/providers/transport.ts";
import { nowMs, otherVerdict, plan, question, replyTo, requestFor, verdict } from "./fixtures/canned.ts";
import { googleAnswers } from "./fixtures/google.ts";
import { itBearsAnyAnswer } from "./fixtures/malformed.ts";
import { itReadsEveryFault } from "./fixtures/over-http.ts";

const provider = (transport: Transport) =>
  googleProvider({ apiKey: "AIza", baseUrl: "https://upstream.test" }, { transport, nowMs: () => nowMs });

describe("the request", () => {
  // There is no SDK to compare with: its Node build is left out. This is what @google/genai 3.1.0 was seen to send.
  it("is the vendor's, to the last key", async () => {
    const request = await requestFor(provider, { plan: { ...plan, reasoningEffort: "low" } });
    expect(request).toStrictEqual({
      method: "POST",
      url: "https://upstream.test/v1beta/models/judge-1:generateContent",
      headers: {
        accept: "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": "llm-provider-service",
        "x-goog-api-key": "AIza",
      },
      body: {
        systemInstruction: { role: "user", parts: [{ text: question.system }] },
        contents: [{ role: "user", parts: [{ text: question.user }] }],
        generationConfig: {
          maxOutputTokens: 2000,
          responseMimeType: "application/json",
          responseJsonSchema: judgementSchema,
          thinkingConfig: { thinkingLevel: "LOW" },
        },
      },
    });
  });

  it("sends only what was planned", async () => {
    const words = { ...plan, structure: "words", reasoningEffort: "none" } as const;
    expect((await requestFor(provider, { plan: words })).body).toHaveProperty("generationConfig", {
      maxOutputTokens: 2000,
    });
    const json = { ...plan, structure: "json", temperature: 0 } as const;
    expect((await requestFor(provider, { plan: json })).body).toHaveProperty("generationConfig", {
      maxOutputTokens: 2000,
      temperature: 0,
      responseMimeType: "application/json",
    });
  });

  it("stays below the models' path, whatever the model is called", async () => {
    const { url } = await requestFor(provider, { model: "../files/x?alt=1#y" });
    expect(url).toBe("https://upstream.test/v1beta/models/..%2Ffiles%2Fx%3Falt%3D1%23y:generateContent");
  });
});

describe("the answer", () => {
  it("is all parts but the thoughts; thoughts are paid for beside the candidates", async () => {
    expect(await replyTo(provider, googleAnswers.judgement)).toEqual({
      outcome: { ok: true, value: { text: verdict, model: "gemini-3.8-flash-001" } },
      usage: {
        promptTokens: 1200,
        cachedTokens: 1024,
        cacheWriteTokens: 0,
        completionTokens: 180,
        reasoningTokens: 120,
      },
      requestId: "resp-1",
      status: 200,
    });
  });

  it("may leave out what is 0, its model and its id", async () => {
    expect(await replyTo(provider, googleAnswers.leavingOutZeros)).toEqual({
      outcome: { ok: true, value: { text: verdict, model: "judge-1" } },
      usage: {
        promptTokens: 1200,
        cachedTokens: 0,
        cacheWriteTokens: 0,
        completionTokens: 60,
        reasoningTokens: 0,
      },
      requestId: null,
      status: 200,
    });
  });

  it("is a text for each candidate", async () => {
    const texts = [verdict, otherVerdict];
    expect(await replyTo(provider, googleAnswers.twoCandidates)).toMatchObject({
      outcome: { ok: true, value: { text: texts.join("\n"), texts } },
    });
  });

  const notAnAnswer = { reason: "unreadable", why: "not_an_answer" };
  it.each([
    ["promptBlocked", { reason: "content_refused", kind: "PROHIBITED_CONTENT" }],
    ["safety", { reason: "content_refused", kind: "SAFETY" }],
    ["oneOfTwoBlocked", { reason: "content_refused", kind: "SAFETY" }],
    ["escalated", { reason: "content_refused", kind: "ESCALATION" }],
    ["limited", { reason: "credentials_refused", status: 200 }],
    ["withoutSignature", notAnAnswer],
    ["recitation", { reason: "content_refused", kind: "RECITATION" }],
    ["outOfTokens", { reason: "truncated" }],
    ["continued", { reason: "truncated" }],
    ["malformed", notAnAnswer],
    ["unfinished", notAnAnswer],
    ["nothingWritten", { reason: "unreadable", why: "empty" }],
    ["noCandidates", notAnAnswer],
    ["errorInside", { reason: "unavailable", status: 503, retryAfterMs: null }],
    ["badKey", { reason: "credentials_refused", status: 400 }],
    ["badParameter", { reason: "request_refused", status: 400, vendorSays: "Unknown name." }],
    ["creditExhausted", { reason: "quota_exhausted", status: 402 }],
    ["forbidden", { reason: "credentials_refused", status: 403 }],
    ["noSuchModel", { reason: "request_refused", status: 404, vendorSays: "models/x is not found." }],
    ["rateLimited", { reason: "rate_limited", retryAfterMs: 59_000 }],
    ["dailyQuota", { reason: "rate_limited", retryAfterMs: 900_000 }],
    ["rateLimitedByHeader", { reason: "rate_limited", retryAfterMs: 7_000 }],
    ["unavailable", { reason: "unavailable", status: 503, retryAfterMs: null }],
    ["timedOut", { reason: "unavailable", status: 504, retryAfterMs: null }],
  ] as const)("%s", async (name, error) => {
    expect((await replyTo(provider, googleAnswers[name])).outcome).toEqual({ ok: false, error });
  });

  itBearsAnyAnswer(provider, googleAnswers);
});

itReadsEveryFault("google", "gemini-3.8-flash", (vendor, transport) =>
  googleProvider(vendor, { transport, nowMs: () => nowMs }),
);
