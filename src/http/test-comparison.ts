/** The comparison with which a provider is tried out: short, and with a plain answer. */
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { Asked } from "../gateway/resolve.ts";

export function testComparison(provider: ProviderName): Asked {
  return {
    userPrompt: "Which essay explains better why the sky is blue?",
    essayA:
      "The sky is blue because air scatters short waves of light, such as blue, far more than long ones.",
    essayB: "The sky is blue because it is.",
    provider,
    model: null,
    systemPrompt: null,
    temperature: null,
    maxTokens: null,
    reasoningEffort: null,
  };
}
