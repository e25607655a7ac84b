/**
 * Tickets in Redis. What the domain decides over a record that was read is written only if nobody has written since; a worker has read its
 * ticket when it took it, so that its settle is one round trip too.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { Start } from "../../domain/gate/queue.ts";
import type { WaitEstimate } from "../../domain/gate/view.ts";
import { acceptTicket, cancel, elapse, giveBack, settle, type Settled } from "../../domain/ticket/moves.ts";
import type { Moved } from "../../domain/ticket/steps.ts";
import {
  isEnded,
  isForgotten,
  newestTicketVersion,
  type Ticket,
  type TicketEvent,
  type TicketPolicy,
} from "../../domain/ticket/ticket.ts";
import { ticketMoved } from "../../domain/ticket/set-back.ts";
import {
  compare,
  listTickets,
  presentCopy,
  type ListEntry,
  type ListPage,
} from "../../engine/ticket-list.ts";
import {
  StoreAway,
  type ClaimedTicket,
  type Created,
  type Draft,
  type ListPosition,
} from "../../gateway/ports.ts";
import type { TicketEnded } from "../../telemetry/events.ts";
import { endedBy } from "../../telemetry/ticket-events.ts";
import { NotDone, type PrimaryTickets } from "../failover/primary-store.ts";
import type { ScriptRunner } from "./script-runner.ts";
import { root, type Redis } from "./redis.ts";
import { decodeEstimate } from "./codec.ts";
import { ticketInRecord, written, type Change, type Read } from "./ticket-record.ts";

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
  events(id: string): Promise<readonly TicketEvent[]>;
}

export interface RedisTicketsParts {
  readonly redis: Redis;
  readonly script: ScriptRunner;
  readonly policy: TicketPolicy;
  readonly newId: () => string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Hears whenever the texts of a ticket were erased. */
  readonly onErased?: () => void;
  /** Hears of a ticket's end, once that is stored. Absent: nobody does. */
  readonly onEnd?: (ended: TicketEnded) => void;
}

/** Tickets that are brought to the present in one go. */
const batch = 100;
/** Tickets that one list looks at. */
const mostSeen = 500;
/** Permits of unanswered calls that are remembered. */
const mostLost = 256;

export function redisTickets(parts: RedisTicketsParts): RedisTickets {
  const { redis, script, policy, newId, random } = parts;
  /** What this process holds claims of, as it read it. */
  const claims = new Map<string, { readonly read: Read; readonly untilMs: number }>();
  const lostPermits = new Map<ProviderName, readonly string[]>();

  async function readNow(id: string): Promise<Read | null> {
    const row = await redis.command("HMGET", keyOf(id), "record", "texts", "revision", "claim");
    return present(ticketInRecord(row as readonly unknown[], policy));
  }

  function present(read: Read | null): Read | null {
    return read === null || isForgotten(read.ticket, script.nowMs()) ? null : read;
  }

  /** What stands behind a position in a tenant's sorted set: by acceptance, and of one moment by id. */
  async function pageOf(tenant: string, after: ListPosition | null, most: number): Promise<ListPage> {
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
  }

  /** Without its texts. */
  async function copyNow(id: string): Promise<ListEntry["ticket"]> {
    const [record, ...rest] = (await redis.command(
      "HMGET",
      keyOf(id),
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

  /** One move of a ticket that is there, from what is known of it. Where it changes nothing, nothing is written. */
  async function change<Reply>(
    id: string,
    act: Change<Reply>,
    known: Read | null = null,
  ): Promise<(Moved<Reply> & { readonly revision: number }) | null> {
    let read = known ?? (await readNow(id));
    for (;;) {
      if (read === null) return null;
      const { ticket, revision } = read;
      const atMs = script.nowMs();
      const moved = act(ticket, atMs);
      if (moved.ticket === ticket) return { ...moved, revision };
      const { told, texts } = written(moved.ticket, moved.events, false);
      const call = { verb: "change", revision, atMs, ...told } as const;
      const [answer, ...row] = await script.atGate(ticket.about.provider, call, texts);
      if (answer === "stored") {
        if (isEnded(moved.ticket.state)) parts.onErased?.();
        const ended = endedBy(moved);
        if (ended !== null) parts.onEnd?.(ended);
        return { ...moved, revision: revision + 1 };
      }
      read = present(ticketInRecord(row, policy));
    }
  }

  async function end(id: string, act: Change<Settled>): Promise<Settled> {
    const moved = await change(id, act, claims.get(id)?.read ?? null);
    claims.delete(id);
    return moved?.reply ?? { kind: "stale" };
  }

  async function elapseOne(id: string): Promise<void> {
    await change(id, (ticket, nowMs) => elapse(ticket, nowMs, policy));
  }

  /** Until the store has answered, what was read with the claim is kept: a settle that failed is tried again. But not for ever. */
  function noteClaim(id: string, read: Read, untilMs: number): void {
    for (const [one, { untilMs: overMs }] of claims) {
      // Leases are as long as one another: who came first is over first.
      if (overMs > script.nowMs()) break;
      claims.delete(one);
    }
    claims.delete(id);
    claims.set(id, { read, untilMs });
  }

  async function create(draft: Draft): Promise<Created> {
    const { about, texts, spent, lastFailure, delayMs } = draft;
    const nowMs = script.nowMs();
    const accepted = acceptTicket(about, texts, spent, lastFailure, delayMs, nowMs, policy);
    const { told, texts: stored } = written(accepted.ticket, accepted.events, true);
    const call = { verb: "create", always: false, atMs: nowMs, ...told } as const;
    const [answer, ...rest] = await script.atGate(about.provider, call, stored);
    switch (answer) {
      case "again":
        return await create(draft);
      case "full":
        return { kind: "full" };
      case "stored":
        return { kind: "kept", ticket: accepted.ticket, estimate: estimateIn(rest[0]) };
      default: {
        const known = ticketInRecord(rest, policy);
        if (known === null) throw new StoreAway("It was withdrawn while it was under way");
        return { kind: "kept", ticket: known.ticket, estimate: null };
      }
    }
  }

  async function adopt(ticket: Ticket, events: readonly TicketEvent[]): Promise<void> {
    const atMs = script.nowMs();
    // Its moments are of this machine's clock.
    const { told, texts } = written(ticketMoved(ticket, script.aheadMs()), events, true);
    const call = { verb: "create", always: true, atMs, ...told } as const;
    const [answer, ...row] = await script.atGate(ticket.about.provider, call, texts);
    if (answer === "again") return await adopt(ticket, events);
    if (answer === "there" && ticketInRecord(row, policy) === null) {
      throw new NotDone("refused", "A ticket of this id was withdrawn");
    }
  }

  return {
    create,

    async load(id) {
      const moved = await change(id, (ticket, nowMs) => elapse(ticket, nowMs, policy));
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
      const moved = await change(id, (ticket, nowMs) => cancel(ticket, by, nowMs, policy));
      return moved?.ticket ?? null;
    },

    list: (query) => listTickets(query, mostSeen, (after, most) => pageOf(query.tenant, after, most)),

    async fetch(provider, most, inFlight = 0) {
      const lost = lostPermits.get(provider) ?? [];
      // None of them may be forgotten: with so many that are not answered for, nothing new is claimed.
      const permits = lost.length < mostLost ? Array.from({ length: most }, newId) : [];
      // Until it is answered, whatever it claims must be asked for again.
      lostPermits.set(provider, [...lost, ...permits]);
      const call = { verb: "take", permits, inFlight, lost, version: newestTicketVersion } as const;
      const rows = (await script.atGate(provider, call)) as readonly (readonly string[])[];
      lostPermits.delete(provider);
      const overdue = rows.filter((row) => row.length === 1).map(([id = ""]) => id);
      const fetched = rows.filter((row) => row.length > 1).map(claimedIn);
      const elapsed = await Promise.allSettled(overdue.map(elapseOne));
      const failed = elapsed.find(({ status }) => status === "rejected");
      // Those that were taken must be run, whatever became of the others: their time comes again.
      if (fetched.length === 0 && failed?.status === "rejected") throw failed.reason;
      return fetched;
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

    adopt,

    async withdraw(id, provider) {
      const [answer] = await script.atGate(provider, { verb: "withdraw", ticketId: id });
      return answer === "1";
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

  function claimedIn([
    id = "",
    record,
    texts,
    revision,
    late,
    started = "",
  ]: readonly string[]): ClaimedTicket {
    const read = ticketInRecord([record, texts, revision, late], policy);
    const start = JSON.parse(started) as Extract<Start, { kind: "call" }>;
    if (read === null || read.ticket.state.status !== "processing") {
      throw new Error(`ticket ${id} was claimed though it can't be`);
    }
    const { permit, leaseEndsAtMs } = read.ticket.state.claim;
    noteClaim(id, read, leaseEndsAtMs);
    const { fence } = read.ticket.progress;
    return {
      ticket: read.ticket,
      permit,
      epoch: start.epoch,
      fence,
      leaseLeftMs: leaseEndsAtMs - script.nowMs(),
    };
  }
}

function estimateIn(told: unknown): WaitEstimate | null {
  return told === "" ? null : decodeEstimate(JSON.parse(String(told)) as WaitEstimate);
}

/** A sorted set's members and scores, in turn. */
function positionsIn(reply: readonly string[]): readonly ListPosition[] {
  return reply.flatMap((id, at) => (at % 2 === 0 ? [{ id, acceptedAtMs: Number(reply[at + 1]) }] : []));
}

function keyOf(id: string): string {
  return `${root}queue:requests:${id}`;
}
