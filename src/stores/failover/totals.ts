/** Totals of two stores as one: what is used while the primary store is away is counted here, and brought there when it is back. */
import type { Totals } from "../../gateway/ports.ts";
import type { FallbackStore } from "./fallback-store.ts";
import type { PrimaryStore } from "./primary-store.ts";
import type { Watch } from "./watch.ts";

export function failoverTotals(
  fallback: Pick<FallbackStore, "totals">,
  primary: Pick<PrimaryStore, "totals">,
  watch: Pick<Watch, "ask" | "isAway">,
): Totals {
  return {
    add(...given) {
      const { totals } = watch.isAway() ? fallback : primary;
      totals.add(...given);
    },
    of: (...given) => watch.ask(() => primary.totals.of(...given)),
  };
}

/** Kept roughly, as totals are: what a crash finds between the two stores is lost. */
export async function bringTotals(
  fallback: Pick<FallbackStore, "totals">,
  primary: Pick<PrimaryStore, "totals">,
): Promise<void> {
  for (const { tenant, day, requests, costUsd } of await fallback.totals.take()) {
    primary.totals.add(tenant, day, requests, costUsd);
  }
}
