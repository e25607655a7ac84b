/** Tickets that this process fetches from Redis: found and claimed there in one, and known here until they are settled. */
import type { Start } from "../../domain/gate/queue.ts";
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { newestTicketVersion, type TicketPolicy } from "../../domain/ticket/ticket.ts";
import type { ClaimedTicket } from "../../gateway/ports.ts";
import type { ScriptRunner } from "./script-runner.ts";
import { ticketInRecord, type Read } from "./ticket-record.ts";

export interface RedisFetchesParts {
  readonly script: ScriptRunner;
  readonly policy: TicketPolicy;
  readonly newId: () => string;
  /** Brings a ticket to the present. */
  readonly elapse: (id: string) => Promise<void>;
}

export interface RedisFetches {
  /** See `RedisTickets`. */
  fetch(provider: ProviderName, most: number, inFlight?: number): Promise<readonly ClaimedTicket[]>;
  readonly claims: KnownClaims;
}

/** What this process holds claims of, as it read it. */
interface KnownClaims {
  /** `null`: it holds none of this ticket. */
  of(id: string): Read | null;
  note(id: string, read: Read, untilMs: number): void;
  forget(id: string): void;
}

/** Permits of unanswered calls that are remembered. */
const mostLost = 256;

export function redisFetches({ script, policy, newId, elapse }: RedisFetchesParts): RedisFetches {
  const claims = knownClaims(script.nowMs);
  const lostPermits = new Map<ProviderName, readonly string[]>();

  async function fetch(
    provider: ProviderName,
    most: number,
    inFlight = 0,
  ): Promise<readonly ClaimedTicket[]> {
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
    const elapsed = await Promise.allSettled(overdue.map(elapse));
    const failed = elapsed.find(({ status }) => status === "rejected");
    // Those that were taken must be run, whatever became of the others: their time comes again.
    if (fetched.length === 0 && failed?.status === "rejected") throw failed.reason;
    return fetched;
  }

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
    claims.note(id, read, leaseEndsAtMs);
    const { fence } = read.ticket.progress;
    return {
      ticket: read.ticket,
      permit,
      epoch: start.epoch,
      fence,
      leaseLeftMs: leaseEndsAtMs - script.nowMs(),
    };
  }

  return { fetch, claims };
}

function knownClaims(nowMs: () => number): KnownClaims {
  const claims = new Map<string, { readonly read: Read; readonly untilMs: number }>();
  return {
    of: (id) => claims.get(id)?.read ?? null,
    /** Until the store has answered, what was read with the claim is kept: a settle that failed is tried again. But not for ever. */
    note(id, read, untilMs) {
      for (const [one, { untilMs: overMs }] of claims) {
        // Leases are as long as one another: who came first is over first.
        if (overMs > nowMs()) break;
        claims.delete(one);
      }
      claims.delete(id);
      claims.set(id, { read, untilMs });
    },
    forget: (id) => void claims.delete(id),
  };
}
