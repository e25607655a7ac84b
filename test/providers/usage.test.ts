/** What the vendors say of a call's tokens and of its price. */
import { describe, expect, it } from "vitest";
import type { Usage } from "../../src/domain/judging/usage.ts";
import { sensible } from "../../src/providers/envelope.ts";
import { anthropicAnswers } from "./fixtures/anthropic.ts";
import { replyTo, type Recorded } from "./fixtures/canned.ts";
import { googleAnswers } from "./fixtures/google.ts";
import { openaiAnswers } from "./fixtures/openai.ts";
import { openrouterAnswers } from "./fixtures/openrouter.ts";
import { type VendorName, vendors } from "./fixtures/vendors.ts";

const judgements: Readonly<Record<VendorName, Recorded>> = {
  openai: openaiAnswers.judgement,
  anthropic: anthropicAnswers.judgement,
  google: googleAnswers.judgement,
  openrouter: openrouterAnswers.judgement,
};

async function billed(vendor: VendorName, changes: object, headers = {}): Promise<Usage["billed"]> {
  const recorded = judgements[vendor];
  const body = { ...(recorded.body as object), ...changes };
  const { usage } = await replyTo(vendors[vendor], { ...recorded, body, headers });
  if (usage === null) throw new Error("no usage");
  return usage.billed;
}

describe("the tier in which a call was served", () => {
  it.each([
    [undefined, undefined],
    [null, undefined],
    ["", undefined],
    ["default", undefined],
    ["flex", { priceFactor: 0.5 }],
    ["priority", { priceFactor: 2 }],
    ["fast", { priceFactor: 2 }],
    ["ultrafast", { priceFactor: null }],
    ["scale", { priceFactor: null }],
    ["auto", { priceFactor: null }],
    ["constructor", { priceFactor: null }],
  ])("OpenAI's %s", async (service_tier, expected) => {
    expect(await billed("openai", { service_tier })).toEqual(expected);
  });

  it.each([
    [null, undefined],
    ["standard", undefined],
    ["batch", { priceFactor: 0.5 }],
    ["priority", { priceFactor: null }],
  ])("Anthropic's %s", async (service_tier, expected) => {
    const { usage } = judgements.anthropic.body as { readonly usage: object };
    expect(await billed("anthropic", { usage: { ...usage, service_tier } })).toEqual(expected);
  });

  it.each([
    [{}, undefined],
    [{ "x-gemini-service-tier": "standard" }, undefined],
    [{ "x-gemini-service-tier": "FLEX" }, { priceFactor: 0.5 }],
    [{ "x-gemini-service-tier": "priority" }, { priceFactor: 1.8 }],
    [{ "x-gemini-service-tier": "turbo" }, { priceFactor: null }],
  ])("Google's, by its header %j", async (headers, expected) => {
    expect(await billed("google", {}, headers)).toEqual(expected);
  });
});

describe("what OpenRouter took for a call", () => {
  const { usage } = judgements.openrouter.body as { readonly usage: object };
  it.each<[string, object, object | undefined]>([
    ["counts", { cost: 0.00042 }, { costUsd: 0.00042 }],
    ["may be nothing", { cost: 0 }, { costUsd: 0 }],
    [
      "is all there is without a key of our own",
      { cost: 0.5, is_byok: false, cost_details: { upstream_inference_cost: 9 } },
      { costUsd: 0.5 },
    ],
    [
      "has the company's bill on top with one",
      { cost: 0.25, is_byok: true, cost_details: { upstream_inference_cost: 0.5 } },
      { costUsd: 0.75 },
    ],
    [
      "is left to the price table with one where that bill is not told",
      { cost: 0.25, is_byok: true },
      undefined,
    ],
    ["is left to it where it is negative", { cost: -1 }, undefined],
    ["is left to it where it is a word", { cost: "0.1" }, undefined],
    ["is left to it where it is left out", { cost: undefined }, undefined],
  ])("%s", async (_, changes, expected) => {
    expect(await billed("openrouter", { usage: { ...usage, ...changes } })).toEqual(expected);
  });

  it("leaves the tier to count where it is unknown", async () => {
    const changes = { usage: { ...usage, cost: null }, service_tier: "flex" };
    expect(await billed("openrouter", changes)).toEqual({ priceFactor: 0.5 });
  });
});

describe("counts", () => {
  const counted: Usage = {
    promptTokens: 100,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    completionTokens: 60,
    reasoningTokens: 60,
  };
  it("of reasoning are part of the completion as long as they can be, and added where they cannot", () => {
    expect(sensible(counted)).toEqual(counted);
    expect(sensible({ ...counted, reasoningTokens: 61 })).toEqual({
      ...counted,
      completionTokens: 121,
      reasoningTokens: 61,
    });
  });
  it.each([
    { promptTokens: -1 },
    { completionTokens: 0.5 },
    { reasoningTokens: Number.NaN },
    { cachedTokens: 101 },
  ])("that make no sense are none: %j", (change) => {
    expect(sensible({ ...counted, ...change })).toBeNull();
  });
});
