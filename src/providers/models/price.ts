import type { LongPrompt, Price } from "../catalog.ts";

/**
 * One row of a price table.
 *
 * @param usd per million tokens: input, cached, output, and cache writes where they cost more than input
 * @param validFrom `YYYY-MM-DD`, UTC
 */
export function price(
  validFrom: string,
  usd: readonly [input: number, cached: number, output: number, cacheWrite?: number],
  source: string,
  longPrompt: LongPrompt | null = null,
): Price {
  const [input, cached, output, cacheWrite = input] = usd;
  return { validFrom, input, cached, cacheWrite, output, longPrompt, source };
}
