import * as fc from "fast-check";
import { expect, it } from "vitest";
import { providerNames } from "../../src/domain/judging/comparison.ts";
import type { Usage } from "../../src/domain/judging/usage.ts";
import { defaultModels, findModel, modelsOf, priceAt } from "../../src/providers/catalog.ts";
import { costOf } from "../../src/providers/cost.ts";

const todayMs = Date.UTC(2026, 10, 22);
const usage = (given: Partial<Usage>): Usage => ({
  promptTokens: 0,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  completionTokens: 0,
  reasoningTokens: 0,
  ...given,
});

const tokens = fc.integer({ min: 0, max: 900_000 });
const anyUsage: fc.Arbitrary<Usage> = fc
  .tuple(tokens, tokens, tokens, tokens, tokens)
  .map(([cachedTokens, cacheWriteTokens, fresh, reasoningTokens, spoken]) => ({
    promptTokens: cachedTokens + cacheWriteTokens + fresh,
    cachedTokens,
    cacheWriteTokens,
    completionTokens: reasoningTokens + spoken,
    reasoningTokens,
  }));
const anyModel = fc.constantFrom(...providerNames.flatMap((provider) => modelsOf(provider)));
const shortPromptModel = anyModel.filter((model) => priceAt(model, todayMs)?.longPrompt === null);

it("bills fresh, cached and cache-written tokens once each, and reasoning as part of the completion", () => {
  const cost = costOf(
    findModel("anthropic", "claude-sonnet-5-5"),
    usage({
      promptTokens: 1_000_000,
      cachedTokens: 400_000,
      cacheWriteTokens: 100_000,
      completionTokens: 200_000,
      reasoningTokens: 150_000,
    }),
    todayMs,
  );
  // 500,000 at 2 + 400,000 at 0.10 + 100,000 at 2.50 + 200,000 at 10
  expect(cost).toBe(1 + 0.04 + 0.25 + 2);
});

it("gives the sum that a person would, without the noise of floating point", () => {
  const asked = usage({ promptTokens: 1200, cachedTokens: 1024, completionTokens: 180 });
  // 176 * 0.10 + 1,024 * 0.01 + 180 * 0.50 microdollars
  expect(costOf(findModel("openai", "gpt-6-luna"), asked, todayMs)).toBe(0.00011784);
  expect(costOf(findModel("openai", "gpt-6-luna"), usage({ promptTokens: 3 }), todayMs)).toBe(0.0000003);
});

it.each([
  ["openai", "gpt-6.1-terra", 272_000, 1, 2, 1.5],
  ["openai", "gpt-5.5", 272_000, 5, 2, 1.5],
  ["anthropic", "claude-haiku-5-5", 100_000, 0.1, 5, 5],
  ["google", "gemini-3.1-pro-preview", 200_000, 2, 2, 1.5],
] as const)(
  "%s %s costs more above %i prompt tokens, for every token of the call",
  (provider, id, edge, input, inputFactor, outputFactor) => {
    const model = findModel(provider, id);
    const price = priceAt(model, todayMs);
    expect(price?.input).toBe(input);
    const at = (promptTokens: number, rest: Partial<Usage> = {}) =>
      costOf(model, usage({ promptTokens, ...rest }), todayMs) ?? Number.NaN;
    const output = price?.output ?? Number.NaN;
    const cached = price?.cached ?? Number.NaN;
    expect(at(edge)).toBeCloseTo((edge * input) / 1e6, 12);
    expect(at(edge + 1)).toBeCloseTo(((edge + 1) * input * inputFactor) / 1e6, 12);
    expect(at(edge, { completionTokens: 1000 }) - at(edge)).toBeCloseTo((1000 * output) / 1e6, 12);
    expect(at(edge + 1, { completionTokens: 1000 }) - at(edge + 1)).toBeCloseTo(
      (1000 * output * outputFactor) / 1e6,
      12,
    );
    // Cached tokens make a prompt no shorter, and are dearer in a long one too.
    expect(at(edge + 1, { cachedTokens: edge + 1 })).toBeCloseTo(
      ((edge + 1) * cached * inputFactor) / 1e6,
      12,
    );
  },
);

it("bills by the price of the call's own day", () => {
  const argon = findModel("google", "gemini-4-argon");
  const million = usage({ promptTokens: 1_000_000, completionTokens: 1_000_000 });
  expect(costOf(argon, million, Date.parse("2026-12-01") - 1)).toBe(12);
  expect(costOf(argon, million, Date.parse("2026-12-01"))).toBe(24);
});

it("an unknown price is null, never 0, even for no tokens at all", () => {
  for (const provider of providerNames) {
    expect(costOf(findModel(provider, "never-heard-of"), usage({ promptTokens: 100 }), todayMs)).toBeNull();
    expect(costOf(findModel(provider, "never-heard-of"), usage({}), todayMs)).toBeNull();
  }
  const beforeItsFirstPrice = Date.UTC(2026, 10, 18);
  const neon = findModel("google", "gemini-4-neon");
  expect(costOf(neon, usage({ promptTokens: 100 }), beforeItsFirstPrice)).toBeNull();
});

it("a mock call is known to cost nothing", () => {
  expect(costOf(findModel("mock", defaultModels.mock), usage({ promptTokens: 100 }), todayMs)).toBe(0);
});

it("a usage that is no set of counts costs an unknown amount", () => {
  for (const broken of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    for (const field of ["promptTokens", "cachedTokens", "cacheWriteTokens", "completionTokens"] as const) {
      const given = usage({ promptTokens: 10, [field]: broken });
      expect(costOf(findModel("openai", "gpt-6-luna"), given, todayMs), `${field} ${broken}`).toBeNull();
    }
  }
});

it("parts that exceed their prompt are billed as no more than the prompt", () => {
  const model = findModel("openai", "gpt-6-luna");
  const over = costOf(model, usage({ promptTokens: 100, cachedTokens: 500, cacheWriteTokens: 500 }), todayMs);
  expect(over).toBe(costOf(model, usage({ promptTokens: 100, cachedTokens: 100 }), todayMs));
});

it("is never negative, and more than nothing where tokens were used, for every priced model", () => {
  fc.assert(
    fc.property(anyModel, anyUsage, (model, used) => {
      const isFree = model.provider === "mock" || used.promptTokens + used.completionTokens === 0;
      const expected = priceAt(model, todayMs) === null ? null : isFree ? 0 : 1;
      const cost = costOf(model, used, todayMs);
      expect(cost === null ? null : Math.sign(cost)).toBe(expected);
    }),
  );
});

it("totals add up: two calls cost what one of their tokens together would, below the long-prompt price", () => {
  fc.assert(
    fc.property(shortPromptModel, anyUsage, anyUsage, (model, one, other) => {
      const both = {
        promptTokens: one.promptTokens + other.promptTokens,
        cachedTokens: one.cachedTokens + other.cachedTokens,
        cacheWriteTokens: one.cacheWriteTokens + other.cacheWriteTokens,
        completionTokens: one.completionTokens + other.completionTokens,
        reasoningTokens: one.reasoningTokens + other.reasoningTokens,
      };
      const whole = costOf(model, both, todayMs);
      if (whole === null) return;
      const parts =
        (costOf(model, one, todayMs) ?? Number.NaN) + (costOf(model, other, todayMs) ?? Number.NaN);
      expect(Math.abs(whole - parts)).toBeLessThan(1e-9);
    }),
  );
});

it("a cached token is never dearer than a fresh one, and reasoning never counts twice", () => {
  fc.assert(
    fc.property(anyModel, anyUsage, (model, used) => {
      const cost = costOf(model, used, todayMs);
      const uncached = costOf(model, { ...used, cachedTokens: 0 }, todayMs);
      if (cost === null || uncached === null) return;
      expect(cost).toBeLessThanOrEqual(uncached);
      expect(costOf(model, { ...used, reasoningTokens: 0 }, todayMs)).toBe(cost);
    }),
  );
});

it.each([
  ["openai", "gpt-6-luna"],
  ["openrouter", "somebody/unknown"],
  // Past its end.
  ["anthropic", "claude-sonnet-4-5"],
] as const)("is what the vendor says of the call, whatever the table says of %s %s", (provider, id) => {
  const used = usage({ promptTokens: 1_000_000, billed: { costUsd: 0.1 + 0.2 } });
  expect(costOf(findModel(provider, id), used, Date.UTC(2027, 0, 1))).toBe(0.3);
  expect(costOf(findModel(provider, id), { ...used, billed: { costUsd: 0 } }, todayMs)).toBe(0);
});

it("is the table's price by the factor of the tier, and unknown where the tier's is", () => {
  const terra = findModel("openai", "gpt-6.1-terra");
  const used = usage({ promptTokens: 100_000, completionTokens: 1_000 });
  expect(costOf(terra, used, todayMs)).toBe(0.105);
  expect(costOf(terra, { ...used, billed: { priceFactor: 0.5 } }, todayMs)).toBe(0.0525);
  expect(costOf(terra, { ...used, billed: { priceFactor: 2 } }, todayMs)).toBe(0.21);
  expect(costOf(terra, { ...used, billed: { priceFactor: null } }, todayMs)).toBeNull();
  const unknown = findModel("openai", "gpt-unknown");
  expect(costOf(unknown, { ...used, billed: { priceFactor: 0.5 } }, todayMs)).toBeNull();
});
