/**
 * What a ticket tells others, and when its alarm is to ring. Its gate is told what it must hear (`noticeOf`) until it has answered: by the verb,
 * and where that fails, by the alarm. A ticket that waits speaks to a distant gate unasked, too.
 */
import { gateHeard } from "../domain/ticket/moves.ts";
import type { Moved } from "../domain/ticket/steps.ts";
import { isEnded, type GateNotice, type Ticket } from "../domain/ticket/ticket.ts";
import { endedBy } from "../telemetry/ticket-events.ts";
import { createTeller, type Telling } from "./telling.ts";
import { againAtMs, createListening } from "./ticket-listeners.ts";
import type { AwayGate, TicketKeeperParts, TicketRules } from "./ticket-parts.ts";

export interface Notices {
  /** A move was stored: a gate in the same memory hears of it, and so do those who follow the ticket, or listen. */
  isStored(moved: Moved<unknown>): void;
  /** Tells a gate in the same memory how the ticket stands. */
  tellHere(ticket: Ticket): void;
  /** Tells a distant gate what it hasn't heard, one thing after another, so that the last one told is the last that happened. */
  tell(): Promise<void>;
  /** Tells those who listen beside the gate what they haven't heard. Never rejects. */
  tellOthers(): Promise<void>;
  /** @param isFollowed the follower is about to be brought the ticket, and needs no alarm */
  arm(ticket: Ticket, atMs: number, isFollowed: boolean): void;
  /** Sets the alarm that the ticket needs, if there is one. */
  armNow(): void;
  /** Has it been silent for so long that it is to speak up? */
  mustSpeakUp(ticket: Ticket, atMs: number): boolean;
}

/** A ticket that waits speaks to a distant gate as often, unasked: the gate may have lost its places, or have been set back to an earlier day. */
const speakUpMs = 600_000;

export function createNotices(parts: TicketKeeperParts, rules: TicketRules): Notices {
  const { row, setAlarm, gate, nowMs, later, onMoved, onEnd, follower, listeners = [] } = parts;
  const listening = createListening(listeners, row, () => notices.armNow());
  const tellGate =
    gate.kind === "here"
      ? null
      : createTeller(row, tellingOfGate(parts, gate, rules, listening.isUnheard), () => notices.armNow());

  /** When a distant gate is to hear of the ticket next: what it has not answered, or that the ticket still waits. */
  function noticeDueMs(ticket: Ticket, atMs: number): number {
    const silenceMs = silenceOf(ticket, atMs);
    const speakUpAtMs = atMs - silenceMs + (Math.floor(silenceMs / speakUpMs) + 1) * speakUpMs;
    return Math.min(
      rules.noticeOf(ticket) === null ? Infinity : againAtMs(silenceMs, atMs),
      isEnded(ticket.state) ? Infinity : speakUpAtMs,
    );
  }

  const notices: Notices = {
    isStored({ ticket, events }) {
      notices.tellHere(ticket);
      const ended = onEnd === undefined ? null : endedBy({ ticket, events });
      if (ended !== null) onEnd?.(ended);
      if (events.length > 0) onMoved?.(ticket);
      if (follower !== null && events.length > 0) later(follower.bring());
      if (listeners.length > 0) later(listening.tell());
    },
    tellHere(ticket) {
      if (gate.kind === "away") return;
      const notice = rules.noticeOf(ticket);
      if (notice !== null) gate.tell(ticket, notice);
    },
    tell: async () => await tellGate?.(),
    tellOthers: listening.tell,
    arm(ticket, atMs, isFollowed) {
      const dueMs = rules.ticketDueMs(ticket);
      const followerMs = isFollowed ? null : (follower?.dueMs() ?? null);
      const gateMs = gate.kind === "here" ? Infinity : noticeDueMs(ticket, atMs);
      setAlarm(Math.min(dueMs, gateMs, followerMs ?? Infinity, listening.dueMs(ticket, atMs)));
    },
    armNow() {
      const ticket = row.read();
      if (ticket !== null) notices.arm(ticket, nowMs(), false);
    },
    mustSpeakUp: (ticket, atMs) =>
      gate.kind === "away" && !isEnded(ticket.state) && silenceOf(ticket, atMs) >= speakUpMs,
  };
  return notices;
}

interface Word {
  readonly ticket: Ticket;
  readonly notice: GateNotice;
}

/** Its cursor is in the ticket's record. */
function tellingOfGate(
  { row, nowMs }: TicketKeeperParts,
  gate: AwayGate,
  rules: TicketRules,
  isUnheard: () => boolean,
): Telling<Word> {
  return {
    missing() {
      const ticket = row.read();
      const notice = ticket === null ? null : rules.noticeOf(ticket);
      return ticket === null || notice === null ? null : { ticket, notice };
    },
    say: ({ ticket, notice }) => gate.tell(ticket, notice, nowMs(), isUnheard()),
    note(open, { notice }) {
      const since = open.read();
      if (since === null) return;
      const heard = gateHeard(since, notice.event);
      if (heard !== since) open.write(heard, []);
    },
  };
}

/** Since something last happened to the ticket. */
function silenceOf({ progress }: Ticket, atMs: number): number {
  return Math.max(0, atMs - progress.updatedAtMs);
}
