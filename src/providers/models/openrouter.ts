/**
 * A handful of what OpenRouter routes to. It passes the vendors' prices through (openrouter.ai/docs/faq), so these are theirs. Everything else
 * that it offers has no price here. A variant (`:free`, `:batch`) is another price, and so another, unknown model.
 */
import { anthropicModels } from "./anthropic.ts";
import { googleModels } from "./google.ts";
import type { Model } from "./model.ts";
import { openaiModels } from "./openai.ts";

export const openrouterModels: readonly Model[] = [
  ...openaiModels.filter(among("gpt-6.1-terra", "gpt-6-sol", "gpt-6-luna")).map(routed("openai")),
  ...anthropicModels
    .filter(among("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"))
    .map(routed("anthropic")),
  ...googleModels.filter(among("gemini-3.8-flash")).map(routed("google")),
];

function among(...ids: readonly string[]): (model: Model) => boolean {
  return (model) => ids.includes(model.id);
}

function routed(vendor: string): (model: Model) => Model {
  return (model) => ({
    ...model,
    provider: "openrouter",
    // OpenRouter writes versions with a point: `claude-sonnet-5.5`.
    id: `${vendor}/${model.id.replace(/(\d)-(\d)$/, "$1.$2")}`,
    // Anthropic's `thinking.type` does not pass through, so `none` cannot be asked for that way.
    efforts: model.thinkingOff === null ? model.efforts : model.efforts.filter((effort) => effort !== "none"),
    thinkingOff: null,
    prices: model.prices.map((price) => ({
      ...price,
      source: `passed through (openrouter.ai/docs/faq): ${price.source}`,
    })),
  });
}
