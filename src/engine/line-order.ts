/** Tenants' lines in the order of their turns, kept as they change: whoever is next is at hand, however many wait. */
import type { TenantLine } from "../domain/gate/fair-order.ts";
import { sortedList } from "./sorted-list.ts";

export interface LineOrder {
  /** The line has come, changed or gone. Those with nobody who waits are not in the order. */
  put(tenant: string, line: Ranked | null): void;
  /** Virtual time is so much from now on: lines with a tag up to it are equal but for their age. */
  moveTo(virtualTime: number): void;
  /** In order, for as long as they are wanted. */
  each(isWanted: (tenant: string) => boolean): void;
  /** How many come before this one; 0: none, or it is not in the order. */
  before(tenant: string): number;
}

type Ranked = Pick<TenantLine, "waiting" | "startTag" | "sinceMs">;

interface Rank {
  readonly tenant: string;
  /** As it was put; `rank` is 0 where virtual time has come to it. */
  readonly startTag: number;
  readonly rank: number;
  readonly sinceMs: number;
}

/** As `comesBefore` says. */
function byRank(a: Rank, b: Rank): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.sinceMs !== b.sinceMs) return a.sinceMs - b.sinceMs;
  return a.tenant < b.tenant ? -1 : a.tenant > b.tenant ? 1 : 0;
}

export function lineOrder(): LineOrder {
  const ranks = sortedList(byRank);
  const known = new Map<string, Rank>();
  let virtualTime = 0;
  const rankOf = (startTag: number) => (startTag <= virtualTime ? 0 : startTag);

  function take(rank: Rank): void {
    ranks.remove(rank);
    known.delete(rank.tenant);
  }

  function add(rank: Rank): void {
    ranks.add(rank);
    known.set(rank.tenant, rank);
  }

  return {
    put(tenant, line) {
      const before = known.get(tenant);
      const isIn = line !== null && line.waiting > 0;
      if (isIn && before?.startTag === line.startTag && before.sinceMs === line.sinceMs) return;
      if (before !== undefined) take(before);
      if (!isIn) return;
      const { startTag, sinceMs } = line;
      add({ tenant, startTag, rank: rankOf(startTag), sinceMs });
    },
    moveTo(next) {
      if (next === virtualTime) return;
      const isBack = next < virtualTime;
      virtualTime = next;
      // It goes on from ticket to ticket, and comes to one line or few.
      const from = isBack ? 0 : ranks.before({ tenant: "", startTag: 0, rank: Number.MIN_VALUE, sinceMs: 0 });
      const moved: Rank[] = [];
      for (let at = from; at < ranks.values.length; at++) {
        const rank = ranks.values[at];
        if (rank === undefined || (!isBack && rank.rank > next)) break;
        if (rankOf(rank.startTag) !== rank.rank) moved.push(rank);
      }
      for (const rank of moved) take(rank);
      for (const rank of moved) add({ ...rank, rank: rankOf(rank.startTag) });
    },
    each(isWanted) {
      for (const { tenant } of ranks.values) if (!isWanted(tenant)) return;
    },
    before(tenant) {
      const rank = known.get(tenant);
      return rank === undefined ? 0 : ranks.before(rank);
    },
  };
}
