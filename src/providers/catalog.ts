/** What is known of the vendors' models: what they take, how they keep to a schema, what they cost and when they end. */
import type { Parameters, ProviderName } from "../domain/judging/comparison.ts";
import { providerNames } from "../domain/judging/comparison.ts";
import type { Plan } from "../domain/judging/plan.ts";
import { anthropicModels } from "./models/anthropic.ts";
import { googleModels } from "./models/google.ts";
import { mockModels } from "./models/mock.ts";
import type { LongPrompt, Model, Price } from "./models/model.ts";
import { openaiModels } from "./models/openai.ts";
import { openrouterModels } from "./models/openrouter.ts";

/** The judge that each vendor is asked for where nobody names one: current, good for the money, not about to end. */
export const defaultModels: Readonly<Record<ProviderName, string>> = {
  anthropic: "claude-sonnet-5-5",
  openai: "gpt-6.1-terra",
  google: "gemini-3.8-flash",
  openrouter: "openai/gpt-6.1-terra",
  mock: "mock-judge-1",
};

const models: Readonly<Record<ProviderName, readonly Model[]>> = {
  anthropic: anthropicModels,
  openai: openaiModels,
  google: googleModels,
  openrouter: openrouterModels,
  mock: mockModels,
};

type Assumed = Pick<Model, "temperature" | "efforts" | "structure">;
const cautious: Assumed = { temperature: "never", efforts: [], structure: "schema" };

/** What a model that nobody described can be sent without a refusal. An effort or temperature that is refused would fail the call. */
const assumed: Readonly<Record<ProviderName, Assumed>> = {
  anthropic: cautious,
  openai: cautious,
  google: cautious,
  // Hundreds of models, many without schemas; OpenRouter's adapter asks for the capabilities first and comes here only when that failed.
  openrouter: { ...cautious, structure: "words" },
  mock: { temperature: "always", efforts: ["none", "low", "medium", "high"], structure: "schema" },
};

const snapshotDate = /-(\d{4}-\d{2}-\d{2}|\d{8})$/;

/** @returns the models that the catalogue knows, newest and largest first */
export function modelsOf(provider: ProviderName): readonly Model[] {
  return models[provider];
}

/**
 * The model of that id; a dated snapshot (`-2026-03-05`, `-20251001`) is the model itself. Never fails: an id that the catalogue does not have
 * gets assumptions that no model of the vendor refuses, no price, and `known: false`.
 */
export function findModel(provider: ProviderName, id: string): Model {
  const undated = id.replace(snapshotDate, "");
  const found =
    models[provider].find((model) => model.id === id) ??
    models[provider].find((model) => model.id === undated);
  return (
    found ?? {
      ...assumed[provider],
      provider,
      id,
      known: false,
      thinkingOff: null,
      prices: [],
      shutdownOn: null,
    }
  );
}

/**
 * The smallest limit of tokens that is not refused. OpenAI's Responses want 16, also behind OpenRouter.
 * Source: github.com/earendil-works/pi/issues/6265, github.com/vectorize-io/hindsight/issues/58
 */
function leastMaxTokens({ provider, id }: Model): number {
  return provider === "openai" || (provider === "openrouter" && id.startsWith("openai/")) ? 16 : 1;
}

/**
 * Models, under whatever name their server gives them, that copy the boundary into less than 99 % of the verdicts that can be read. Measured in
 * `docs/decisions/2026-11-30-whose-verdict.md`.
 */
const copiesSeldom = /smollm2?-135m/i;

/** What is sent of the asked parameters, what is raised to the least that the vendor takes, and what is left out because the model would refuse it. */
export function planFor(model: Model, parameters: Parameters): Plan {
  const { temperature, reasoningEffort } = parameters;
  const takesEffort = reasoningEffort !== null && model.efforts.includes(reasoningEffort);
  const takesTemperature =
    model.temperature === "always" ||
    (model.temperature === "without_reasoning" && takesEffort && reasoningEffort === "none");
  const least = leastMaxTokens(model);
  const dropped: Plan["dropped"][number][] = [];
  if (temperature !== null && !takesTemperature) dropped.push("temperature");
  if (reasoningEffort !== null && !takesEffort) dropped.push("reasoning_effort");
  return {
    ...(parameters.maxTokens < least ? { maxTokens: least } : {}),
    temperature: takesTemperature ? temperature : null,
    reasoningEffort: takesEffort ? reasoningEffort : null,
    structure: model.structure,
    ...(copiesSeldom.test(model.id) ? { copiesSeldom: true as const } : {}),
    ...(takesEffort && reasoningEffort === "none" && model.thinkingOff !== null
      ? { thinkingOff: model.thinkingOff }
      : {}),
    dropped,
  };
}

/**
 * The price in force: of the rows that have begun, the last. Days begin at 00:00 UTC.
 *
 * @param nowMs epoch milliseconds
 * @returns `null` where the price is unknown, before its first row, and from the model's shutdown on: what answers under its name then is
 * another model at another price (Google does that)
 */
export function priceAt(model: Model, nowMs: number): Price | null {
  if (model.shutdownOn !== null && nowMs >= Date.parse(model.shutdownOn)) return null;
  return model.prices.findLast((price) => Date.parse(price.validFrom) <= nowMs) ?? null;
}

/** One model in `GET /api/v1/models`. */
export interface ModelDescription {
  readonly provider: ProviderName;
  readonly id: string;
  /** The overrides of a comparison that reach the model. */
  readonly parameters: ("temperature" | "max_tokens" | "reasoning_effort")[];
  readonly structured_output: "json_schema" | "tool" | "json_object" | "none";
  readonly prices: {
    readonly input: number;
    readonly cached: number;
    readonly output: number;
    readonly unit: "USD per million tokens";
    readonly valid_from: string;
    readonly source: string;
  } | null;
  /** UTC day of the vendor's shutdown. */
  readonly deprecated_on: string | null;
  readonly default: boolean;
}

/**
 * The catalogue as `GET /api/v1/models` tells it, with the prices in force. A default that the catalogue does not have by that very name (a
 * snapshot, a model of an operator's own) is told too.
 *
 * @param nowMs epoch milliseconds
 * @param defaults the model that each provider is asked for here where a comparison names none
 * @param provider only this one; all where left out
 */
export function describeModels(
  nowMs: number,
  defaults: Readonly<Record<ProviderName, string>>,
  provider?: ProviderName,
): ModelDescription[] {
  return (provider === undefined ? providerNames : [provider]).flatMap((name) => {
    const id = defaults[name];
    const listed = models[name].some((model) => model.id === id)
      ? models[name]
      : [...models[name], { ...findModel(name, id), id }];
    return listed.map((model) => describe(model, nowMs, model.id === id));
  });
}

const structureWords = { schema: "json_schema", tool: "tool", json: "json_object", words: "none" } as const;

function describe(model: Model, nowMs: number, isDefault: boolean): ModelDescription {
  const price = priceAt(model, nowMs);
  return {
    provider: model.provider,
    id: model.id,
    parameters: [
      ...(model.temperature === "never" ? [] : (["temperature"] as const)),
      "max_tokens",
      ...(model.efforts.length === 0 ? [] : (["reasoning_effort"] as const)),
    ],
    structured_output: structureWords[model.structure],
    prices: price && {
      input: price.input,
      cached: price.cached,
      output: price.output,
      unit: "USD per million tokens",
      valid_from: price.validFrom,
      source: price.source + longPromptNote(price.longPrompt),
    },
    deprecated_on: model.shutdownOn,
    default: isDefault,
  };
}

/** The contract has no field for the price of a long prompt, and a price that leaves it out would mislead. */
function longPromptNote(longPrompt: LongPrompt | null): string {
  if (longPrompt === null) return "";
  const { aboveTokens, inputFactor, outputFactor } = longPrompt;
  return `; above ${aboveTokens} prompt tokens: input and cached x${inputFactor}, output x${outputFactor}`;
}
