/** From what a caller asked to a comparison in which nothing is left open. */
import type { Comparison, ProviderName, ReasoningEffort } from "../domain/judging/comparison.ts";
import { judgeSystemPrompt } from "../domain/judging/prompt.ts";

/** A comparison as asked. `null`: the caller leaves it to the service. */
export interface Asked {
  readonly userPrompt: string;
  readonly essayA: string;
  readonly essayB: string;
  readonly provider: ProviderName | null;
  readonly model: string | null;
  readonly systemPrompt: string | null;
  readonly temperature: number | null;
  readonly maxTokens: number | null;
  readonly reasoningEffort: ReasoningEffort | null;
}

/** What the operator decided for all that a caller leaves open. */
export interface Defaults {
  readonly provider: ProviderName;
  readonly models: Readonly<Record<ProviderName, string>>;
  readonly maxTokens: number;
}

export function resolve(asked: Asked, defaults: Defaults): Comparison {
  const provider = asked.provider ?? defaults.provider;
  return {
    provider,
    model: asked.model ?? defaults.models[provider],
    systemPrompt: asked.systemPrompt ?? judgeSystemPrompt,
    userPrompt: asked.userPrompt,
    essayA: asked.essayA,
    essayB: asked.essayB,
    parameters: {
      temperature: asked.temperature,
      maxTokens: asked.maxTokens ?? defaults.maxTokens,
      reasoningEffort: asked.reasoningEffort,
    },
  };
}
