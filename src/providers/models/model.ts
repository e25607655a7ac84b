/** What is known of a model: what it takes, how it keeps to a schema, what it costs and when it ends. */
import type { ProviderName, ReasoningEffort } from "../../domain/judging/comparison.ts";
import type { Plan } from "../../domain/judging/plan.ts";

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
  /** UTC day, `YYYY-MM-DD`, from which the vendor no longer serves the model as itself; `null`: none announced. */
  readonly shutdownOn: string | null;
}

/** US dollars per million tokens, from a day on. */
export interface Price {
  /** The first UTC day, `YYYY-MM-DD`: when the vendor began this price, or released the model. */
  readonly validFrom: string;
  readonly input: number;
  /** For what came from the prompt cache. Where the vendor does not say, the input price: too much by a little, where 0 would be a lie. */
  readonly cached: number;
  /** For what went into the prompt cache (the shortest lifetime that the vendor offers); the input price where the vendor has none for it. */
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

/** What most judges of today have in common: they reason always, take no temperature, and keep to a schema. */
export const usual = {
  known: true,
  temperature: "never",
  efforts: ["low", "medium", "high"],
  structure: "schema",
  thinkingOff: null,
  shutdownOn: null,
} as const satisfies Partial<Model>;

/**
 * One row of a price table.
 *
 * @param usd per million tokens: input, cached, output, and cache writes where they cost more than input
 * @param validFrom `YYYY-MM-DD`, UTC
 */
export function price(
  validFrom: string,
  usd: readonly [input: number, cached: number, output: number, cacheWrite?: number],
  source: string,
  longPrompt: LongPrompt | null = null,
): Price {
  const [input, cached, output, cacheWrite = input] = usd;
  return { validFrom, input, cached, cacheWrite, output, longPrompt, source };
}
