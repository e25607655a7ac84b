/** What the judge asks of those who were told of the ends of tickets: by webhooks, and by the feed. */
import type { TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import { canaryPrefix } from "./comparison.ts";
import type { Evidence, FedEvent, Receipt } from "./evidence.ts";
import { clock, isEnd, type Rules } from "./rules.ts";

/** Gone, or its store is away. */
const cannotSay: readonly number[] = [0, 503];

/** Where there was a receiver. */
export const receiptRules: Rules = {
  "Every end of a ticket that a client knows of arrived": (evidence) => {
    const heard = new Set(receiptsIn(evidence).flatMap((one) => (one.isTaken ? [one.queueId] : [])));
    return knownIn(evidence)
      .filter((queueId) => !heard.has(queueId))
      .map((queueId) => `${queueId} was never told`);
  },

  "An end is told under one id, and in the same words": (evidence) => {
    const all = Map.groupBy(receiptsIn(evidence), ({ queueId }) => queueId);
    return [...all].flatMap(([queueId, receipts]) => [
      ...moreThanOne(
        queueId,
        "ids",
        receipts.map(({ eventId }) => eventId),
      ),
      ...moreThanOne(
        queueId,
        "bodies",
        receipts.map(({ body }) => body),
      ),
    ]);
  },

  "What was told is a ticket's of this service, and its end": (evidence) => {
    const ends = endsIn(evidence);
    return receiptsIn(evidence).flatMap((receipt) => wrongIn(ends, receipt, typeIn(receipt.body)));
  },

  "Nothing was told before it was stored": (evidence) => {
    const ends = endsIn(evidence);
    return receiptsIn(evidence).flatMap(({ atMs, queueId, look }) => {
      const endedAtMs = ends.get(queueId)?.atMs ?? -Infinity;
      // While it was killed nobody could be asked, and the record that it left says when it ended.
      const isThere =
        cannotSay.includes(look.httpStatus) || (look.ticket !== null && isEnd(look.ticket.status));
      const found = look.ticket?.status ?? `HTTP ${look.httpStatus}`;
      return [
        ...(isThere ? [] : [`${queueId} was told ${clock(atMs)}, and was ${found}`]),
        ...(atMs < endedAtMs ? [`${queueId} was told ${clock(atMs)}, and ended ${clock(endedAtMs)}`] : []),
      ];
    });
  },

  "No text of a client is in any byte that was sent": (evidence) =>
    receiptsIn(evidence)
      .filter(({ bytes }) => bytes.includes(canaryPrefix) || bytes.includes("nonce-"))
      .map(({ queueId }) => `${queueId} was told with its texts`),

  "Every webhook is signed": (evidence) =>
    receiptsIn(evidence)
      .filter(({ isSigned }) => !isSigned)
      .map(({ queueId }) => `${queueId} was told without a signature that holds`),
};

export const feedRules: Rules = {
  "The feed has every end once, and nothing else": (evidence) => {
    const feed = evidence.told?.feed ?? [];
    const ends = endsIn(evidence);
    const fed = new Set(feed.map(({ queueId }) => queueId));
    return [
      ...(fed.size === feed.length ? [] : [`${feed.length} events of ${fed.size} tickets`]),
      ...[...ends.keys()].filter((queueId) => !fed.has(queueId)).map((queueId) => `${queueId} is missing`),
      ...knownIn(evidence)
        .filter((queueId) => !fed.has(queueId))
        .map((queueId) => `${queueId} is missing`),
      ...feed.flatMap((one) => wrongIn(ends, one, one.type)),
      ...feed.filter(({ text }) => text.includes(canaryPrefix)).map(({ queueId }) => `${queueId} has texts`),
    ];
  },
};

function receiptsIn({ told }: Evidence): readonly Receipt[] {
  return told?.receipts ?? [];
}

function knownIn({ ledger }: Evidence): readonly string[] {
  return [...new Set(ledger.map(({ queueId }) => queueId))];
}

/** Of each ticket that the service has stored and that has ended, its end. A twin's is told, too: who hears of it does not know its id. */
function endsIn({ histories, twins = [] }: Evidence): ReadonlyMap<string, TicketEvent> {
  return new Map(
    [...histories, ...twins].flatMap(({ queueId, events }) => {
      const last = events.at(-1);
      return last !== undefined && isEnd(last.kind) ? [[queueId, last] as const] : [];
    }),
  );
}

function wrongIn(
  ends: ReadonlyMap<string, TicketEvent>,
  { eventId, queueId }: Pick<FedEvent, "eventId" | "queueId">,
  type: string,
): readonly string[] {
  const end = ends.get(queueId);
  if (end === undefined) return [`${queueId} was told, and has not ended here`];
  const should = `evt_${queueId}_${end.number} ticket.${end.kind}`;
  return `${eventId} ${type}` === should ? [] : [`${eventId} ${type} was told, and it is ${should}`];
}

function typeIn(body: string): string {
  return String((JSON.parse(body) as { readonly type?: unknown }).type);
}

function moreThanOne(queueId: string, what: string, values: readonly string[]): readonly string[] {
  const count = new Set(values).size;
  return count === 1 ? [] : [`${queueId} was told with ${count} ${what}`];
}
