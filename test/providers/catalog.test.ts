import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { Parameters } from "../../src/domain/judging/comparison.ts";
import { providerNames, reasoningEfforts } from "../../src/domain/judging/comparison.ts";
import {
  defaultModels,
  describeModels,
  findModel,
  modelsOf,
  planFor,
  priceAt,
} from "../../src/providers/catalog.ts";

const todayMs = Date.UTC(2026, 10, 22);
const inSixMonthsMs = Date.UTC(2027, 4, 22);
const day = /^\d{4}-\d{2}-\d{2}$/;
const everyModel = providerNames.flatMap((provider) => modelsOf(provider));
const anyModel = fc.constantFrom(
  ...everyModel,
  ...providerNames.map((provider) => findModel(provider, "never-heard-of")),
);
const anyParameters: fc.Arbitrary<Parameters> = fc.record({
  temperature: fc.option(fc.double({ min: 0, max: 2, noNaN: true })),
  maxTokens: fc.integer({ min: 1 }),
  reasoningEffort: fc.option(fc.constantFrom(...reasoningEfforts)),
});
const asked = (temperature: number | null, reasoningEffort: Parameters["reasoningEffort"]): Parameters => ({
  temperature,
  maxTokens: 4096,
  reasoningEffort,
});

it.each(everyModel)(
  "no price of $provider $id is without its source and its day, or free but the mock's",
  (model) => {
    const isMock = model.provider === "mock";
    for (const { validFrom, source, input, cached, cacheWrite, output } of model.prices) {
      expect(source).toMatch(isMock ? /nothing/ : /\w+.*read 2026-\d\d-\d\d$/);
      expect(validFrom).toMatch(day);
      expect(Date.parse(validFrom)).not.toBeNaN();
      expect(cached > 0 && output > input).toBe(!isMock);
      expect(cached).toBeLessThanOrEqual(input);
      expect(cacheWrite).toBeGreaterThanOrEqual(input);
    }
  },
);

it.each(everyModel)("the rows of $provider $id go from old to new, and its end comes after", (model) => {
  const days = model.prices.map((price) => price.validFrom);
  expect(days).toEqual([...new Set(days)].toSorted());
  const shutdownOn = model.shutdownOn ?? "9999-12-31";
  expect(shutdownOn).toMatch(day);
  expect(shutdownOn > (days.at(-1) ?? "")).toBe(true);
});

it("no provider lists an id twice, nor an id that another entry's snapshot could have", () => {
  for (const provider of providerNames) {
    const ids = modelsOf(provider).map((model) => model.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const model of modelsOf(provider)) {
      expect(model).toMatchObject({ provider, known: true });
      expect(model.id).not.toMatch(/-\d{8}$|-\d{4}-\d{2}-\d{2}$/);
    }
  }
});

it.each(providerNames)(
  "the default of %s is known, has a price, and serves for at least six more months",
  (provider) => {
    const model = findModel(provider, defaultModels[provider]);
    expect(model).toMatchObject({ known: true, id: defaultModels[provider] });
    expect(priceAt(model, todayMs)).not.toBeNull();
    expect(priceAt(model, inSixMonthsMs)).not.toBeNull();
    expect(Date.parse(model.shutdownOn ?? "9999-12-31")).toBeGreaterThan(inSixMonthsMs);
  },
);

it.each([
  ["google", "gemini-4-argon", "2026-12-01", [2, 0.1, 10], [4, 0.2, 20]],
  ["google", "gemini-3.8-flash", "2027-01-01", [0.75, 0.075, 3.75], [1.5, 0.15, 7.5]],
  ["google", "gemini-3.7-flash", "2027-01-01", [0.75, 0.075, 3.75], [1.5, 0.15, 7.5]],
  ["google", "gemini-3.6-flash", "2027-01-01", [0.75, 0.075, 3.75], [1.5, 0.15, 7.5]],
  ["openrouter", "google/gemini-3.8-flash", "2027-01-01", [0.75, 0.075, 3.75], [1.5, 0.15, 7.5]],
  ["anthropic", "claude-sonnet-5-5", "2026-10-07", [2, 0.2, 10], [2, 0.1, 10]],
  ["openai", "gpt-5.6-sol", "2026-08-21", [5, 0.5, 30], [4, 0.4, 20]],
] as const)("the price of %s %s changes with %s, at midnight UTC", (provider, id, on, before, after) => {
  const usd = (nowMs: number) => {
    const price = priceAt(findModel(provider, id), nowMs);
    return price && [price.input, price.cached, price.output];
  };
  expect(usd(Date.parse(on) - 1)).toEqual(before);
  expect(usd(Date.parse(on))).toEqual(after);
});

it("a model has no price before its first day and from its last on", () => {
  const model = findModel("google", "gemini-2.5-flash");
  expect(priceAt(model, Date.parse("2025-06-17") - 1)).toBeNull();
  expect(priceAt(model, Date.parse("2025-06-17"))).not.toBeNull();
  expect(priceAt(model, Date.parse("2026-12-01") - 1)).not.toBeNull();
  expect(priceAt(model, Date.parse("2026-12-01"))).toBeNull();
});

it("prices are looked up by day, whatever the day", () => {
  fc.assert(
    fc.property(anyModel, fc.integer({ min: 0, max: Date.UTC(2030, 0) }), (model, nowMs) => {
      const price = priceAt(model, nowMs);
      if (price === null) return;
      expect(Date.parse(price.validFrom)).toBeLessThanOrEqual(nowMs);
      const later = model.prices.slice(model.prices.indexOf(price) + 1);
      expect(later.every((row) => Date.parse(row.validFrom) > nowMs)).toBe(true);
    }),
  );
});

it.each([
  ["openai", "gpt-5.4-2026-03-05", "gpt-5.4"],
  ["openai", "gpt-5.4-mini-2026-03-17", "gpt-5.4-mini"],
  ["anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"],
  ["openrouter", "openai/gpt-6-luna-2026-09-22", "openai/gpt-6-luna"],
] as const)("a dated snapshot is the model itself: %s %s", (provider, snapshot, id) => {
  expect(findModel(provider, snapshot)).toBe(findModel(provider, id));
  expect(findModel(provider, snapshot).known).toBe(true);
});

it.each([
  ["openai", "gpt-5.4-pro"],
  ["openai", "gpt-5.4-2026-3-5"],
  ["openai", "claude-sonnet-5-5"],
  ["openai", "gpt-6-luna-2026-09-22-beta"],
  ["anthropic", "claude-sonnet-5-5-fast"],
  ["google", "gemini-flash-latest"],
  ["openrouter", "openai/gpt-6-luna:batch"],
  ["mock", ""],
] as const)("what is only like a known id is unknown, and has no price: %s %s", (provider, id) => {
  const model = findModel(provider, id);
  expect(model).toMatchObject({ provider, id, known: false, prices: [], shutdownOn: null });
  expect(priceAt(model, todayMs)).toBeNull();
});

it("an unknown model is sent nothing that it might refuse", () => {
  for (const provider of ["anthropic", "openai", "google", "openrouter"] as const) {
    expect(planFor(findModel(provider, "never-heard-of"), asked(0.7, "low"))).toEqual({
      temperature: null,
      reasoningEffort: null,
      structure: provider === "openrouter" ? "words" : "schema",
      dropped: ["temperature", "reasoning_effort"],
    });
  }
});

it("what a plan sends was asked for, and what was asked for is sent or named as dropped", () => {
  fc.assert(
    fc.property(anyModel, anyParameters, (model, parameters) => {
      const plan = planFor(model, parameters);
      for (const [name, wanted, sent] of [
        ["temperature", parameters.temperature, plan.temperature],
        ["reasoning_effort", parameters.reasoningEffort, plan.reasoningEffort],
      ] as const) {
        expect(sent === null || sent === wanted).toBe(true);
        expect(plan.dropped.includes(name)).toBe(wanted !== null && sent === null);
      }
      expect([null, ...model.efforts]).toContain(plan.reasoningEffort);
    }),
  );
});

it.each([
  ["gpt-6.1-terra", asked(0.3, "none"), { temperature: 0.3, reasoningEffort: "none", dropped: [] }],
  [
    "gpt-6.1-terra",
    asked(0.3, "low"),
    { temperature: null, reasoningEffort: "low", dropped: ["temperature"] },
  ],
  ["gpt-6.1-terra", asked(0.3, null), { temperature: null, reasoningEffort: null, dropped: ["temperature"] }],
  ["gpt-6.1-terra", asked(0, "none"), { temperature: 0, reasoningEffort: "none", dropped: [] }],
  ["gpt-6.1-sol", asked(null, "none"), { reasoningEffort: null, dropped: ["reasoning_effort"] }],
  ["gpt-6-astra", asked(null, "none"), { reasoningEffort: null, dropped: ["reasoning_effort"] }],
  ["gpt-6.2-sol", asked(null, "none"), { reasoningEffort: null, dropped: ["reasoning_effort"] }],
  ["gpt-6-astra", asked(null, "high"), { reasoningEffort: "high", dropped: [] }],
  ["gpt-4o", asked(2, "high"), { temperature: 2, reasoningEffort: null, dropped: ["reasoning_effort"] }],
] as const)("OpenAI %s takes of %j only what it takes", (id, parameters, plan) => {
  expect(planFor(findModel("openai", id), parameters)).toMatchObject({ structure: "schema", ...plan });
});

it("Anthropic gets no temperature, and the effort none only where thinking can be turned off", () => {
  for (const model of modelsOf("anthropic")) {
    const plan = planFor(model, asked(1, "none"));
    expect(plan.temperature).toBeNull();
    expect(plan.reasoningEffort).toBe(model.thinkingOff === null ? null : "none");
  }
  expect(findModel("anthropic", "claude-sonnet-5-5").thinkingOff).toBe("between_tools");
  expect(findModel("anthropic", "claude-haiku-5-5").thinkingOff).toBe("disabled");
  expect(findModel("anthropic", "claude-opus-5-5").thinkingOff).toBeNull();
});

it("the models that refuse every effort get none", () => {
  for (const id of ["claude-haiku-4-5", "claude-sonnet-4-5"]) {
    expect(findModel("anthropic", id).efforts).toEqual([]);
  }
  for (const model of modelsOf("google")) {
    const expected = model.id.startsWith("gemini-2.5") ? [] : ["low", "medium", "high"];
    expect(model.efforts).toEqual(expected);
  }
});

it("a shutdown that the vendor announced is known", () => {
  expect(findModel("openai", "gpt-5-mini").shutdownOn).toBe("2026-12-11");
  expect(findModel("openai", "gpt-4o-2024-08-06").shutdownOn).toBe("2027-01-14");
  expect(findModel("anthropic", "claude-sonnet-4-5-20250929").shutdownOn).toBe("2026-11-30");
  expect(findModel("google", "gemini-2.5-pro").shutdownOn).toBe("2026-12-01");
});

it("OpenRouter's models are spelled its way, at their vendors' prices", () => {
  expect(modelsOf("openrouter").map((model) => model.id)).toEqual([
    "openai/gpt-6.1-terra",
    "openai/gpt-6-sol",
    "openai/gpt-6-luna",
    "anthropic/claude-opus-5.5",
    "anthropic/claude-sonnet-5.5",
    "anthropic/claude-haiku-5.5",
    "google/gemini-3.8-flash",
  ]);
  const routed = findModel("openrouter", "anthropic/claude-sonnet-5.5");
  const direct = findModel("anthropic", "claude-sonnet-5-5");
  expect(routed.prices.map((price) => ({ ...price, source: "" }))).toEqual(
    direct.prices.map((price) => ({ ...price, source: "" })),
  );
  expect(routed).toMatchObject({ efforts: ["low", "medium", "high"], thinkingOff: null });
});

it("describes a model in the contract's words", () => {
  const described = describeModels(todayMs, defaultModels, "google");
  expect(described.find(({ id }) => id === "gemini-3.8-flash")).toEqual({
    provider: "google",
    id: "gemini-3.8-flash",
    parameters: ["max_tokens", "reasoning_effort"],
    structured_output: "json_schema",
    prices: {
      input: 0.75,
      cached: 0.075,
      output: 3.75,
      unit: "USD per million tokens",
      valid_from: "2026-09-02",
      source: expect.stringContaining("ai.google.dev"),
    },
    deprecated_on: null,
    default: true,
  });
  expect(described.find(({ id }) => id === "gemini-2.5-flash")).toMatchObject({
    parameters: ["temperature", "max_tokens"],
    deprecated_on: "2026-12-01",
    default: false,
  });
  const earlier = describeModels(Date.UTC(2026, 10, 18), defaultModels, "google");
  expect(earlier.find(({ id }) => id === "gemini-4-neon")?.prices).toBeNull();
});

it("says where long prompts cost more", () => {
  const [haiku] = describeModels(todayMs, defaultModels, "anthropic").filter(
    ({ id }) => id === "claude-haiku-5-5",
  );
  expect(haiku?.prices?.source).toContain("above 100000 prompt tokens: input and cached x5, output x5");
});

it("lists every provider's models, or one's, with one default each", () => {
  const all = describeModels(todayMs, defaultModels);
  expect(all).toEqual(providerNames.flatMap((provider) => describeModels(todayMs, defaultModels, provider)));
  expect(all).toHaveLength(everyModel.length);
  for (const provider of providerNames) {
    const defaults = all.filter((model) => model.provider === provider && model.default);
    expect(defaults.map(({ id }) => id)).toEqual([defaultModels[provider]]);
  }
});

it("lists an operator's default that the catalogue does not have: an unknown one without a price, a snapshot with its model's", () => {
  const own = describeModels(todayMs, { ...defaultModels, openai: "my-finetune" }, "openai");
  expect(own.at(-1)).toEqual({
    provider: "openai",
    id: "my-finetune",
    parameters: ["max_tokens"],
    structured_output: "json_schema",
    prices: null,
    deprecated_on: null,
    default: true,
  });
  expect(own.filter((model) => model.default)).toHaveLength(1);
  const snapshot = describeModels(todayMs, { ...defaultModels, openai: "gpt-5.4-2026-03-05" }, "openai").at(
    -1,
  );
  expect(snapshot).toMatchObject({ id: "gpt-5.4-2026-03-05", default: true, prices: { input: 2.5 } });
  const unstructured = describeModels(todayMs, { ...defaultModels, openrouter: "some/model" }, "openrouter");
  expect(unstructured.at(-1)).toMatchObject({ structured_output: "none", prices: null });
});

it.each([
  ["openai", "gpt-6.1-terra", 15, 16],
  ["openai", "gpt-unknown", 1, 16],
  ["openai", "gpt-6.1-terra", 16, undefined],
  ["openrouter", "openai/gpt-6.1-terra", 15, 16],
  ["openrouter", "mistralai/mistral-large", 15, undefined],
  ["anthropic", "claude-sonnet-5-5", 1, undefined],
  ["google", "gemini-3.8-flash", 1, undefined],
  ["mock", "mock-judge-1", 1, undefined],
] as const)(
  "raises too small a limit of tokens to the vendor's least: %s %s, %i",
  (provider, id, asked, planned) => {
    const plan = planFor(findModel(provider, id), {
      temperature: null,
      maxTokens: asked,
      reasoningEffort: null,
    });
    expect(plan.maxTokens).toBe(planned);
  },
);

// What was found wrong or missing on 2026-11-30. Sources: the prices' own.
it.each([
  ["google", "gemini-4-carbon", "2026-11-30", [2, 0.1, 10]],
  ["google", "gemini-4-carbon", "2026-12-01", [4, 0.2, 20]],
  ["google", "gemini-4-argon", "2026-11-30", [2, 0.1, 10]],
  ["google", "gemini-4-argon", "2026-12-01", [4, 0.2, 20]],
  ["google", "gemini-4-hydrogen", "2026-11-30", [1.5, 0.075, 7.5]],
  ["google", "gemini-4-neon", "2026-11-30", [3, 0.15, 15]],
  ["openai", "gpt-5.6-sol", "2026-11-30", [4, 0.4, 20]],
  ["anthropic", "claude-opus-4-5", "2027-01-21", [5, 0.5, 25]],
  ["anthropic", "claude-opus-4-5-20251101", "2027-01-21", [5, 0.5, 25]],
  // Its end.
  ["anthropic", "claude-opus-4-5", "2027-01-22", null],
] as const)("%s %s costs on %s what the vendor took then", (provider, id, day, expected) => {
  const found = priceAt(findModel(provider, id), Date.parse(day));
  expect(found && [found.input, found.cached, found.output]).toEqual(expected);
});

it.each([
  ["SmolLM2-135M-Instruct.Q4_1.gguf", true],
  ["smollm-135m", true],
  ["SmolLM2-1.7B-Instruct", false],
  ["qwen2.5-coder-0.5b", false],
  ["gpt-6-luna", false],
])("says of %s that it seldom copies the boundary: %j", (id, seldom) => {
  for (const provider of providerNames) {
    const plan = planFor(findModel(provider, id), asked(null, null));
    expect("copiesSeldom" in plan).toBe(seldom);
  }
});
