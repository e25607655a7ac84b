/** What is asked of a store about deliveries to endpoints. The verbs are those of `engine/deliveries.ts`, over one store's tables. */
import type { AttemptEnd, Delivery } from "../domain/push/delivery.ts";
import type { Endpoint, KnownEndpoint } from "../domain/push/endpoint.ts";

/** Every verb rejects with `StoreAway` where the store can't be reached. */
export interface DeliveryStore {
  /**
   * @param endpoints all that the settings know now
   * @param most deliveries
   * @param leaseMs longer than one can be under way
   */
  take(endpoints: readonly KnownEndpoint[], most: number, leaseMs: number): Promise<readonly TakenDelivery[]>;
  /** @param lease with which it was taken */
  settle(id: string, lease: number, end: AttemptEnd): Promise<SettledAttempt>;
  /** What time alone brings. @returns false: there is more to do at once */
  tidy(endpoints: readonly KnownEndpoint[]): Promise<boolean>;
  /** When there is something to take, or to tidy up, as far as time alone decides. */
  next(endpoints: readonly KnownEndpoint[]): Promise<DeliveryMoments>;

  redeliver(tenant: string, id: string): Promise<Redelivered>;
  testedWell(endpoint: KnownEndpoint): Promise<EndpointChange | null>;
  page(query: DeliveryQuery): Promise<DeliveryPage>;
  /** Of these, in their order. */
  health(endpoints: readonly KnownEndpoint[]): Promise<readonly EndpointHealth[]>;
}

/** In epoch milliseconds; `null`: never. */
export interface DeliveryMoments {
  readonly sendAtMs: number | null;
  readonly tidyAtMs: number | null;
}

/** Whom a ticket's end is told. */
export interface ToldEndpoints {
  endpointsOf(about: ToldAbout): readonly KnownEndpoint[];
  /** Of an endpoint: what comes beyond is dropped. */
  readonly maxPending: number;
}

/** What of a ticket decides. */
export interface ToldAbout {
  readonly tenant: string;
  /** Its caller named a URL of its own, told in place of its tenant's endpoints: the name of the prefix that allows it. */
  readonly callback?: { readonly name: string };
}

/** Whose endpoint, and its name. */
export type EndpointName = Pick<KnownEndpoint, "tenant" | "name">;

/** One that is to be sent now. */
export interface TakenDelivery {
  readonly delivery: Delivery;
  /** To settle it with. */
  readonly lease: number;
}

/** What operators are to hear of an endpoint. */
export interface EndpointChange extends EndpointName {
  readonly change: "failing" | "off" | "on";
  /** `null`: it is not off. */
  readonly because: "gone" | "silent" | null;
}

export interface SettledAttempt {
  /** As it is now; `null`: there is none any more. */
  readonly delivery: Delivery | null;
  readonly change: EndpointChange | null;
}

export type Redelivered =
  | { readonly kind: "redelivered"; readonly delivery: Delivery }
  | { readonly kind: "unknown" }
  /** Its ticket is. */
  | { readonly kind: "forgotten" };

/** What an endpoint's owner and operators see of it. */
export interface EndpointHealth extends Pick<
  Endpoint,
  "tenant" | "name" | "kind" | "pending" | "dropped" | "lastDroppedAtMs" | "lastDeliveredAtMs"
> {
  readonly state: "ok" | "failing" | "probing" | "off";
  /** The first failure since it last answered well; `null`: none. */
  readonly failingSinceMs: number | null;
  readonly offBecause: "gone" | "silent" | null;
}

export interface DeliveryQuery {
  readonly tenant: string;
  /** `null`: of all endpoints, in all states. */
  readonly name: string | null;
  readonly status: "pending" | "delivered" | "failed" | "dropped" | null;
  /** `null`: from the newest on. */
  readonly after: DeliveryPosition | null;
  /** At least 1. */
  readonly limit: number;
}

export interface DeliveryPosition {
  readonly createdAtMs: number;
  readonly id: string;
}

export interface DeliveryPage {
  /** Newest first. */
  readonly deliveries: readonly Delivery[];
  /** Where to go on, though there may be fewer than were asked for: a look at those that don't match is bounded. `null`: that was all. */
  readonly next: DeliveryPosition | null;
}
