/** A tenant's tickets in Redis, or all tenants', as lists show them: a page at a time, without their texts. */
import type { TicketPolicy } from "../../domain/ticket/ticket.ts";
import { compare, firstOfAll, presentCopy, type ListEntry, type ListPage } from "../../engine/ticket-list.ts";
import type { ListPosition, TicketQuery } from "../../gateway/ports.ts";
import { NotDone } from "../failover/primary-store.ts";
import { root, type Redis } from "./redis.ts";
import type { ScriptRunner } from "./script-runner.ts";
import { recordKey } from "./ticket-moves.ts";
import { ticketInRecord } from "./ticket-record.ts";

export interface RedisPagesParts {
  readonly redis: Redis;
  readonly script: Pick<ScriptRunner, "nowMs">;
  readonly policy: TicketPolicy;
}

/** Whose tickets are listed, and how a page of them is read: what stands behind a position. */
export interface RedisPages {
  tenantsOf(query: Pick<TicketQuery, "tenant" | "known">): Promise<readonly string[]>;
  page(tenants: readonly string[], after: ListPosition | null, most: number): Promise<ListPage>;
}

const tenantsKey = `${root}queue:tenants`;
const spareMs = 3_600_000;

/** Each tenant has a sorted set: by acceptance, and of one moment by id. */
export function redisPages({ redis, script, policy }: RedisPagesParts): RedisPages {
  /** Without its texts. */
  async function copyNow(id: string): Promise<ListEntry["ticket"]> {
    const [record, ...rest] = (await redis.command(
      "HMGET",
      recordKey(id),
      "record",
      "revision",
      "claim",
    )) as readonly unknown[];
    try {
      const read = ticketInRecord([record, "", ...rest], policy);
      return read === null ? "gone" : presentCopy(read.ticket, script.nowMs(), policy);
    } catch (error) {
      // Newer code wrote it.
      if (error instanceof NotDone) return "away";
      throw error;
    }
  }

  /** As many as are wanted, or all that there are. */
  async function behind(tenant: string, after: ListPosition | null, most: number) {
    const from = after === null ? "+inf" : String(after.acceptedAtMs);
    const found: ListPosition[] = [];
    for (let offset = 0; ; offset += most) {
      const range = ["BYSCORE", "REV", "LIMIT", String(offset), String(most), "WITHSCORES"];
      const reply = await redis.command("ZRANGE", `${root}queue:tenant:${tenant}`, from, "-inf", ...range);
      const all = positionsIn(reply as readonly string[]);
      // Of the same moment some stand before the position.
      found.push(...all.filter((at) => after === null || compare(at, after) > 0));
      if (found.length >= most || all.length < most) return found;
    }
  }

  return {
    async tenantsOf({ tenant, known = [] }) {
      if (tenant !== null) return [tenant];
      const nowMs = script.nowMs();
      // Each with the moment at which its list is forgotten.
      const all = positionsIn(
        (await redis.command("ZRANGE", tenantsKey, "0", "-1", "WITHSCORES")) as readonly string[],
      );
      const gone = all.filter(({ acceptedAtMs: lastMs }) => lastMs < nowMs - spareMs).map(({ id }) => id);
      // One that comes back in this moment is noted again with its next ticket.
      if (gone.length > 0) redis.command("ZREM", tenantsKey, ...gone).catch(() => {});
      return [...new Set([...known, ...all.map(({ id }) => id)])];
    },

    async page(tenants, after, most) {
      const lists = await Promise.all(tenants.map((tenant) => behind(tenant, after, most)));
      const { first, isLast } = firstOfAll(lists, most);
      const entries = await Promise.all(first.map(async (at) => ({ ...at, ticket: await copyNow(at.id) })));
      return { entries, isLast, complete: true };
    },
  };
}

/** A sorted set's members and scores, in turn. */
function positionsIn(reply: readonly string[]): readonly ListPosition[] {
  return reply.flatMap((id, at) => (at % 2 === 0 ? [{ id, acceptedAtMs: Number(reply[at + 1]) }] : []));
}
