/** A ticket as its hash in Redis holds it, and as the rest of the service knows it. */
import { claim } from "../../domain/ticket/moves.ts";
import { endsBy } from "../../domain/ticket/ticket-end.ts";
import type { Moved } from "../../domain/ticket/steps.ts";
import {
  noticeOf,
  isEnded,
  queueItemOf,
  ticketDueMs,
  type Texts,
  type Ticket,
  type TicketEvent,
  type TicketPolicy,
} from "../../domain/ticket/ticket.ts";
import { decodedTicket, encodedTicket } from "../../engine/ticket-codec.ts";
import { NotDone } from "../failover/primary-store.ts";
import type { Facts, LateClaim, WrittenNotice } from "./script/calls.ts";
import { encodeQueueItem } from "./codec.ts";
import type { QueueItem } from "../../domain/gate/places.ts";

/** As it was read, and what names that state. */
export interface Read {
  readonly ticket: Ticket;
  readonly revision: number;
}

/**
 * @param row record, texts, revision and late claim, as texts; what is not there is empty
 * @returns `null`: there is no ticket
 */
export function ticketInRecord(row: readonly unknown[], policy: TicketPolicy): Read | null {
  const [record = "", texts = "", revision = "", late = ""] = row.map((field) => String(field ?? ""));
  if (record === "") return null;
  const ticket = decodedTicket(record, texts === "" ? null : (JSON.parse(texts) as Texts), refused);
  if (late === "") return { ticket, revision: Number(revision) };
  const { permit, asProbe, atMs, leaseMs } = JSON.parse(late) as LateClaim;
  // The script can't read records: the claim that it noted beside this one is made again, and comes to the same. Whether its backoff was over
  // the gate knew, which is in the same script.
  const claimed = claim(ticket, permit, asProbe, atMs, { ...policy, leaseMs }, true);
  return { ticket: claimed.ticket, revision: Number(revision) };
}

function refused(sentence: string): NotDone {
  return new NotDone("refused", sentence);
}

/** What the script is told of a ticket, and what it only stores. */
export function written(
  ticket: Ticket,
  events: readonly TicketEvent[],
  withTexts: boolean,
): {
  readonly told: {
    item: QueueItem;
    owner: string;
    facts: Facts;
    notice: WrittenNotice;
    dueMs: number | null;
    ends?: true;
  };
  readonly texts: readonly string[];
} {
  const { about, progress, state } = ticket;
  const hasEnded = isEnded(state);
  return {
    told: {
      item: encodeQueueItem(queueItemOf(ticket)),
      owner: about.tenant,
      facts: {
        version: ticket.version,
        expiresAtMs: about.expiresAtMs,
        events: progress.events,
        fence: progress.fence,
        forgetAtMs: hasEnded ? state.forgetAtMs : null,
        ...(state.status === "processing" ? { claimed: true } : {}),
      },
      notice: noticeIn(ticket),
      dueMs: dueMsOf(ticket),
      ...(endsBy({ ticket, events }) ? { ends: true } : {}),
    },
    texts: [
      encodedTicket(ticket),
      hasEnded || !withTexts ? "" : JSON.stringify(state.texts),
      ...events.map((event) => JSON.stringify(event)),
    ],
  };
}

/** Redis forgets by itself. But one that was cancelled holds its place at the gate until the call that is under way is over. */
function dueMsOf(ticket: Ticket): number | null {
  const { state } = ticket;
  const isOver = state.status === "cancelled" ? state.claim === null : isEnded(state);
  return isOver ? null : ticketDueMs(ticket);
}

/** The gate is in the same script and hears at once, so nobody has to note that it did; what another gate has heard of does not count. */
function noticeIn(ticket: Ticket): WrittenNotice {
  const notice = noticeOf({ ...ticket, progress: { ...ticket.progress, gateHeard: 0 } });
  switch (notice?.kind) {
    case undefined:
      return { kind: "nothing" };
    case "enqueue":
      return { kind: "enqueue", notBeforeMs: notice.notBeforeMs };
    case "requeue":
      return { kind: "requeue", requeueing: notice };
    case "remove":
      return { kind: "remove", keptBytes: notice.keptBytes };
  }
}

export type Change<Reply> = (ticket: Ticket, nowMs: number) => Moved<Reply>;
