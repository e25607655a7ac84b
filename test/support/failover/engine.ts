/** A store of tickets and their gates in memory, by the machines that the platforms ship. What it stored outlives it. */
import { memoryGateKeeper } from "../memory-gate.ts";
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import { gateLimits, ticketPolicy, type QueueSettings } from "../../../src/settings/limits.ts";
import { noticeOf, queueItemOf, type Ticket, type TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import {
  StoreAway,
  type ClaimedTicket,
  type Clock,
  type Gate,
  type Tickets,
} from "../../../src/gateway/ports.ts";
import type { GateKeeper } from "../../../src/engine/gate-keeper.ts";
import { look, lookIfDue, type GateOwner } from "../../../src/engine/gate-owner.ts";
import { memoryTickets } from "../memory-tickets.ts";

export interface Row {
  readonly ticket: Ticket;
  readonly events: readonly TicketEvent[];
  readonly isMoving: boolean;
}

export interface EngineParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly settings: QueueSettings;
  readonly rows: Map<string, Row>;
  /** Brings a ticket to a worker. */
  readonly send: (ticketId: string) => void;
  readonly onStored?: (ticket: Ticket) => void;
  /** Hears of all that is written. */
  readonly onWritten?: (ticket: Ticket, events: readonly TicketEvent[]) => void;
}

export interface Engine {
  readonly gate: (provider: ProviderName) => Gate;
  readonly tickets: Tickets;
  /** Claims a ticket that its gate has sent, in one step. `null`: not to be called for now */
  claimInTurn(id: string, permit: string): Promise<ClaimedTicket | null>;
  /** As if the settle had come at that moment. */
  settleAsOf(
    id: string,
    fence: number,
    outcome: Parameters<Tickets["settle"]>[2],
    atMs: number,
  ): ReturnType<Tickets["settle"]>;
  /** Takes one in as it is. */
  put(ticket: Ticket, events: readonly TicketEvent[]): void;
  tell(ticket: Ticket): void;
  remove(ticket: Ticket): void;
  /** Looks at all gates again. */
  look(): void;
  /** It is dead: no timer of it runs any more. */
  halt(): void;
  /** Its predecessor died with claims. */
  claimantsDied(): void;
}

export function createEngine({
  clock,
  random,
  settings,
  rows,
  send,
  onStored,
  onWritten,
}: EngineParts): Engine {
  const limits = gateLimits(settings);
  const policy = ticketPolicy(settings);
  const keepers = new Map<
    ProviderName,
    { keeper: GateKeeper; gate: Gate; owner: GateOwner; after: () => void }
  >();
  const alarms = new Map<string, () => void>();
  let isHalted = false;

  function arm(name: string, atMs: number | null, then: () => void): void {
    alarms.get(name)?.();
    alarms.delete(name);
    if (atMs === null || isHalted) return;
    alarms.set(
      name,
      clock.after(Math.max(1, atMs - clock.nowMs()), () => (isHalted ? undefined : then())),
    );
  }

  function of(provider: ProviderName) {
    const known = keepers.get(provider);
    if (known) return known;
    let reports = 0;
    const keeper = memoryGateKeeper(limits, clock, random);
    const owner: GateOwner = {
      send(ids) {
        for (const id of ids) clock.after(0, () => (isHalted ? undefined : send(id)));
      },
      askAfter(ids) {
        for (const id of ids) {
          const row = rows.get(id);
          if (row === undefined || row.isMoving) keeper.remove(id);
          else tell({ ...row.ticket, progress: { ...row.ticket.progress, gateHeard: 0 } });
        }
      },
      setAlarm: (atMs) => arm(provider, atMs, () => look(keeper, owner)),
    };
    function after(): void {
      if (!isHalted) lookIfDue(keeper, owner);
    }
    function then<T>(reply: T): T {
      after();
      return reply;
    }
    const gate: Gate = {
      enter: async (permit, whose) => then(keeper.enter(permit, whose)).admission,
      report: async (callReport) => then(keeper.exchange(`report-${++reports}`, [callReport])).others ?? null,
      estimate: async (ticketId) => keeper.estimate(ticketId),
      status: async () => keeper.status(),
      order: async (order) => then(keeper.order(order)),
    };
    const made = { keeper, gate, owner, after };
    keepers.set(provider, made);
    return made;
  }

  function tell(ticket: Ticket): void {
    const notice = noticeOf(ticket);
    const { keeper, after } = of(ticket.about.provider);
    if (notice?.kind === "enqueue") keeper.enqueue(queueItemOf(ticket), notice.notBeforeMs);
    if (notice?.kind === "requeue") keeper.requeue(queueItemOf(ticket), notice);
    if (notice?.kind === "remove") keeper.remove(ticket.about.id, notice.keptBytes);
    after();
  }

  const tickets = memoryTickets(
    clock,
    policy,
    random,
    {
      find(id) {
        const row = rows.get(id);
        if (row?.isMoving) throw new StoreAway("moving");
        return row?.ticket ?? null;
      },
      put(ticket, events) {
        const { id } = ticket.about;
        rows.set(id, { ticket, events: [...(rows.get(id)?.events ?? []), ...events], isMoving: false });
        onWritten?.(ticket, events);
      },
      remove: (id) => rows.delete(id),
      events: (id) => rows.get(id)?.events ?? [],
      all: () => Array.from(rows.values(), ({ ticket }) => ticket),
    },
    {
      tell(ticket) {
        tell(ticket);
        onStored?.(ticket);
      },
      admit({ provider, item }, notBeforeMs) {
        const { keeper, after } = of(provider);
        const admitted = keeper.admit(item, notBeforeMs);
        after();
        return admitted;
      },
      withdraw({ provider, item }) {
        const { keeper, after } = of(provider);
        keeper.withdraw(item);
        after();
      },
    },
  );

  function begin(ticket: Ticket): void {
    tell(ticket);
    tickets.keeperOf(ticket.about.id).arm();
  }

  for (const { ticket, isMoving } of rows.values()) if (!isMoving) begin(ticket);

  return {
    gate: (provider) => of(provider).gate,
    tickets: {
      ...tickets,
      async create(draft) {
        const created = await tickets.create(draft);
        if (created.kind === "kept") onStored?.(created.ticket);
        return created;
      },
    },
    settleAsOf: (id, fence, outcome, atMs) =>
      tickets.keeperOf(id, () => Math.min(atMs, clock.nowMs())).settle(fence, outcome),
    put(ticket, events) {
      const { id } = ticket.about;
      rows.set(id, { ticket, events: [...(rows.get(id)?.events ?? []), ...events], isMoving: false });
      onWritten?.(ticket, events);
      begin(ticket);
      onStored?.(ticket);
    },
    async claimInTurn(id, permit) {
      const taken = await tickets.keeperOf(id).claimInTurn(permit, (item, starter) => {
        const found = rows.get(id);
        if (found === undefined) throw new Error("a ticket is taken that is not there");
        const { keeper, after } = of(found.ticket.about.provider);
        const start = keeper.start(item, starter);
        after();
        return start;
      });
      return taken?.claimed ?? null;
    },
    tell,
    remove(ticket) {
      const { keeper, after } = of(ticket.about.provider);
      keeper.remove(ticket.about.id);
      tickets.disarm(ticket.about.id);
      after();
    },
    look() {
      if (isHalted) return;
      for (const { keeper, owner } of keepers.values()) look(keeper, owner);
    },
    halt() {
      isHalted = true;
      tickets.halt();
      for (const cancel of alarms.values()) cancel();
    },
    claimantsDied() {
      for (const [id, { ticket, isMoving }] of rows) {
        const { fence } = ticket.progress;
        if (isMoving || ticket.state.status !== "processing") continue;
        void tickets.keeperOf(id).claimantDied(fence, false);
      }
    },
  };
}
