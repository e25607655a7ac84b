/** OpenAI's models. Shutdown dates: the `ChatModel` type of openai-node 7.59.0. */
import { type Model, type Price, price, usual } from "./model.ts";

const dataset = "genai-prices 0.1.8 after developers.openai.com/api/docs/pricing, read 2026-11-22";
const terra = "docs.litellm.ai/blog/gpt-6-1-terra and apidog.com/blog/gpt-6-1-terra-pricing, read 2026-11-22";
const sol = "docs.litellm.ai/blog/gpt_6_1_sol and github.com/TheKrush/PromptFuel, read 2026-11-22";

/** LiteLLM 1.110.2 has it still, gramext 0.1.0 is back at 5 and 30; neither names a day. */
const promotion = `${dataset}; a promotion to 2026-11-21 at least, unverified since, read 2026-11-30`;

const pages = "developers.openai.com/api/docs/models, read 2026-11-22";
const astra = "github.com/BerriAI/litellm discussion 52347, read 2026-11-22";

/** Of some models the vendor writes "from 272K" and of others "above 272K": one token of difference, which is left alone. */
const over272k = { aboveTokens: 272_000, inputFactor: 2, outputFactor: 1.5 };

export const openaiModels: readonly Model[] = [
  alwaysReasons("gpt-6.2-astra", [price("2026-11-17", [8, 0.4, 40, 10], astra, over272k)]),
  alwaysReasons("gpt-6.2-sol", [price("2026-11-17", [2, 0.1, 10, 2.5], pages, over272k)]),
  alwaysReasons("gpt-6-astra", [price("2026-09-03", [10, 1, 50, 12.5], dataset, over272k)]),
  alwaysReasons("gpt-6.1-sol", [price("2026-09-29", [2, 0.1, 10, 2.5], sol, over272k)]),
  reasons("gpt-6.1-terra", [price("2026-10-26", [1, 0.05, 5, 1.25], terra, over272k)]),
  reasons("gpt-6-sol", [price("2026-09-22", [2, 0.2, 10, 2.5], dataset, over272k)]),
  reasons("gpt-6-luna", [price("2026-09-22", [0.1, 0.01, 0.5, 0.125], dataset, over272k)]),
  reasons("gpt-5.6-sol", [
    price("2026-07-09", [5, 0.5, 30, 6.25], dataset, over272k),
    price("2026-08-21", [4, 0.4, 20, 5], promotion, over272k),
  ]),
  reasons("gpt-5.6-terra", [
    price("2026-07-09", [2.5, 0.25, 15, 3.125], dataset, over272k),
    price("2026-07-30", [2, 0.2, 12, 2.5], dataset, over272k),
  ]),
  reasons("gpt-5.6-luna", [
    price("2026-07-09", [1, 0.1, 6, 1.25], dataset, over272k),
    price("2026-07-30", [0.2, 0.02, 1.2, 0.25], dataset, over272k),
  ]),
  reasons("gpt-5.5", [price("2026-04-23", [5, 0.5, 30], dataset, over272k)]),
  reasons("gpt-5.4", [price("2026-03-05", [2.5, 0.25, 15], dataset, over272k)]),
  reasons("gpt-5.4-mini", [price("2026-03-17", [0.75, 0.075, 4.5], dataset)]),
  reasons("gpt-5.4-nano", [price("2026-03-17", [0.2, 0.02, 1.25], dataset)], "2027-04-01"),
  reasons("gpt-5.2", [price("2025-12-11", [1.75, 0.175, 14], dataset)]),
  reasons("gpt-5.1", [price("2025-11-13", [1.25, 0.125, 10], dataset)], "2027-04-01"),
  alwaysReasons("gpt-5", [price("2025-08-07", [1.25, 0.125, 10], dataset)], "2026-12-11"),
  alwaysReasons("gpt-5-mini", [price("2025-08-07", [0.25, 0.025, 2], dataset)], "2026-12-11"),
  alwaysReasons("gpt-5-nano", [price("2025-08-07", [0.05, 0.005, 0.4], dataset)], "2026-12-11"),
  alwaysReasons("o3", [price("2025-06-10", [2, 0.5, 8], dataset)], "2026-12-11"),
  neverReasons("gpt-4.1", [price("2025-04-14", [2, 0.5, 8], dataset)], "2027-01-14"),
  neverReasons("gpt-4.1-mini", [price("2025-04-14", [0.4, 0.1, 1.6], dataset)], "2027-01-14"),
  neverReasons("gpt-4o", [price("2024-08-06", [2.5, 1.25, 10], dataset)], "2027-01-14"),
  neverReasons("gpt-4o-mini", [price("2024-07-18", [0.15, 0.075, 0.6], dataset)], "2027-01-14"),
];

/** Reasons unless told not to; only then it takes a temperature. */
function reasons(id: string, prices: readonly Price[], shutdownOn: string | null = null): Model {
  return {
    ...alwaysReasons(id, prices, shutdownOn),
    temperature: "without_reasoning",
    efforts: ["none", ...usual.efforts],
  };
}

/** Refuses the effort `none`, and any temperature with it. */
function alwaysReasons(id: string, prices: readonly Price[], shutdownOn: string | null = null): Model {
  return { ...usual, provider: "openai", id, prices, shutdownOn };
}

/** From before reasoning: takes a temperature, no effort. */
function neverReasons(id: string, prices: readonly Price[], shutdownOn: string): Model {
  return { ...alwaysReasons(id, prices, shutdownOn), temperature: "always", efforts: [] };
}
