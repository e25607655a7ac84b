/** A process' own store in memory, as `src/node/sqlite/store.ts` is one in SQLite. */
import type { QueueSettings } from "../../../src/settings/limits.ts";
import { isForgotten } from "../../../src/domain/ticket/ticket.ts";
import { StoreAway, type ClaimedTicket, type Clock } from "../../../src/gateway/ports.ts";
import type { Use } from "../../../src/accounts/totals.ts";
import type { Doubtful, FallbackStore, Spooled } from "../../../src/stores/failover/fallback-store.ts";
import { memoryActions } from "../memory-actions.ts";
import { createEngine, type Row } from "./engine.ts";

/** What outlives a process. */
export interface FallbackFile {
  readonly rows: Map<string, Row>;
  readonly spool: Map<string, Spooled>;
  readonly doubtful: Map<string, Doubtful>;
  readonly totals: Map<string, Use>;
}

export function emptyFile(): FallbackFile {
  return { rows: new Map(), spool: new Map(), doubtful: new Map(), totals: new Map() };
}

/** The step in which a ticket that was sent is claimed; `null`: it was not to be. */
export type Take = (ticketId: string) => Promise<ClaimedTicket | null>;

export interface MemoryFallback extends FallbackStore {
  /** From now on nothing can be stored, or all can again. */
  fill(isFull: boolean): void;
  /** As a gate that has sent the ticket would. @throws {StoreAway} while the ticket moves */
  take(ticketId: string): Promise<ClaimedTicket | null>;
  /** The process is dead. */
  halt(): void;
}

export function memoryFallback(
  clock: Clock,
  random: () => number,
  settings: QueueSettings,
  file: FallbackFile,
  around: (take: Take) => Take = (take) => take,
): MemoryFallback {
  const { rows, spool, doubtful, totals } = file;
  let run: ((claimed: ClaimedTicket) => Promise<void>) | null = null;
  let permits = 0;
  let listener = () => {};
  let isFull = false;
  const working = new Set<Promise<void>>();
  const engine = createEngine({
    clock,
    random,
    settings,
    rows,
    send(ticketId) {
      if (run === null) return;
      const worker = work(ticketId, run)
        .catch((error: unknown) => {
          if (!(error instanceof StoreAway)) throw error;
        })
        .finally(() => working.delete(worker));
      working.add(worker);
    },
    onStored(ticket) {
      if (ticket.state.status !== "processing") listener();
    },
  });
  const takeNow = (ticketId: string) => engine.claimInTurn(ticketId, `local-${clock.nowMs()}-${++permits}`);
  const take = around(async (ticketId) => takeNow(ticketId));
  engine.claimantsDied();

  async function work(ticketId: string, runs: NonNullable<typeof run>): Promise<void> {
    const claimed = await take(ticketId);
    if (claimed !== null) await runs(claimed);
  }

  function mustStore(): void {
    if (isFull) throw new StoreAway("full");
  }

  return {
    gate: engine.gate,
    tickets: {
      ...engine.tickets,
      async create(draft) {
        mustStore();
        return await engine.tickets.create(draft);
      },
    },
    totals: {
      add(tenant, day, requests, costUsd) {
        const sum = totals.get(`${tenant} ${day}`) ?? { requests: 0, costUsd: 0 };
        totals.set(`${tenant} ${day}`, {
          tenant,
          day,
          requests: sum.requests + requests,
          costUsd: sum.costUsd + costUsd,
        });
      },
      of: async (tenant, day) => totals.get(`${tenant} ${day}`) ?? { requests: 0, costUsd: 0 },
      async take() {
        const all = [...totals.values()];
        totals.clear();
        return all;
      },
    },
    actions: memoryActions(),
    moves: {
      async keep(draft, doubtfulId) {
        mustStore();
        const { provider } = draft.about;
        if (doubtfulId !== null) doubtful.set(doubtfulId, { id: doubtfulId, provider });
        const created = await engine.tickets.create(draft);
        if (doubtfulId !== null && created.kind === "full") doubtful.delete(doubtfulId);
        return created;
      },
      whereabouts(id) {
        const row = rows.get(id);
        if (row === undefined) return "absent";
        return row.isMoving ? "moving" : "here";
      },
      frozen(id) {
        const row = rows.get(id);
        return row?.isMoving && !isForgotten(row.ticket, clock.nowMs()) ? row.ticket : null;
      },
      async mark(limit) {
        const all = [...rows].filter(
          ([, { ticket, isMoving }]) => isMoving || !("claim" in ticket.state && ticket.state.claim !== null),
        );
        const marked = all
          .toSorted(([, a], [, b]) => Number(b.isMoving) - Number(a.isMoving))
          .slice(0, limit);
        for (const [id, row] of marked) {
          rows.set(id, { ...row, isMoving: true });
          engine.remove(row.ticket);
        }
        return marked.map(([, { ticket, events, isMoving }]) => ({ ticket, events, isFresh: !isMoving }));
      },
      async moved(ids) {
        for (const id of ids) rows.delete(id);
      },
      async stay(ids) {
        for (const id of ids) {
          const row = rows.get(id);
          if (row === undefined) continue;
          engine.put(row.ticket, []);
        }
      },
      onMovable(then) {
        listener = then;
      },
    },
    notes: {
      async spool(spooled) {
        mustStore();
        const name = `${spooled.id} ${spooled.fence}`;
        if (!spool.has(name)) spool.set(name, spooled);
      },
      spooled: () => [...spool.values()],
      unspool: async ({ id, fence }) => void spool.delete(`${id} ${fence}`),
      doubt: async (doubt) => void doubtful.set(doubt.id, doubt),
      doubtful: () => [...doubtful.values()],
      undoubt: async (id) => void doubtful.delete(id),
    },
    start(runs) {
      run = runs;
      engine.look();
    },
    async rest() {
      run = null;
      await Promise.all(working);
    },
    async close() {
      engine.halt();
    },
    health: async () => ({
      trouble: isFull ? { error: "full", code: "SQLITE_FULL" } : null,
      latencyMs: 0,
    }),
    fill(full) {
      isFull = full;
    },
    take: takeNow,
    halt: engine.halt,
  };
}
