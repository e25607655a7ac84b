/** A feed of ended tickets in memory: what stores tell it of each move, by the rules that ship. */
import { endsBy } from "../../src/domain/ticket/ticket-end.ts";
import { isForgotten, type Ticket, type TicketEvent } from "../../src/domain/ticket/ticket.ts";
import { pageOf, startOf, type FeedEntry } from "../../src/engine/feed-page.ts";
import type { Feed } from "../../src/gateway/ports.ts";
import { endedEventJson } from "../../src/http/notices.ts";

export interface MemoryFeed extends Feed {
  /** A move was stored, or a ticket was taken in. */
  written(ticket: Ticket, events: readonly TicketEvent[]): void;
}

/** @param find the ticket as it is stored */
export function memoryFeed(nowMs: () => number, find: (id: string) => Ticket | undefined): MemoryFeed {
  /** Ids in the order of their numbers, by tenant. */
  const feeds = new Map<string, string[]>();

  function entriesOf(tenant: string): readonly FeedEntry[] {
    return (feeds.get(tenant) ?? []).flatMap((id, at) => {
      const ticket = find(id);
      if (ticket === undefined || isForgotten(ticket, nowMs())) return [];
      return [{ number: at + 1, event: endedEventJson(ticket) }];
    });
  }

  return {
    written(ticket, events) {
      if (!endsBy({ ticket, events })) return;
      const { id, tenant } = ticket.about;
      feeds.set(tenant, [...(feeds.get(tenant) ?? []), id]);
    },
    async page(tenant, after, most) {
      const last = feeds.get(tenant)?.length ?? 0;
      const kept = entriesOf(tenant);
      const start = startOf({ first: kept[0]?.number ?? null, last }, after);
      if (start.kind === "expired") return start;
      const behind = kept.filter(({ number }) => number > start.number);
      return pageOf(start.number, last, behind.slice(0, most), most);
    },
  };
}
