import type { Usage } from "../domain/judging/usage.ts";
import { priceAt } from "./catalog.ts";
import type { Model } from "./models/model.ts";

/**
 * What one call costs: what the vendor says of it, else the price of its day, times the factor of the tier in which it was served. Cached and cache-written tokens are parts of the prompt and are billed once each, at their own
 * price. Reasoning is a part of the completion.
 *
 * @param nowMs epoch milliseconds; decides which row of the price table counts
 * @returns US dollars, to the picodollar; `null` where the price, or that of the tier, is unknown or the usage is no set of counts. Never 0 for unknown
 */
export function costOf(model: Model, usage: Usage, nowMs: number): number | null {
  const { promptTokens, completionTokens, billed = atTheTablesPrice } = usage;
  if ("costUsd" in billed) return toPicodollars(billed.costUsd);
  const price = priceAt(model, nowMs);
  if (
    price === null ||
    billed.priceFactor === null ||
    ![promptTokens, completionTokens, usage.cachedTokens, usage.cacheWriteTokens].every(isCount)
  ) {
    return null;
  }
  // A vendor whose parts exceed the whole has miscounted; the whole is what its bill is made from.
  const cached = Math.min(usage.cachedTokens, promptTokens);
  const written = Math.min(usage.cacheWriteTokens, promptTokens - cached);
  const long =
    price.longPrompt !== null && promptTokens > price.longPrompt.aboveTokens ? price.longPrompt : null;
  const prompt =
    (promptTokens - cached - written) * price.input + cached * price.cached + written * price.cacheWrite;
  const microdollars =
    prompt * (long?.inputFactor ?? 1) + completionTokens * price.output * (long?.outputFactor ?? 1);
  return toPicodollars((microdollars * billed.priceFactor) / 1e6);
}

const atTheTablesPrice = { priceFactor: 1 };

/** Rounded, so that 0.1 + 0.2 doesn't reach a client. */
function toPicodollars(usd: number): number {
  return Math.round(usd * 1e12) / 1e12;
}

function isCount(tokens: number): boolean {
  return Number.isFinite(tokens) && tokens >= 0;
}
