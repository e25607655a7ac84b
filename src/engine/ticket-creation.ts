/**
 * How a ticket comes to be: its gate is asked once, and admits it or is full. Where the gate is in the same memory, that and the row are one
 * step. A distant one is asked over these:
 *
 *   (nothing) --stored what is asked--> asked --admitted: stored whole--> the ticket
 *                                        |  +----full: erased-----------> (nothing)
 *                                        +--no answer in time, another life, 10 s--> withdrawn --the gate has heard: erased--> (nothing)
 *
 * Whoever asked for a ticket that is withdrawn was told that nothing is kept, or nothing at all; so there is no way back, and no second
 * question: an answer that comes late finds nobody, and a question that comes late is known to the gate as withdrawn. There is no ticket
 * before it is admitted: none can be claimed, found or settled. No text is stored before, either.
 */
import { isSameAcceptance } from "../domain/gate/queue.ts";
import type { Admitted } from "../domain/gate/view.ts";
import type { Moved } from "../domain/ticket/steps.ts";
import { isForgotten, queueItemOf, type Ticket } from "../domain/ticket/ticket.ts";
import { StoreAway, type Created, type Draft } from "../gateway/ports.ts";
import { againAtMs } from "./ticket-listeners.ts";
import type { Notices } from "./ticket-notices.ts";
import type {
  AdmissionQuestion,
  AwayGate as Away,
  Listener,
  OpenRow,
  TicketKeeperParts,
  TicketRules,
} from "./ticket-parts.ts";

export interface Creation {
  create(draft: Draft): Promise<Created>;
  /** When no gate is being asked any more. Never rejects. */
  answered(): Promise<void>;
  /** Takes back what another life has asked, if anything. Never rejects: what the gate hasn't heard, the alarm repeats. */
  withdraw(): Promise<void>;
  /** The alarm. @returns true: it rang for what is asked */
  ring(): Promise<boolean>;
}

/** From here on nobody waits for the answer any more. */
const longestAskMs = 10_000;

export function createCreation(parts: TicketKeeperParts, rules: TicketRules, notices: Notices): Creation {
  const { gate } = parts;
  switch (gate.kind) {
    case "here":
      return {
        create: (draft) => createHere(parts, gate, rules, notices, draft),
        answered: () => Promise.resolve(),
        withdraw: () => Promise.resolve(),
        ring: () => Promise.resolve(false),
      };
    case "away":
      return createAway(parts, gate, rules, notices);
  }
}

type Here = Extract<Listener, { kind: "here" }>;

async function createHere(
  parts: TicketKeeperParts,
  gate: Here,
  rules: TicketRules,
  notices: Notices,
  draft: Draft,
): Promise<Created> {
  const { row, nowMs, policy } = parts;
  const accepted = accept(draft, parts, rules);
  const asked = askedOf(accepted.ticket);
  const known = row.read();
  const isThere = known !== null && !isForgotten(known, nowMs());
  const admitted: Admitted = isThere
    ? { kind: "admitted", estimate: null }
    : gate.admit(asked, nowMs() + draft.delayMs);
  if (admitted.kind === "full") return admitted;
  const present = await row
    .change((open) => {
      const atMs = nowMs();
      const there = open.insert(accepted.ticket, accepted.events, atMs);
      const moved = there === null ? accepted : presentOf(open, there, atMs);
      notices.arm(moved.ticket, atMs, moved.events.length > 0);
      return moved;
    })
    .catch((error: unknown) => {
      if (!isThere) gate.withdraw(asked);
      throw error;
    });
  // Its gate has not been asked for that one, or not for the one that was there.
  if (isThere || present.ticket !== accepted.ticket) notices.isStored(present);
  return { kind: "kept", ticket: present.ticket, estimate: admitted.estimate };

  function presentOf(open: OpenRow, there: Ticket, atMs: number): Moved<null> {
    const moved = rules.moves.elapse(there, atMs, policy());
    if (moved.ticket !== there) open.write(moved.ticket, moved.events);
    return moved;
  }
}

/** What came of the first step towards a distant gate. */
type Begun =
  | { readonly kind: "there"; readonly present: Moved<null>; readonly isNew: boolean }
  | { readonly kind: "asking"; readonly accepted: Moved<null>; readonly asked: AdmissionQuestion };

function createAway(parts: TicketKeeperParts, gate: Away, rules: TicketRules, notices: Notices): Creation {
  const { row, setAlarm, nowMs, later } = parts;
  /** The gate is being asked, in this life. */
  let asking: Promise<Created> | null = null;
  const { withdraw, isUnderWay: isWithdrawing } = createWithdrawal(parts, gate);

  async function ask(draft: Draft): Promise<Created> {
    // One who comes with a key again asks for the same id. What is left of another life's question goes first.
    await withdraw();
    if (gate.asked.read() !== null) throw new StoreAway("What was asked before is not taken back yet");
    const begun = await begin(parts, gate, rules, notices, draft);
    if (begun.kind === "there") return thereAlready(begun);
    const { asked, accepted } = begun;
    const atMs = nowMs();
    const admitted = await gate.admit(asked, atMs + draft.delayMs, atMs).catch((error: unknown) => {
      later(withdraw());
      throw error;
    });
    if (admitted.kind === "admitted") return await keep(asked, accepted, admitted.estimate);
    await row.erase();
    return admitted;
  }

  async function thereAlready({ present, isNew }: Extract<Begun, { kind: "there" }>): Promise<Created> {
    if (isNew) notices.isStored(present);
    await notices.tell();
    return { kind: "kept", ticket: row.read() ?? present.ticket, estimate: null };
  }

  async function keep(
    asked: AdmissionQuestion,
    { ticket: accepted, events }: Moved<null>,
    estimate: Extract<Admitted, { kind: "admitted" }>["estimate"],
  ): Promise<Created> {
    // It has heard of the ticket by being asked.
    const ticket = rules.moves.gateHeard(accepted, accepted.progress.events);
    const isKept = await row.change((open) => {
      if (isWithdrawing() || !isSame(gate.asked.read(), asked)) return false;
      gate.asked.write(null);
      open.insert(ticket, events, nowMs());
      notices.arm(ticket, nowMs(), true);
      return true;
    });
    if (!isKept) throw new StoreAway("The gate has answered too late");
    notices.isStored({ ticket, events, reply: null });
    return { kind: "kept", ticket, estimate };
  }

  return {
    create(draft) {
      return (asking ??= ask(draft).finally(() => (asking = null)));
    },
    answered: async () => void (await asking?.catch(() => {})),
    async withdraw() {
      if (asking === null) await withdraw();
    },
    async ring() {
      const asked = gate.asked.read();
      if (asked === null) return false;
      const dueMs = asked.item.acceptedAtMs + longestAskMs;
      if (asking !== null && nowMs() < dueMs) setAlarm(dueMs);
      else await withdraw();
      return true;
    },
  };
}

/** Stores what is to be asked, unless there is a ticket already. */
function begin(
  parts: TicketKeeperParts,
  gate: Away,
  rules: TicketRules,
  notices: Notices,
  draft: Draft,
): Promise<Begun> {
  const { row, setAlarm, nowMs, policy } = parts;
  return row.change<Begun>((open) => {
    const atMs = nowMs();
    const known = open.read();
    if (known !== null && !isForgotten(known, atMs)) {
      const present = rules.moves.elapse(known, atMs, policy());
      const isNew = present.ticket !== known;
      if (isNew) open.write(present.ticket, present.events);
      notices.arm(present.ticket, atMs, present.events.length > 0);
      return { kind: "there", present, isNew };
    }
    const accepted = accept(draft, parts, rules);
    const asked = askedOf(accepted.ticket);
    gate.asked.write(asked);
    setAlarm(atMs + longestAskMs);
    return { kind: "asking", accepted, asked };
  });
}

interface Withdrawal {
  /** What is asked is being taken back: its answer, should it still come, is nobody's. */
  isUnderWay(): boolean;
  /** Tells the gate, and leaves nothing where that has heard. Never rejects. */
  withdraw(): Promise<void>;
}

function createWithdrawal({ row, setAlarm, nowMs }: TicketKeeperParts, gate: Away): Withdrawal {
  let telling: Promise<void> | null = null;

  async function tell(asked: AdmissionQuestion): Promise<void> {
    try {
      await gate.withdraw(asked);
      if (isSame(gate.asked.read(), asked)) await row.erase();
    } catch {
      // The alarm will tell it.
    } finally {
      // In the same breath: who comes from here on tells it anew.
      telling = null;
      const atMs = nowMs();
      if (gate.asked.read() !== null) setAlarm(againAtMs(atMs - asked.item.acceptedAtMs, atMs));
    }
  }

  return {
    isUnderWay: () => telling !== null,
    async withdraw() {
      const asked = gate.asked.read();
      if (asked !== null) await (telling ??= tell(asked));
    },
  };
}

function accept(
  { about, texts, spent, lastFailure, delayMs }: Draft,
  { nowMs, policy }: TicketKeeperParts,
  { moves }: TicketRules,
): Moved<null> {
  return moves.acceptTicket(about, texts, spent, lastFailure, delayMs, nowMs(), policy());
}

function askedOf(ticket: Ticket): AdmissionQuestion {
  return { version: 1, provider: ticket.about.provider, item: queueItemOf(ticket) };
}

function isSame(stored: AdmissionQuestion | null, asked: AdmissionQuestion): boolean {
  return stored !== null && isSameAcceptance(stored.item, asked.item);
}
