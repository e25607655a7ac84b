/**
 * Sends what is due: take → load the ticket → render → sign → post → settle. Nobody waits for it but the receivers. What a process has taken and
 * does not settle, because it died or the store was away, is taken again when its lease is over.
 */
import type { AttemptEnd, Delivery } from "../domain/push/delivery.ts";
import { isEnded, type TicketCopy } from "../domain/ticket/ticket.ts";
import type { DeliveryStore, TakenDelivery } from "../gateway/delivery-store.ts";
import { inTime } from "../gateway/deadline.ts";
import type { Clock } from "../gateway/ports.ts";
import type { Tell } from "../telemetry/events.ts";
import { prefixOf } from "./callback.ts";
import { tellChange } from "./endpoint-changes.ts";
import { postTimeoutMs, type Post, type PostOutcome } from "./post.ts";
import type { Receiver, Receivers } from "./receivers.ts";
import { webhookRequest, type Signing } from "./webhook-request.ts";

export interface SenderParts {
  readonly deliveries: DeliveryStore;
  readonly receivers: Receivers;
  /** At once, over all endpoints. */
  readonly mostAtOnce: number;
  /** `null`: there is no such ticket any more. */
  readonly load: (ticketId: string) => Promise<TicketOfCaller | null>;
  /** @param ticket one that has ended @returns JSON */
  readonly render: (ticket: TicketCopy, withResult: boolean) => string;
  /** What is rendered of a ticket without its results, where that is at hand; `null`: it is loaded. Absent: always. */
  readonly rendered?: (ticketId: string) => string | null;
  readonly post: Post;
  readonly signing: Signing;
  readonly clock: Clock;
  readonly tell: Tell;
  /** Hears of a store that is away, and of bugs. */
  readonly onFault: (error: unknown, ticketId?: string) => void;
  /** Something may be due at once: `look` is to be called. */
  readonly wake: () => void;
}

/** A ticket, and where its caller wants its end told. */
type TicketOfCaller = TicketCopy & { readonly about: { readonly callback?: { readonly url: string } } };

export interface Sender {
  /** Begins to send what is due. @returns when something is next; `null`: never by itself. Never rejects */
  look(): Promise<number | null>;
  /** Deliveries. */
  underWay(): number;
  /** Takes nothing more, and gives back what is under way. @returns when that is stored */
  rest(): Promise<void>;
}

/** One POST, and what is read and stored around it. */
const leaseMs = postTimeoutMs * 4;
/** At a stop, for what is under way to be answered. */
const patienceMs = 3_000;

export function createSender(parts: SenderParts): Sender {
  const { deliveries, receivers, mostAtOnce, clock, onFault, wake } = parts;
  const { known } = receivers;
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  let looking: Promise<number | null> | null = null;
  let isChanged = false;
  let isResting = false;

  function start(taken: TakenDelivery): void {
    const sent = deliver(parts, taken, stopping.signal)
      .catch((error: unknown) => onFault(error, taken.delivery.ticketId))
      .finally(() => {
        underWay.delete(sent);
        wake();
      });
    underWay.add(sent);
  }

  const isTime = (atMs: number | null) => atMs !== null && atMs <= clock.nowMs();

  async function lookOnce(): Promise<number | null> {
    let next = await deliveries.next(known);
    if (isTime(next.tidyAtMs)) {
      while (!(await deliveries.tidy(known)));
      next = await deliveries.next(known);
    }
    const room = mostAtOnce - underWay.size;
    if (isTime(next.sendAtMs) && room > 0 && !isResting) {
      for (const taken of await deliveries.take(known, room, leaseMs)) start(taken);
      next = await deliveries.next(known);
    }
    // With no room left, the next that is over wakes us.
    const nextSendMs = underWay.size < mostAtOnce ? next.sendAtMs : null;
    return earlier(nextSendMs, next.tidyAtMs);
  }

  async function lookUntilDone(): Promise<number | null> {
    let nextMs: number | null = null;
    do {
      isChanged = false;
      nextMs = await lookOnce();
    } while (isChanged);
    return nextMs;
  }

  return {
    look() {
      isChanged = true;
      if (isResting) return Promise.resolve(null);
      looking ??= lookUntilDone()
        .catch((error: unknown) => {
          onFault(error);
          return null;
        })
        .finally(() => {
          looking = null;
        });
      return looking;
    },

    underWay: () => underWay.size,

    async rest() {
      isResting = true;
      await looking;
      await inTime(clock, patienceMs, Promise.all(underWay));
      stopping.abort();
      await Promise.all(underWay);
    },
  };
}

async function deliver(parts: SenderParts, { delivery, lease }: TakenDelivery, stopping: AbortSignal) {
  const end = await attempt(parts, delivery, stopping);
  const { change } = await parts.deliveries.settle(delivery.id, lease, end);
  if (change !== null) tellChange(parts.tell, change);
}

async function attempt(parts: SenderParts, delivery: Delivery, stopping: AbortSignal): Promise<AttemptEnd> {
  const { receivers, clock, tell, onFault } = parts;
  const receiver = receivers.find({ tenant: delivery.tenant, name: delivery.endpoint });
  if (receiver === null || stopping.aborted) return { kind: "given_back" };
  const letter = await letterOf(parts, delivery, receiver);
  if (letter === null) return { kind: "ticket_gone" };
  const startedAtMs = clock.monotonicMs();
  const outcome = await send(parts, delivery, receiver, letter, stopping).catch((error: unknown) => {
    // A bug of ours: another attempt may be luckier, and later.
    onFault(error, delivery.ticketId);
    return { kind: "other" as const };
  });
  // It may have arrived. It is told again then, under the same id.
  if (stopping.aborted && outcome.kind === "other") return { kind: "given_back" };
  tell({
    kind: "webhook_attempt",
    eventId: delivery.eventId,
    queueId: delivery.ticketId,
    tenant: delivery.tenant,
    endpoint: delivery.endpoint,
    attempt: delivery.attempts,
    status: outcome.kind === "status" ? outcome.status : null,
    failure: outcome.kind === "status" ? null : outcome.kind,
    durationMs: clock.monotonicMs() - startedAtMs,
  });
  return outcome;
}

interface Letter {
  /** `null`: its caller named one that the settings allow no more. */
  readonly url: string | null;
  readonly body: () => string;
}

/** @returns `null`: there is no such ticket any more */
async function letterOf(
  { receivers, load, render, rendered }: SenderParts,
  { ticketId, tenant }: Delivery,
  receiver: Receiver,
): Promise<Letter | null> {
  const { includeResult } = receivers;
  const isPlain = receiver.known.kind === "endpoint" && !includeResult;
  const atHand = isPlain ? (rendered?.(ticketId) ?? null) : null;
  if (atHand !== null) return { url: receiver.url, body: () => atHand };
  const ticket = await load(ticketId);
  if (ticket === null || ticket.about.tenant !== tenant || !isEnded(ticket.state)) return null;
  return { url: urlFor(receivers, receiver, ticket), body: () => render(ticket, includeResult) };
}

async function send(
  { post, clock, signing }: SenderParts,
  delivery: Delivery,
  receiver: Receiver,
  { url, body }: Letter,
  stopping: AbortSignal,
): Promise<PostOutcome> {
  if (url === null) return { kind: "blocked" };
  const request = await webhookRequest(receiver, url, delivery.eventId, body(), clock.nowMs(), signing);
  return post(request, stopping);
}

function urlFor({ prefixes }: Receivers, { known, url }: Receiver, { about }: TicketOfCaller): string | null {
  if (known.kind === "endpoint") return url;
  const named = about.callback?.url;
  const isAllowed = named !== undefined && prefixOf(named, about.tenant, prefixes) === known.name;
  return isAllowed ? named : null;
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
