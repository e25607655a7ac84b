/** Webhooks on Node: who sends what is due, and when. */
import type { TicketCopy } from "../../domain/ticket/ticket.ts";
import type { DeliveryStore } from "../../gateway/delivery-store.ts";
import { StoreAway, type Clock, type Tickets } from "../../gateway/ports.ts";
import { createSender, type SenderParts } from "../../push/deliver.ts";
import type { Receivers } from "../../push/receivers.ts";
import { createWebhooks, type Webhooks } from "../../push/webhooks.ts";
import type { Tell } from "../../telemetry/events.ts";
import { version } from "../../version.ts";
import { createAlarm } from "../sqlite/alarm.ts";
import { guardedTransport, type GuardedTransportOptions } from "./guarded-transport.ts";
import { nodeHmac } from "./hmac.ts";

export interface NodeWebhooksParts {
  readonly receivers: Receivers;
  readonly deliveries: DeliveryStore;
  readonly tickets: Pick<Tickets, "load">;
  readonly render: SenderParts["render"];
  readonly clock: Clock;
  /** Between two looks, whatever is due when. */
  readonly pollIntervalMs: number;
  /** A UUID. */
  readonly newId: () => string;
  readonly tell: Tell;
  readonly onFault: (error: unknown, ticketId?: string) => void;
  readonly transport?: GuardedTransportOptions;
}

export interface NodeWebhooks {
  readonly webhooks: Webhooks;
  /** Sends from now on. */
  start(): void;
  /** Something was entered. */
  wake(): void;
  /** Takes nothing more, and gives back what is under way. */
  rest(): Promise<void>;
}

/** Over all endpoints. A receiver that is slow has ten of them at most. */
const mostAtOnce = 40;

export function nodeWebhooks(parts: NodeWebhooksParts): NodeWebhooks {
  const { receivers, deliveries, tickets, clock, newId, tell, pollIntervalMs } = parts;
  const { post, close } = guardedTransport(parts.transport);
  const signing = { hmac: nodeHmac, version };
  let isStarted = false;
  const alarm = createAlarm(clock, pollIntervalMs, () => sender.look());
  const wake = () => {
    if (isStarted) alarm.set(clock.nowMs());
  };
  const sender = createSender({
    ...parts,
    mostAtOnce,
    load: (id): Promise<TicketCopy | null> => tickets.load(id),
    post,
    signing,
    wake,
    onFault(error, ticketId) {
      // A store that is away says so itself, once.
      if (!(error instanceof StoreAway)) parts.onFault(error, ticketId);
    },
  });

  return {
    webhooks: createWebhooks({
      receivers,
      deliveriesOf: () => deliveries,
      post,
      signing,
      clock,
      newId,
      tell,
    }),
    start() {
      isStarted = true;
      wake();
    },
    wake,
    async rest() {
      alarm.stop();
      await sender.rest();
      await close();
    },
  };
}
