/** The store of one process alone: what is stored outlives the process, each verb takes its time, and the process may die before and after it. */
import type { Clock } from "../../../../src/gateway/ports.ts";
import type { FallbackStore } from "../../../../src/stores/failover/fallback-store.ts";
import { emptyFile, memoryFallback, type FallbackFile } from "../../../support/failover/memory-fallback.ts";
import type { Row } from "../../../support/failover/engine.ts";
import { asAlive, die, type Life } from "../life.ts";
import { walks } from "../walk.ts";
import type { World } from "../world.ts";

/** @param onChange hears of each row that was written; `null`: there was none, or is none any more */
export function watchedFile(
  onChange: (id: string, before: Row | null, after: Row | null) => void,
): FallbackFile {
  const file = emptyFile();
  const { rows } = file;
  const { set, delete: remove } = Map.prototype;
  return {
    ...file,
    rows: Object.assign(rows, {
      set(id: string, row: Row) {
        const before = rows.get(id) ?? null;
        set.call(rows, id, row);
        onChange(id, before, row);
        return rows;
      },
      delete(id: string) {
        const before = rows.get(id) ?? null;
        const wasThere = remove.call(rows, id);
        if (before !== null) onChange(id, before, null);
        return wasThere;
      },
    }),
  };
}

export function localPart(world: World, life: Life, clock: Clock, file: FallbackFile): FallbackStore {
  const { scheduler, plan, strikes } = world;
  const random = world.random("disk");
  const store = memoryFallback(clock, world.random("local jitter").next, plan.settings, file, (take) =>
    slowly("claim here", take),
  );
  life.onDeath.add(store.halt);

  function dies(when: string): boolean {
    if (!life.isAlive || !strikes("crash_at_effect")) return false;
    world.note(life.name, `dies ${when}`);
    die(life);
    return true;
  }

  function slowly<Given extends readonly unknown[], Reply>(
    name: string,
    verb: (...given: Given) => Promise<Reply>,
  ): (...given: Given) => Promise<Reply> {
    return (...given) => {
      const walk = walks.getStore();
      return new Promise((resolve, reject) => {
        const back = (tell: () => void) => asAlive(scheduler, life, tell);
        const commit = async () => {
          if (dies(`before ${name}`)) return;
          try {
            const reply = await walks.run(walk, () => verb(...given));
            if (!dies(`after ${name}`)) back(() => resolve(reply));
          } catch (error) {
            back(() => reject(error));
          }
        };
        scheduler.after(random.between(0, 3), () => back(() => void commit()));
      });
    };
  }

  const { tickets, moves, notes } = store;
  return {
    ...store,
    tickets: {
      create: slowly("create here", tickets.create),
      load: slowly("load here", tickets.load),
      settle: slowly("settle here", tickets.settle),
      giveBack: slowly("give back here", tickets.giveBack),
      cancel: slowly("cancel here", tickets.cancel),
      list: slowly("list here", tickets.list),
      events: slowly("events here", tickets.events),
    },
    moves: {
      ...moves,
      keep: slowly("keep", moves.keep),
      mark: slowly("mark", moves.mark),
      moved: slowly("moved", moves.moved),
      stay: slowly("stay", moves.stay),
    },
    notes: {
      ...notes,
      spool: slowly("spool", notes.spool),
      unspool: slowly("unspool", notes.unspool),
      doubt: slowly("doubt", notes.doubt),
      undoubt: slowly("undoubt", notes.undoubt),
    },
  };
}
