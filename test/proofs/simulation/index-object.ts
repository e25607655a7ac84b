/** The index of one tenant's tickets, as `src/cloudflare/objects/tenant-index.ts` is one in SQLite. It may be away for minutes, and lose no row. */
import type { IndexQuery } from "../../../src/engine/index-list.ts";
import type { IndexEntry } from "../../../src/engine/ticket-index.ts";
import { compare } from "../../../src/engine/ticket-list.ts";
import { StoreAway, type ListPosition } from "../../../src/gateway/ports.ts";
import { createLife } from "./life.ts";
import type { Target } from "./network.ts";
import type { WallClock } from "./wall-clock.ts";
import type { World } from "./world.ts";

export interface IndexObject extends Target {
  note(entry: IndexEntry): void;
  page(query: IndexQuery): readonly ListPosition[];
  unheard(ids: readonly string[]): readonly string[];
}

export function createIndexObject(world: World, tenant: string, clock: WallClock): IndexObject {
  const name = `index of ${tenant}`;
  const rows = new Map<string, IndexEntry>();
  const isAway = drawAbsences(world);
  let life = createLife(name);

  /** Away it is silent, or has heard and says nothing. Sometimes it is so for tickets alone: what they say comes late. */
  function heard<Reply>(work: () => Reply, byTicket = false): Reply {
    const away = isAway();
    if (away === null || (away === "tickets" && !byTicket)) return work();
    if (world.random("absence of an index").chance(0.3)) work();
    throw new StoreAway(`${name} is away`);
  }

  return {
    name,
    life() {
      if (!life.isAlive) life = createLife(name);
      return life;
    },
    note: (entry) =>
      heard(() => {
        const known = rows.get(entry.id);
        if (known === undefined || entry.event > known.event) rows.set(entry.id, entry);
        world.note(name, `${entry.id.slice(0, 8)} is ${entry.status}`);
      }, true),
    page: ({ provider, status, after, most }) =>
      heard(() =>
        [...rows.values()]
          .filter((row) => row.forgetAtMs > clock.nowMs() && (provider === null || row.provider === provider))
          .filter((row) => status === null || row.status === "queued" || row.status === status)
          .filter((row) => after === null || compare(row, after) > 0)
          .toSorted(compare)
          .slice(0, most)
          .map(({ id, acceptedAtMs }) => ({ id, acceptedAtMs })),
      ),
    unheard: (ids) => heard(() => ids.filter((id) => !rows.has(id))),
  };
}

/** @returns for whom it is away now */
function drawAbsences({ plan, random, sinceStartMs }: World): () => "all" | "tickets" | null {
  if (!plan.rates.has("index_away")) return () => null;
  const dice = random("index_away");
  const absences = Array.from({ length: dice.between(1, 3) }, () => {
    const fromMs = dice.between(0, plan.healMs - 2_000);
    const untilMs = fromMs + dice.between(500, dice.pick([5_000, 120_000, 600_000]));
    const away = dice.pick(["all", "tickets", "tickets"] as const);
    return { away, fromMs, untilMs: Math.min(untilMs, plan.healMs - 1) };
  });
  return () => {
    const nowMs = sinceStartMs();
    return absences.find(({ fromMs, untilMs }) => fromMs <= nowMs && nowMs < untilMs)?.away ?? null;
  };
}
