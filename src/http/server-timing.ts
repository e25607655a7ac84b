/** `Server-Timing`, which browsers' tools show: where the time of a judgement went. https://www.w3.org/TR/server-timing/ */
import { ownMs } from "./request-end.ts";
import type { RouteContext } from "./route-context.ts";

/**
 * On the 200 of a comparison that was judged for it. `own` is what `request_overhead_seconds` counts.
 *
 * @param tookMs in fractions
 */
export function sayTimes(c: RouteContext, tookMs: number): void {
  const away = c.get("comparison")?.away ?? null;
  if (away === null || c.res.status !== 200) return;
  const { vendorMs, waitMs } = away;
  const parts = [
    `vendor;dur=${ms(vendorMs)}`,
    `wait;dur=${ms(waitMs)}`,
    `own;dur=${ms(ownMs(away, tookMs))}`,
  ];
  c.res.headers.set("server-timing", parts.join(", "));
}

/** Microseconds are enough, and a sum of floats may come to a hair under 0. */
function ms(value: number): string {
  return String(Math.max(0, Math.round(value * 1_000) / 1_000));
}
