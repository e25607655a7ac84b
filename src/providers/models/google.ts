/**
 * Google's Gemini models. `gemini-flash-latest` and its like are left out: what answers under such a name changes, and its price with it.
 * Shutdown dates: ai.google.dev/gemini-api/docs/deprecations. From that day Google answers for the 2.5 models with *another* model, so they are
 * no judges any more.
 */
import { type Model, type Price, price, usual } from "./model.ts";

const dataset = "genai-prices 0.1.8 after ai.google.dev/gemini-api/docs/pricing, read 2026-11-22";
const argon = "github.com/BerriAI/litellm discussion 46238, read 2026-11-22";
const carbon = "Trazum 2.7.9 after ai.google.dev/gemini-api/docs/pricing of 2026-11-16, read 2026-11-30";
const hydrogen = "price file of LiteLLM 1.110.2, read 2026-11-30";
/** The day is that of the first table which has it. */
const neon = "llm-preflight 2.25.9 and TokenMeter 0.17.0, read 2026-11-30";

const over200k = { aboveTokens: 200_000, inputFactor: 2, outputFactor: 1.5 };

export const googleModels: readonly Model[] = [
  gemini("gemini-4-argon", [
    price("2026-10-13", [2, 0.1, 10], argon),
    price("2026-12-01", [4, 0.2, 20], argon),
  ]),
  gemini("gemini-4-carbon", [
    price("2026-11-10", [2, 0.1, 10], carbon),
    price("2026-12-01", [4, 0.2, 20], carbon),
  ]),
  gemini("gemini-4-hydrogen", [price("2026-11-12", [1.5, 0.075, 7.5], hydrogen)]),
  gemini("gemini-4-neon", [price("2026-11-19", [3, 0.15, 15], neon)]),
  gemini("gemini-3.8-flash", introductory("2026-09-02")),
  gemini("gemini-3.7-flash", introductory("2026-08-13")),
  gemini("gemini-3.6-flash", introductory("2026-07-21")),
  older(gemini("gemini-3.5-flash", [price("2026-05-19", [1.5, 0.15, 9], dataset)])),
  older(gemini("gemini-3.5-flash-lite", [price("2026-07-21", [0.3, 0.03, 2.5], dataset)])),
  older(gemini("gemini-3.1-pro-preview", [price("2026-02-19", [2, 0.2, 12], dataset, over200k)])),
  older(gemini("gemini-3.1-flash-lite", [price("2026-05-07", [0.25, 0.025, 1.5], dataset)], "2027-05-07")),
  older(gemini("gemini-3-flash-preview", [price("2025-12-17", [0.5, 0.05, 3], dataset)])),
  oldest(gemini("gemini-2.5-pro", [price("2025-06-17", [1.25, 0.125, 10], dataset, over200k)], "2026-12-01")),
  oldest(gemini("gemini-2.5-flash", [price("2025-06-17", [0.3, 0.03, 2.5], dataset)], "2026-12-01")),
  oldest(gemini("gemini-2.5-flash-lite", [price("2025-07-22", [0.1, 0.01, 0.4], dataset)])),
];

/** Thinks always; says not to send a temperature (3.6 and later). */
function gemini(id: string, prices: readonly Price[], shutdownOn: string | null = null): Model {
  return { ...usual, provider: "google", id, prices, shutdownOn };
}

/** Before 3.6 a temperature is accepted. */
function older(model: Model): Model {
  return { ...model, temperature: "always" };
}

/** 2.5 has a budget of thinking tokens and no levels, and no number of tokens means `low`. */
function oldest(model: Model): Model {
  return { ...older(model), efforts: [] };
}

/** The flash models' price doubles with the new year. */
function introductory(releasedOn: string): readonly Price[] {
  return [price(releasedOn, [0.75, 0.075, 3.75], dataset), price("2027-01-01", [1.5, 0.15, 7.5], dataset)];
}
