/** Who reads a tenant's feed by cursor, now and then, and what each page is held against: each end once, in their order, none missing. */
import type { Feed } from "../../../../src/gateway/ports.ts";
import { tenants } from "../subjects.ts";
import type { TicketWatch } from "../watch-tickets.ts";
import type { World } from "../world.ts";

export interface FeedReaders {
  checkEnd(): void;
}

export function startFeedReaders(world: World, feed: Feed, tickets: TicketWatch): FeedReaders {
  const readers = tenants.map((tenant) => startReader(world, tenant, feed, tickets));
  return {
    checkEnd() {
      for (const reader of readers) reader.checkEnd();
    },
  };
}

function startReader(world: World, tenant: string, feed: Feed, tickets: TicketWatch): FeedReaders {
  const { plan, scheduler } = world;
  const random = world.random(`reader ${tenant}`);
  const broken = (sentence: string, about: string | null = null) => world.violate("feed", sentence, about);
  /** A clock that is set forward ends what is kept before its time. */
  const isSure = !plan.rates.has("store_clocks");
  const read = new Set<string>();
  let after: number | null = null;

  const isOver = () => world.hasHealed() && [...tickets.all()].every(({ endedAtMs }) => endedAtMs !== null);

  async function look(): Promise<void> {
    const wasOver = isOver();
    await readAll();
    // A canary asks long after all was well.
    if (!wasOver || world.sinceStartMs() < plan.healMs + canaryMs)
      scheduler.after(random.between(1_000, random.pick([20_000, 600_000])), () => void look());
  }

  async function readAll(): Promise<void> {
    for (;;) {
      const page = await feed.page(tenant, after, random.between(1, 5));
      if (page.kind === "expired") {
        if (isSure) broken("a cursor that was just given out is said to be of the past");
        after = page.oldest;
        continue;
      }
      const from: number = after ?? 0;
      if (page.last < from + page.events.length)
        broken(`${page.events.length} ends up to ${page.last} behind ${from}`);
      if (isSure && after !== null && page.last > from + page.events.length)
        broken(`the numbers have gaps behind ${from}`);
      for (const event of page.events) readOne(event);
      after = page.last;
      if (!page.more) return;
    }
  }

  function readOne(event: string): void {
    const { id, data } = JSON.parse(event) as {
      readonly id: string;
      readonly data: { readonly queue_id: string };
    };
    const known = tickets.known(data.queue_id);
    if (known === undefined || known.endedAtMs === null)
      return broken("in the feed, and has not ended", data.queue_id);
    if (known.about.tenant !== tenant) broken("in another's feed", known.id);
    if (id !== `evt_${known.id}_${known.events}`) broken(`in the feed as ${id}`, known.id);
    if (read.has(known.id)) broken("twice in the feed", known.id);
    read.add(known.id);
  }

  scheduler.after(1_000, () => void look());
  return {
    checkEnd() {
      if (!isSure) return;
      for (const { id, about } of tickets.all())
        if (about.tenant === tenant && !read.has(id)) broken("was never in the feed", id);
    },
  };
}

const canaryMs = 60 * 60_000;
