/** Totals of two stores as one: what is used while the shared store is away is counted here, and brought there when it is back. */
import type { Totals } from "../../gateway/ports.ts";
import type { LocalStore } from "./local-store.ts";
import type { SharedStore } from "./shared-store.ts";
import type { Watch } from "./watch.ts";

export function failoverTotals(
  local: Pick<LocalStore, "totals">,
  shared: Pick<SharedStore, "totals">,
  watch: Pick<Watch, "ask" | "isAway">,
): Totals {
  return {
    add(...given) {
      const { totals } = watch.isAway() ? local : shared;
      totals.add(...given);
    },
    of: (...given) => watch.ask(() => shared.totals.of(...given)),
  };
}

/** Kept roughly, as totals are: what a crash finds between the two stores is lost. */
export async function bringTotals(
  local: Pick<LocalStore, "totals">,
  shared: Pick<SharedStore, "totals">,
): Promise<void> {
  for (const { tenant, day, requests, costUsd } of await local.totals.take()) {
    shared.totals.add(tenant, day, requests, costUsd);
  }
}
