/** What it costs to be served in a vendor's tier, as a factor of the table's price. The tier that an answer names counts, never the one that was asked for. */
import type { Billed } from "../domain/judging/usage.ts";
import { text } from "./envelope.ts";

/** By the tier's name. */
export type Factors = ReadonlyMap<string, number>;

/** `ServiceTier` of openai 7.59.0; developers.openai.com/api/docs/pricing, read 2026-11-30. `scale` and `ultrafast` are priced by contract. */
export const openaiTiers: Factors = new Map([
  ["default", 1],
  ["flex", 0.5],
  ["batch", 0.5],
  ["priority", 2],
  ["fast", 2],
]);

/** `Usage.service_tier` of @anthropic-ai/sdk 1.14.0. What `priority` costs is a matter of contract. */
export const anthropicTiers: Factors = new Map([
  ["standard", 1],
  ["batch", 0.5],
]);

/** `ServiceTier` of @google/genai 3.3.0; ai.google.dev/gemini-api/docs/pricing, read 2026-11-30. */
export const googleTiers: Factors = new Map([
  ["standard", 1],
  ["unspecified", 1],
  ["flex", 0.5],
  ["priority", 1.8],
]);

/**
 * @param tier as the answer names it
 * @returns `null` where no tier is named, or one that changes nothing
 */
export function billedAs(factors: Factors, tier: unknown): Billed | null {
  const word = text(tier).trim().toLowerCase();
  const priceFactor = word === "" ? 1 : (factors.get(word) ?? null);
  return priceFactor === 1 ? null : { priceFactor };
}
