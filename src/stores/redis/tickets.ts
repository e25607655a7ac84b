/**
 * Tickets in Redis. What the domain decides over a record that was read is written only if nobody has written since; a worker has read its
 * ticket when it took it, so that its settle is one round trip too.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { cancel, elapse, giveBack, settle, type Settled } from "../../domain/ticket/moves.ts";
import { newestTicketVersion, type TicketEvent } from "../../domain/ticket/ticket.ts";
import { listTickets } from "../../engine/ticket-list.ts";
import type { ClaimedTicket } from "../../gateway/ports.ts";
import type { PrimaryTickets } from "../failover/primary-store.ts";
import { cancelledMessage, root, wakeChannel } from "./redis.ts";
import { redisCreation } from "./ticket-creation.ts";
import { redisFetches } from "./ticket-fetches.ts";
import { redisMoves, type RedisMovesParts } from "./ticket-moves.ts";
import { redisPages } from "./ticket-pages.ts";
import type { Change } from "./ticket-record.ts";
import { toldEnds, type ToldEndsParts } from "./told-ends.ts";

export interface RedisTickets extends PrimaryTickets {
  /**
   * Finds as many tickets as may be called for now, and claims them: at most so many, and no more than this process' share of what all may
   * have in flight, which is at least one more than it has.
   *
   * @param inFlight tickets that this process has in flight already; 0 unless told
   */
  fetch(provider: ProviderName, most: number, inFlight?: number): Promise<readonly ClaimedTicket[]>;
  /** Lets happen what time has brought to those whose time has come, however many they are. */
  elapseDue(): Promise<void>;
}

export interface RedisTicketsParts extends Omit<RedisMovesParts, "toldEnds">, ToldEndsParts {
  readonly newId: () => string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Tickets that are brought to the present in one go. */
const batch = 100;
/** Tickets that one list looks at. */
const mostSeen = 500;

export function redisTickets(parts: RedisTicketsParts): RedisTickets {
  const { redis, script, policy, random } = parts;
  const ends = toldEnds(parts);
  const move = redisMoves({ ...parts, toldEnds: ends });
  const pages = redisPages(parts);
  const { fetch, claims } = redisFetches({ ...parts, elapse: elapseOne });

  async function end(id: string, act: Change<Settled>): Promise<Settled> {
    const moved = await move(id, act, claims.of(id));
    claims.forget(id);
    return moved?.reply ?? { kind: "stale" };
  }

  async function elapseOne(id: string): Promise<void> {
    await move(id, (ticket, nowMs) => elapse(ticket, nowMs, policy));
  }

  return {
    ...redisCreation(script, policy, ends),
    fetch,

    async load(id) {
      const moved = await move(id, (ticket, nowMs) => elapse(ticket, nowMs, policy));
      return moved && moved.ticket;
    },

    settle: (id, fence, outcome) =>
      end(id, (ticket, nowMs) => settle(ticket, fence, outcome, nowMs, policy, random())),

    settleAsOf: (id, fence, outcome, atMs) =>
      end(id, (ticket, nowMs) => {
        // By Redis' clock, and neither of the future nor from before what was done last.
        const thereMs = Math.max(atMs + script.aheadMs(), ticket.progress.updatedAtMs);
        return settle(ticket, fence, outcome, Math.min(thereMs, nowMs), policy, random());
      }),

    giveBack: (id, fence, spent) => end(id, (ticket, nowMs) => giveBack(ticket, fence, nowMs, policy, spent)),

    async cancel(id, by) {
      const moved = await move(id, (ticket, nowMs) => cancel(ticket, by, nowMs, policy));
      const state = moved?.ticket.state;
      // Whichever process makes the call breaks it off. One that does not hear of it throws the verdict away: nobody waits for that.
      if (state?.status === "cancelled" && state.claim !== null)
        redis.command("PUBLISH", wakeChannel, cancelledMessage(id)).catch(() => {});
      return moved?.ticket ?? null;
    },

    async list(query) {
      const tenants = await pages.tenantsOf(query);
      return listTickets(query, mostSeen, (after, most) => pages.page(tenants, after, most));
    },

    async elapseDue() {
      for (;;) {
        const ids = (await script.call({
          verb: "due",
          limit: batch,
          version: newestTicketVersion,
        })) as readonly string[];
        await Promise.all(ids.map(elapseOne));
        if (ids.length < batch) return;
      }
    },

    async events(id) {
      const stored = (await redis.command(
        "LRANGE",
        `${root}queue:events:${id}`,
        "0",
        "-1",
      )) as readonly string[];
      return stored.map((event) => JSON.parse(event) as TicketEvent);
    },
  };
}
