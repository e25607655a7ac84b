/** From what a caller asked to a comparison in which nothing is left open, and on to the request that a judge gets. */
import type {
  Comparison,
  FrameVersion,
  Presentation,
  ProviderName,
  ReasoningEffort,
} from "../domain/judging/comparison.ts";
import { framed } from "../domain/judging/frames.ts";
import type { Plan } from "../domain/judging/plan.ts";
import {
  exchanged,
  isByChance,
  isExchangedIn,
  orderText,
  type OrderAsked,
} from "../domain/judging/presentation.ts";
import { canonicalText, frameVersion, judgeSystemPrompt } from "../domain/judging/prompt.ts";
import type { JudgeRequest, Ports, Provider } from "./ports.ts";

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
  /** Which essay the judge reads first; absent: the first. */
  readonly order?: OrderAsked;
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

/** A comparison and all that its calls need. */
export interface Prepared {
  /** As the judge is shown it. */
  readonly comparison: Comparison;
  readonly plan: Plan;
  readonly promptSha256: string;
  readonly frame: FrameVersion;
  /** The judge is shown the caller's essays in the other order. */
  readonly exchanged: boolean;
}

/** What is told of it besides. */
export interface Presented extends Prepared {
  readonly presentation: Presentation;
  /** The same for both orders of a pair. */
  readonly pairSha256: string;
}

/** Decides now all that the comparison's calls depend on: a ticket's is sent upstream byte for byte as it would be today. */
export async function prepare(
  given: Comparison,
  order: OrderAsked | undefined,
  provider: Provider,
  { sha256, random }: Pick<Ports, "sha256" | "random">,
  signal: AbortSignal,
): Promise<Presented> {
  const [a, b] = await Promise.all([sha256(given.essayA), sha256(given.essayB)]);
  const isSwapped = isByChance(order)
    ? random() < 0.5
    : order !== undefined &&
      (order.as === "swapped" ||
        isExchangedIn(order, { a, b }, await sha256(orderText(order.key, { a, b }))));
  const comparison = isSwapped ? exchanged(given) : given;
  const promptSha256 = await sha256(canonicalText(comparison));
  // The pair is called by the order in which the essay with the lesser hash comes first.
  const isByHash = isSwapped ? b <= a : a <= b;
  const pairSha256 = isByHash ? promptSha256 : await sha256(canonicalText(exchanged(comparison)));
  const plan = await provider.plan(comparison.model, comparison.parameters, signal);
  const told = { presentation: order?.as ?? "as_given", pairSha256 } as const;
  return { comparison, plan, promptSha256, frame: frameVersion, exchanged: isSwapped, ...told };
}

export function requestOf({
  comparison,
  plan,
  promptSha256,
  frame,
}: Omit<Prepared, "exchanged">): Omit<JudgeRequest, "attempt"> {
  const { model, systemPrompt, parameters } = comparison;
  const user = framed(frame, comparison, promptSha256);
  return { model, system: systemPrompt, user, maxTokens: parameters.maxTokens, plan, promptSha256, frame };
}
