/** A store that several processes share, in memory, behind links that fail on demand. */
import { beginKeyed, endKeyed, ownsKey, type Keyed } from "../../../src/domain/idempotency.ts";
import type { QueueSettings } from "../../../src/settings/limits.ts";
import type { Ticket } from "../../../src/domain/ticket/ticket.ts";
import { StoreAway, type ClaimedTicket, type Clock } from "../../../src/gateway/ports.ts";
import { NotDone, type PrimaryStore } from "../../../src/stores/failover/primary-store.ts";
import { memoryActions } from "../memory-actions.ts";
import { memoryFeed } from "../memory-feed.ts";
import { createEngine, type Row } from "./engine.ts";

/** What becomes of a call. `unheard`: it is not done; `unanswered`: it is, and nobody learns it; `late`: likewise, long after it was given up. */
export type Fate = "answered" | "refused" | "not_connected" | "unheard" | "unanswered" | "late";

export interface PrimaryServer {
  readonly rows: Map<string, Row>;
  readonly keys: Map<string, Keyed>;
  readonly totals: Map<string, { requests: number; costUsd: number }>;
  /** What it says of its settings. */
  readonly warnings: string[];
  /** Claims a ticket for nobody. @returns its token */
  claim(id: string): Promise<number>;
  /** A process' way to it. @param fate decides each call, by its name */
  connect(fate: (verb: string) => Fate, way?: Way): Link;
}

interface Way {
  /** Of the process: it stops with it. */
  readonly clock: Clock;
  /** Of one call, there and back, in milliseconds. */
  readonly latencyMs: () => number;
}

export interface Link extends PrimaryStore {
  /** Calls that were sent, by name. */
  readonly asked: string[];
  /** The process is dead: it gets no ticket any more, and sends nothing. */
  cut(): void;
}

/** What a call costs that nobody answers. */
const awayMs = 300;
const lateMs = 1_500;

export function primaryServer(clock: Clock, random: () => number, settings: QueueSettings): PrimaryServer {
  const rows = new Map<string, Row>();
  const keys = new Map<string, Keyed>();
  const totals = new Map<string, { requests: number; costUsd: number }>();
  const actions = memoryActions();
  const feed = memoryFeed(clock.nowMs, (id) => rows.get(id)?.ticket);
  const warnings: string[] = [];
  const fetchers: ((ticket: Ticket) => boolean)[] = [];
  let turn = 0;
  let permits = 0;
  const engine = createEngine({
    clock,
    random,
    settings,
    rows,
    onWritten: feed.written,
    send(ticketId) {
      const row = rows.get(ticketId);
      if (row === undefined) return;
      // One after the other; who can't be reached leaves it to the next. Nobody: it waits again after 30 s.
      for (let tried = 0; tried < fetchers.length; tried++) {
        if (fetchers[turn++ % fetchers.length]?.(row.ticket)) return;
      }
    },
  });

  function connect(fate: (verb: string) => Fate, way: Way = { clock, latencyMs: () => 0 }): Link {
    const asked: string[] = [];
    let run: ((claimed: ClaimedTicket) => Promise<void>) | null = null;
    let isPaused = false;
    let isCut = false;
    const working = new Set<Promise<void>>();

    function ask<Reply>(verb: string, act: () => Reply | Promise<Reply>): Promise<Reply> {
      if (isCut) return new Promise(() => {});
      asked.push(verb);
      const is = fate(verb);
      switch (is) {
        case "answered":
          return overTheWay(act);
        case "refused":
        case "not_connected":
          return Promise.reject(new NotDone(is, is));
        case "unheard":
        case "unanswered":
        case "late":
          if (is === "unanswered") void Promise.resolve(act()).catch(() => {});
          if (is === "late") clock.after(lateMs, () => void Promise.resolve(act()).catch(() => {}));
          return new Promise((_, reject) => {
            way.clock.after(awayMs, () => reject(new StoreAway(is)));
          });
      }
    }

    /** The process may die while a call, or its answer, is on the way. */
    function overTheWay<Reply>(act: () => Reply | Promise<Reply>): Promise<Reply> {
      const halfMs = way.latencyMs() / 2;
      if (halfMs === 0) return Promise.resolve(act());
      return new Promise((resolve, reject) => {
        clock.after(halfMs, () => {
          const reply = Promise.resolve().then(act);
          way.clock.after(halfMs, () => void reply.then(resolve, reject));
          reply.catch(() => {});
        });
      });
    }

    function take(ticket: Ticket): boolean {
      if (run === null || isPaused || isCut || fate("take") !== "answered") return false;
      const worker = begin(ticket, run).finally(() => working.delete(worker));
      working.add(worker);
      return true;
    }
    fetchers.push(take);

    async function begin(ticket: Ticket, worker: NonNullable<typeof run>): Promise<void> {
      const claimed = await engine.claimInTurn(ticket.about.id, `shared-${++permits}`);
      if (claimed !== null && !isCut) await worker(claimed);
    }

    return {
      asked,
      gate(provider) {
        const gate = engine.gate(provider);
        return {
          enter: (permit, whose) =>
            ask("enter", () => gate.enter(permit, whose)).catch(() => ({
              kind: "call",
              epoch: null,
              probe: null,
            })),
          report: (callReport) => ask("report", () => gate.report(callReport)).catch(() => null),
          estimate: (id) => ask("outlook", () => gate.estimate(id)),
          status: () => ask("overview", gate.status),
          order: (order) => ask("order", () => gate.order(order)),
        };
      },
      tickets: {
        create: (draft) => ask("create", () => engine.tickets.create(draft)),
        load: (id) => ask("load", () => engine.tickets.load(id)),
        settle: (...given) => ask("settle", () => engine.tickets.settle(...given)),
        giveBack: (...given) => ask("giveBack", () => engine.tickets.giveBack(...given)),
        list: (query) => ask("list", () => engine.tickets.list(query)),
        events: (id) => ask("events", () => engine.tickets.events(id)),
        cancel: (...given) => ask("cancel", () => engine.tickets.cancel(...given)),
        adopt: (ticket, events) =>
          ask("adopt", () => {
            if (ticket.state.status === "processing") throw new Error("a claimed ticket must not move");
            if (!rows.has(ticket.about.id)) engine.put(ticket, events);
          }),
        settleAsOf: (...given) => ask("settleAsOf", () => engine.settleAsOf(...given)),
        withdraw: (id) =>
          ask("withdraw", () => {
            const row = rows.get(id);
            if (row === undefined) return true;
            if (row.ticket.progress.fence > 0) return false;
            rows.delete(id);
            engine.remove(row.ticket);
            return true;
          }),
      },
      keys: {
        begin: (name, requestSha256, queueId, leaseMs) =>
          ask("begin", () => {
            const begun = beginKeyed(keys.get(name) ?? null, requestSha256, queueId, leaseMs, clock.nowMs());
            keys.set(name, begun.record);
            return begun.reply;
          }),
        end: (name, fence, end) =>
          ask("end", () => {
            const known = keys.get(name) ?? null;
            const record = endKeyed(known, fence, end);
            if (record === null) keys.delete(name);
            else keys.set(name, record);
            return ownsKey(known, fence);
          }),
      },
      actions: {
        note: (action) => ask("note action", () => actions.note(action)),
        latest: (most) => ask("latest actions", () => actions.latest(most)),
      },
      feed: { page: (...asked) => ask("feed", () => feed.page(...asked)) },
      totals: {
        add(tenant, day, requests, costUsd) {
          const sum = totals.get(`${tenant} ${day}`) ?? { requests: 0, costUsd: 0 };
          totals.set(`${tenant} ${day}`, {
            requests: sum.requests + requests,
            costUsd: sum.costUsd + costUsd,
          });
        },
        of: (tenant, day) =>
          ask("totals", () => totals.get(`${tenant} ${day}`) ?? { requests: 0, costUsd: 0 }),
        flush: () => ask("flush", () => undefined),
      },
      start(worker) {
        run = worker;
        engine.look();
      },
      pause() {
        isPaused = true;
      },
      resume() {
        isPaused = false;
        engine.look();
      },
      async rest() {
        run = null;
        await Promise.all(working);
      },
      close: async () => {},
      health: () => ask("health", () => ({ latencyMs: 0, trouble: null, warnings: [...warnings] })),
      cut() {
        isCut = true;
      },
    };
  }

  return {
    rows,
    keys,
    totals,
    warnings,
    connect,
    async claim(id) {
      const claimed = await engine.claimInTurn(id, `nobody-${++permits}`);
      if (claimed === null) throw new Error("it can't be claimed");
      return claimed.fence;
    },
  };
}
