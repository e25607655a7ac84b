/**
 * Copies of tickets in a secondary store: what status and results show, never a text of the comparison. A copy may be behind or missing, and
 * is never the only trace of its ticket.
 */
import {
  decodeTicket,
  isEnded,
  isForgotten,
  type Ticket,
  type TicketCopy,
  type TicketPolicy,
} from "../../domain/ticket/ticket.ts";
import { mirrorRoot, type MirrorCommands } from "./mirror-commands.ts";

export interface TicketCopies {
  /** Unless what is there is as late, or later: in any order, and any number of times. @throws {MirrorAway} */
  write(ticket: Ticket, policy: TicketPolicy): Promise<void>;
  /** `null`: there is none, or it is forgotten, or newer code has written it. @throws {MirrorAway} */
  read(id: string, nowMs: number): Promise<TicketCopy | null>;
}

export function ticketCopies(commands: MirrorCommands): TicketCopies {
  return {
    async write(ticket, policy) {
      const { about, progress } = ticket;
      const forgetAtMs = Math.ceil(lastMoment(ticket, policy));
      const copy = JSON.stringify(copyOf(ticket));
      await commands.run([
        "EVAL",
        putIfLater,
        "1",
        keyOf(about.id),
        String(progress.events),
        copy,
        String(forgetAtMs),
      ]);
    },
    async read(id, nowMs) {
      const stored = await commands.run(["HGET", keyOf(id), "record"]);
      if (typeof stored !== "string") return null;
      const decoded = decodeTicket<TicketCopy>(parsed(stored));
      return decoded.kind === "known" && !isForgotten(decoded.value, nowMs) ? decoded.value : null;
    },
  };
}

/** Events are numbered without gaps, so their number is the version. One script is one step: two keys would not be. */
const putIfLater = `local known = redis.call('HGET', KEYS[1], 'events')
if known and tonumber(known) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'events', ARGV[1], 'record', ARGV[2])
redis.call('PEXPIREAT', KEYS[1], ARGV[3])
return 1`;

function keyOf(id: string): string {
  return `${mirrorRoot}queue:requests:${id}`;
}

/** Only what is shown: neither texts, nor who asked on whose behalf, nor where its end is told, nor what a claim is made with. */
function copyOf({ version, about, progress, state }: Ticket): TicketCopy {
  const { callback: _, ...shown } = about;
  const bare = { version, about: { ...shown, userId: null }, progress: { ...progress, lastPermit: null } };
  switch (state.status) {
    case "queued": {
      const { status, notBeforeMs, lastFailure } = state;
      return { ...bare, state: { status, notBeforeMs, lastFailure } };
    }
    case "processing": {
      const { status, lastFailure, claim } = state;
      return { ...bare, state: { status, lastFailure, claim: { ...claim, permit: "" } } };
    }
    case "completed":
    case "failed":
    case "expired":
      return { ...bare, state };
    case "cancelled":
      return { ...bare, state: { ...state, claim: null } };
  }
}

/** An unfinished ticket expires at the latest one lease after its time; then it is readable for the retention. */
function lastMoment({ about, state }: Ticket, { leaseMs, retentionMs }: TicketPolicy): number {
  return isEnded(state) ? state.forgetAtMs : about.expiresAtMs + leaseMs + retentionMs;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
