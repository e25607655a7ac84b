/** What a tenant sees of its endpoints, and does to them; and what operators hear of all. */
import type {
  DeliveryPage,
  DeliveryQuery,
  DeliveryStore,
  EndpointHealth,
  Redelivered,
} from "../gateway/delivery-store.ts";
import { StoreAway, type Clock } from "../gateway/ports.ts";
import type { Tell } from "../telemetry/events.ts";
import { tellChange } from "./endpoint-changes.ts";
import type { Post, PostOutcome } from "./post.ts";
import type { Receiver, Receivers } from "./receivers.ts";
import { webhookRequest, type Signing } from "./webhook-request.ts";

/** What of a store is asked here. */
export type AskedDeliveries = Pick<DeliveryStore, "health" | "page" | "redeliver" | "testedWell">;

export interface WebhooksParts {
  readonly receivers: Receivers;
  /** One tenant's may be elsewhere than another's. */
  readonly deliveriesOf: (tenant: string) => AskedDeliveries;
  readonly post: Post;
  readonly signing: Signing;
  readonly clock: Clock;
  /** A UUID. */
  readonly newId: () => string;
  readonly tell: Tell;
}

/** Every verb but `test` rejects with `StoreAway` where the store can't be reached. */
export interface Webhooks {
  /** In the order of the settings. */
  endpoints(tenant: string): Promise<readonly ShownEndpoint[]>;
  test(tenant: string, name: string): Promise<EndpointTest>;
  page(query: DeliveryQuery): Promise<DeliveryPage>;
  redeliver(tenant: string, id: string): Promise<Redelivered>;
  /** What is the matter with endpoints, a sentence each, without names. Never rejects. */
  warnings(): Promise<readonly string[]>;
}

export interface ShownEndpoint {
  readonly host: string;
  readonly health: EndpointHealth;
}

type EndpointTest =
  | { readonly kind: "unknown" }
  | { readonly kind: "too_many"; readonly retryAfterMs: number }
  | {
      readonly kind: "tested";
      readonly eventId: string;
      readonly end: PostOutcome;
      readonly isGood: boolean;
      readonly durationMs: number;
    };

/** Tests of one tenant, within a minute, in one process. */
const mostTests = 6;
const testsWithinMs = 60_000;
/** What was dropped is spoken of for so long. */
const droppedLatelyMs = 86_400_000;

export function createWebhooks(parts: WebhooksParts): Webhooks {
  const { receivers, deliveriesOf, clock } = parts;
  const mayTest = testLimit(clock);
  const tenants = [...new Set(receivers.all.map(({ tenant }) => tenant))];

  async function endpoints(tenant: string): Promise<readonly ShownEndpoint[]> {
    const own = receivers.all.filter((receiver) => receiver.tenant === tenant);
    if (own.length === 0) return [];
    const health = await deliveriesOf(tenant).health(own.map(({ known }) => known));
    return own.flatMap(({ host }, index) => {
      const found = health[index];
      return found === undefined ? [] : [{ host, health: found }];
    });
  }

  return {
    endpoints,
    page: (query) => deliveriesOf(query.tenant).page(query),
    redeliver: (tenant, id) => deliveriesOf(tenant).redeliver(tenant, id),

    async test(tenant, name) {
      const receiver = receivers.find({ tenant, name });
      if (receiver === null) return { kind: "unknown" };
      const retryAfterMs = mayTest(tenant);
      return retryAfterMs === null ? await testOnce(parts, receiver) : { kind: "too_many", retryAfterMs };
    },

    async warnings() {
      try {
        const all = await Promise.all(tenants.map(endpoints));
        return inWords(
          all.flatMap((own) => own.map(({ health }) => health)),
          clock.nowMs(),
        );
      } catch (error) {
        // The store says so itself.
        if (error instanceof StoreAway) return [];
        throw error;
      }
    },
  };
}

/** @returns says when another one may be made; `null`: now, and it counts */
function testLimit({ monotonicMs }: Clock): (tenant: string) => number | null {
  const made = new Map<string, readonly number[]>();
  return (tenant) => {
    const nowMs = monotonicMs();
    const lately = (made.get(tenant) ?? []).filter((atMs) => nowMs < atMs + testsWithinMs);
    const [oldest] = lately;
    if (lately.length >= mostTests && oldest !== undefined) return oldest + testsWithinMs - nowMs;
    made.set(tenant, [...lately, nowMs]);
    return null;
  };
}

async function testOnce(
  { deliveriesOf, post, signing, clock, newId, tell }: WebhooksParts,
  receiver: Receiver,
): Promise<Extract<EndpointTest, { kind: "tested" }>> {
  const eventId = `evt_test_${newId()}`;
  const nowMs = clock.nowMs();
  const body = JSON.stringify({
    type: "webhook.test",
    timestamp: new Date(nowMs).toISOString(),
    data: { endpoint: receiver.name },
  });
  const startedAtMs = clock.monotonicMs();
  const end = await post(await webhookRequest(receiver, receiver.url, eventId, body, nowMs, signing));
  const durationMs = clock.monotonicMs() - startedAtMs;
  const isGood = end.kind === "status" && end.status >= 200 && end.status < 300;
  if (isGood) {
    // It has arrived, whatever becomes of this.
    const change = await deliveriesOf(receiver.tenant)
      .testedWell(receiver.known)
      .catch((error: unknown) => {
        if (error instanceof StoreAway) return null;
        throw error;
      });
    if (change !== null) tellChange(tell, change);
  }
  return { kind: "tested", eventId, end, isGood, durationMs };
}

/** Open to everybody, so no tenant, endpoint or host is named. */
function inWords(all: readonly EndpointHealth[], nowMs: number): readonly string[] {
  const off = all.filter(({ state }) => state === "off").length;
  const failing = all.filter(({ state }) => state === "failing" || state === "probing").length;
  const dropping = all.filter(
    ({ lastDroppedAtMs }) => nowMs - (lastDroppedAtMs ?? -Infinity) < droppedLatelyMs,
  );
  const dropped = dropping.reduce((sum, endpoint) => sum + endpoint.dropped, 0);
  const where = "GET /api/v1/webhooks and the log say which.";
  return [
    ...(off === 0 ? [] : [`Of ${all.length} receivers of webhooks ${off} switched off: ${where}`]),
    ...(failing === 0 ? [] : [`Of ${all.length} receivers of webhooks ${failing} failing: ${where}`]),
    ...(dropped === 0 ? [] : [`Webhooks were dropped within the last day (${dropped} in all): ${where}`]),
  ];
}
