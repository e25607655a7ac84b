/** What endpoints are to be told, where a primary store keeps it: while that is away nothing is sent, and nothing is known. */
import type { DeliveryStore } from "../../gateway/delivery-store.ts";
import type { Watch } from "./watch.ts";

/** Ends of tickets that are kept here meanwhile are entered when the tickets have moved there. */
export function failoverDeliveries(primary: DeliveryStore, { ask }: Pick<Watch, "ask">): DeliveryStore {
  return {
    take: (...asked) => ask(() => primary.take(...asked)),
    settle: (...settled) => ask(() => primary.settle(...settled)),
    tidy: (endpoints) => ask(() => primary.tidy(endpoints)),
    next: (endpoints) => ask(() => primary.next(endpoints)),
    redeliver: (...named) => ask(() => primary.redeliver(...named)),
    testedWell: (endpoint) => ask(() => primary.testedWell(endpoint)),
    page: (query) => ask(() => primary.page(query)),
    health: (endpoints) => ask(() => primary.health(endpoints)),
  };
}
