/**
 * Anthropic's models. None takes a temperature: since API version 2026-10-21 it is refused even at its default value. All that are listed have
 * native structured outputs; the newest refuse a forced tool. Gated ones (Mythos) are left out.
 */
import { type Model, type Price, price, usual } from "./model.ts";

const dataset = "genai-prices 0.1.8 after platform.claude.com/docs/en/about-claude/pricing, read 2026-11-22";
const overviews = "platform.claude.com/docs/en/models overviews, read 2026-11-22";
const changes = "platform.claude.com/docs/en/models and github.com/kurofune/claudit 1.9.2, read 2026-11-22";

const over100k = { aboveTokens: 100_000, inputFactor: 5, outputFactor: 5 };

export const anthropicModels: readonly Model[] = [
  claude("claude-fable-5-2", [price("2026-11-09", [8, 0.2, 40, 10], overviews)]),
  claude("claude-fable-5-1", [price("2026-09-01", [10, 0.25, 50, 12.5], dataset)]),
  claude("claude-opus-5-5", [price("2026-09-22", [4, 0.2, 20, 5], dataset)]),
  claude(
    "claude-sonnet-5-5",
    [price("2026-09-28", [2, 0.2, 10, 2.5], changes), price("2026-10-07", [2, 0.1, 10, 2.5], changes)],
    // Lets it think only between tool calls, of which we have none. It refuses `disabled`.
    "between_tools",
  ),
  claude("claude-haiku-5-5", [price("2026-10-07", [0.1, 0.01, 0.5, 0.125], overviews, over100k)], "disabled"),
  claude("claude-fable-5", [price("2026-06-09", [10, 1, 50, 12.5], dataset)]),
  claude("claude-opus-5", [price("2026-07-24", [5, 0.5, 25, 6.25], dataset)], "disabled"),
  claude("claude-sonnet-5", [price("2026-06-30", [2, 0.2, 10, 2.5], dataset)], "disabled"),
  claude("claude-opus-4-8", [price("2026-05-28", [5, 0.5, 25, 6.25], dataset)]),
  claude("claude-opus-4-7", [price("2026-04-16", [5, 0.5, 25, 6.25], dataset)]),
  claude("claude-opus-4-6", [price("2026-03-13", [5, 0.5, 25, 6.25], dataset)]),
  claude("claude-sonnet-4-6", [price("2026-03-13", [3, 0.3, 15, 3.75], dataset)]),
  ending("2027-01-22", claude("claude-opus-4-5", [price("2025-11-01", [5, 0.5, 25, 6.25], dataset)])),
  withoutEffort(claude("claude-haiku-4-5", [price("2025-10-01", [1, 0.1, 5, 1.25], dataset)])),
  ending(
    "2026-11-30",
    withoutEffort(claude("claude-sonnet-4-5", [price("2025-09-29", [3, 0.3, 15, 3.75], dataset)])),
  ),
];

function claude(id: string, prices: readonly Price[], thinkingOff: Model["thinkingOff"] = null): Model {
  return {
    ...usual,
    provider: "anthropic",
    id,
    efforts: thinkingOff === null ? usual.efforts : ["none", ...usual.efforts],
    thinkingOff,
    prices,
  };
}

/** `DEPRECATED_MODELS` of @anthropic-ai/sdk 1.14.0. */
function ending(shutdownOn: string, model: Model): Model {
  return { ...model, shutdownOn };
}

/** These refuse `effort` altogether. */
function withoutEffort(model: Model): Model {
  return { ...model, efforts: [] };
}
