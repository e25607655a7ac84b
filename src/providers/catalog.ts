/** What is known of the vendors' models: what they take, how they keep to a schema, what they cost and when they end. */
import type { Parameters, ProviderName, ReasoningEffort } from "../domain/judging/comparison.ts";
import { providerNames } from "../domain/judging/comparison.ts";
import type { Plan } from "../domain/judging/plan.ts";
import { anthropicModels } from "./models/anthropic.ts";
import { googleModels } from "./models/google.ts";
import { mockModels } from "./models/mock.ts";
import { openaiModels } from "./models/openai.ts";
import { openrouterModels } from "./models/openrouter.ts";

export interface Model {
  readonly provider: ProviderName;
  /** As the vendor spells it, without the date of a snapshot. */
  readonly id: string;
  /** `false`: not in the catalogue, so all the rest is an assumption that no vendor refuses. */
  readonly known: boolean;
  /** Whether a temperature can be sent. `without_reasoning`: only beside the effort `none`. */
  readonly temperature: "always" | "without_reasoning" | "never";
  /** Those of our efforts that the model has under the same meaning. None is ever replaced by a neighbour. */
  readonly efforts: readonly ReasoningEffort[];
  readonly structure: Plan["structure"];
  /** Anthropic has no effort called `none`: this `thinking.type` is how the effort `none` is asked for there, in its stead. */
  readonly thinkingOff: "disabled" | "between_tools" | null;
  /** Oldest first; empty where the price is unknown. */
  readonly prices: readonly Price[];
  /** UTC day, `YYYY-MM-DD`, from which the vendor no longer serves it as itself; `null`: none announced. */
  readonly shutdownOn: string | null;
}

/** US dollars per million tokens, from a day on. */
export interface Price {
  /** The first UTC day, `YYYY-MM-DD`: when the vendor began this price, or released the model. */
  readonly validFrom: string;
  readonly input: number;
  /** For what came from the prompt cache. Where the vendor does not say, the input price: too much by a little, where 0 would be a lie. */
  readonly cached: number;
  /** For what went into the prompt cache (the shortest lifetime that the vendor offers); the input price where it has none of its own. */
  readonly cacheWrite: number;
  readonly output: number;
  /** For every token of a call whose prompt is longer than `aboveTokens`, cached ones counted. */
  readonly longPrompt: LongPrompt | null;
  /** Where the figures were read, and when. */
  readonly source: string;
}

export interface LongPrompt {
  readonly aboveTokens: number;
  /** For input, cached and cache-written tokens alike. */
  readonly inputFactor: number;
  readonly outputFactor: number;
}

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

/** What a model that nobody described can be sent without a refusal. An effort or temperature that is refused would fail the call. */
const assumed: Readonly<Record<ProviderName, Pick<Model, "temperature" | "efforts" | "structure">>> = {
  anthropic: { temperature: "never", efforts: [], structure: "schema" },
  openai: { temperature: "never", efforts: [], structure: "schema" },
  google: { temperature: "never", efforts: [], structure: "schema" },
  // Hundreds of models, many without schemas; its adapter asks for the capabilities first and comes here only when that failed.
  openrouter: { temperature: "never", efforts: [], structure: "words" },
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
 * @returns `null` where the price is unknown, before its first row, and from the model's shutdown on: if something answers under its name then,
 * it is another model at another price (Google does that)
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
 * The catalogue as `GET /api/v1/models` tells it, with the prices in force. A default that it does not have by that very name (a snapshot, a
 * model of an operator's own) is told too.
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

/** The contract has no field for it, and a price that leaves it out would mislead. */
function longPromptNote(longPrompt: LongPrompt | null): string {
  if (longPrompt === null) return "";
  const { aboveTokens, inputFactor, outputFactor } = longPrompt;
  return `; above ${aboveTokens} prompt tokens: input and cached x${inputFactor}, output x${outputFactor}`;
}
