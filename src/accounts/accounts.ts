/** Who used what: each tenant's account of a UTC day counts the requests that were answered or kept, and what calls cost. */
import type { Clock, Totals } from "../gateway/ports.ts";
import type { AttemptEvent } from "../telemetry/events.ts";

export interface Accounts {
  /** A comparison of the tenant was judged, or is kept as a ticket. */
  countRequest(tenant: string): void;
  /** A call was made for the tenant, now or for a ticket. A cost that is not known counts as nothing. */
  countCall(call: Pick<AttemptEvent, "tenant" | "costUsd">): void;
  /** @throws {StoreAway} */
  today(tenant: string): ReturnType<Totals["of"]>;
}

export function createAccounts(totals: Totals, clock: Pick<Clock, "nowMs">): Accounts {
  const today = () => utcDay(clock.nowMs());
  return {
    countRequest: (tenant) => totals.add(tenant, today(), 1, 0),
    countCall({ tenant, costUsd }) {
      if (costUsd) totals.add(tenant, today(), 0, costUsd);
    },
    today: (tenant) => totals.of(tenant, today()),
  };
}

/** `YYYY-MM-DD` */
function utcDay(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 10);
}
