/** A tenant's tickets in Redis, as its lists show them: a page at a time, without their texts. */
import type { TicketPolicy } from "../../domain/ticket/ticket.ts";
import { compare, presentCopy, type ListEntry, type ListPage } from "../../engine/ticket-list.ts";
import type { ListPosition } from "../../gateway/ports.ts";
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

/** @returns what stands behind a position in a tenant's sorted set: by acceptance, and of one moment by id */
export function redisPages({
  redis,
  script,
  policy,
}: RedisPagesParts): (tenant: string, after: ListPosition | null, most: number) => Promise<ListPage> {
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

  return async (tenant, after, most) => {
    const from = after === null ? "+inf" : String(after.acceptedAtMs);
    const found: ListPosition[] = [];
    for (let offset = 0; ; offset += most) {
      const range = ["BYSCORE", "REV", "LIMIT", String(offset), String(most), "WITHSCORES"];
      const reply = await redis.command("ZRANGE", `${root}queue:tenant:${tenant}`, from, "-inf", ...range);
      const all = positionsIn(reply as readonly string[]);
      // Of the same moment some stand before the position.
      found.push(...all.filter((at) => after === null || compare(at, after) > 0));
      const isLast = all.length < most;
      if (found.length < most && !isLast) continue;
      const entries = await Promise.all(
        found.slice(0, most).map(async (at) => ({ ...at, ticket: await copyNow(at.id) })),
      );
      return { entries, isLast: isLast && found.length <= most, complete: true };
    }
  };
}

/** A sorted set's members and scores, in turn. */
function positionsIn(reply: readonly string[]): readonly ListPosition[] {
  return reply.flatMap((id, at) => (at % 2 === 0 ? [{ id, acceptedAtMs: Number(reply[at + 1]) }] : []));
}
