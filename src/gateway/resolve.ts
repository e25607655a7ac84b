/** From what a caller asked to a comparison in which nothing is left open, and on to the request that a judge gets. */
import type {
  Comparison,
  FrameVersion,
  ProviderName,
  ReasoningEffort,
} from "../domain/judging/comparison.ts";
import { framed } from "../domain/judging/frames.ts";
import type { Plan } from "../domain/judging/plan.ts";
import { canonicalText, frameVersion, judgeSystemPrompt } from "../domain/judging/prompt.ts";
import type { JudgeRequest, Provider, Sha256 } from "./ports.ts";

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

/** A comparison and all that follows from it. */
export interface Prepared {
  readonly comparison: Comparison;
  readonly plan: Plan;
  readonly promptSha256: string;
  readonly frame: FrameVersion;
}

/** Decides now all that the comparison's calls depend on: a ticket's is sent upstream byte for byte as it would be today. */
export async function prepare(
  comparison: Comparison,
  provider: Provider,
  sha256: Sha256,
  signal: AbortSignal,
): Promise<Prepared> {
  const promptSha256 = await sha256(canonicalText(comparison));
  const plan = await provider.plan(comparison.model, comparison.parameters, signal);
  return { comparison, plan, promptSha256, frame: frameVersion };
}

export function requestOf({
  comparison,
  plan,
  promptSha256,
  frame,
}: Prepared): Omit<JudgeRequest, "attempt"> {
  const { model, systemPrompt, parameters } = comparison;
  const user = framed(frame, comparison, promptSha256);
  return { model, system: systemPrompt, user, maxTokens: parameters.maxTokens, plan, promptSha256, frame };
}
