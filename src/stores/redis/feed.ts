/**
 * Each tenant's tickets that have ended, in Redis: a sorted set of their ids by number, beside a counter that outlives them (`script/tickets.ts`).
 * What is said of them is made of their records when it is read. What Redis has forgotten stays in the set until others come in.
 */
import { isEnded, isForgotten, type TicketCopy, type TicketPolicy } from "../../domain/ticket/ticket.ts";
import { pageOf, startOf } from "../../engine/feed-page.ts";
import type { Feed } from "../../gateway/ports.ts";
import { root, type Redis } from "./redis.ts";
import type { Facts } from "./script/calls.ts";
import type { ScriptRunner } from "./script-runner.ts";
import { recordKey } from "./ticket-moves.ts";
import { ticketInRecord } from "./ticket-record.ts";

export interface RedisFeedParts {
  readonly redis: Redis;
  readonly script: Pick<ScriptRunner, "nowMs">;
  readonly policy: TicketPolicy;
  /** What the feed says of a ticket that has ended, as JSON. */
  readonly endedEvent: (ticket: TicketCopy) => string;
}

interface Member {
  readonly id: string;
  readonly number: number;
}

const countersKey = `${root}queue:feeds`;

export function redisFeed({ redis, script, policy, endedEvent }: RedisFeedParts): Feed {
  /** The first ones behind a number, or all. */
  async function behind(tenant: string, number: number, most: number): Promise<readonly Member[]> {
    const range = [`(${number}`, "+inf", "BYSCORE", "LIMIT", "0", String(most), "WITHSCORES"];
    const reply = await redis.command("ZRANGE", `${root}queue:feed:${tenant}`, ...range);
    return membersIn(reply as readonly string[]);
  }

  async function isKept({ id }: Member): Promise<boolean> {
    const facts = await redis.command("HGET", recordKey(id), "facts");
    const { forgetAtMs = null } = JSON.parse(String(facts ?? "{}")) as Partial<Facts>;
    return forgetAtMs !== null && script.nowMs() < forgetAtMs;
  }

  /**
   * The lowest number that is kept; `null`: none is. Tickets are forgotten in the order of their ends, but for settings that were changed, so it is
   * between one that is forgotten and one that is kept: a dozen looks, however many Redis has forgotten since somebody came in. Most often it is
   * the first.
   */
  async function firstKept(tenant: string, last: number): Promise<number | null> {
    let gone = 0;
    let end = last + 1;
    let first: number | null = null;
    for (let from = 0; gone + 1 < end; from = Math.floor((gone + end - 1) / 2)) {
      const [member] = await behind(tenant, from, 1);
      if (member === undefined || member.number >= end) end = from + 1;
      else if (await isKept(member)) [first, end] = [member.number, from + 1];
      else gone = member.number;
    }
    return first;
  }

  async function eventOf(id: string): Promise<string | null> {
    const row = (await redis.command(
      "HMGET",
      recordKey(id),
      "record",
      "revision",
      "claim",
    )) as readonly unknown[];
    const [record, ...rest] = row;
    const ticket = ticketInRecord([record, "", ...rest], policy)?.ticket;
    // A number of an earlier ticket of the same id is left for a moment.
    if (ticket === undefined || !isEnded(ticket.state) || isForgotten(ticket, script.nowMs())) return null;
    return endedEvent(ticket);
  }

  return {
    async page(tenant, after, most) {
      const last = Number((await redis.command("HGET", countersKey, tenant)) ?? 0);
      const first = await firstKept(tenant, last);
      const start = startOf({ first, last }, after);
      if (start.kind === "expired") return start;
      const members = await behind(tenant, start.number, most);
      const entries = members.map(async ({ id, number }) => ({ number, event: await eventOf(id) }));
      return pageOf(start.number, last, await Promise.all(entries), most);
    },
  };
}

/** Members and scores, in turn. */
function membersIn(reply: readonly string[]): readonly Member[] {
  return reply.flatMap((id, at) => (at % 2 === 0 ? [{ id, number: Number(reply[at + 1]) }] : []));
}
