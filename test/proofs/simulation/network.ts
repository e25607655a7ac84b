/** Between an instance and an object: time passes, words are lost either way, and whoever asks may die of it. */
import { StoreAway } from "../../../src/gateway/ports.ts";
import { asAlive, die, type Life } from "./life.ts";
import { walks } from "./walk.ts";
import type { World } from "./world.ts";

/** An object of the platform: it lives when it is asked. */
export interface Target {
  readonly name: string;
  readonly life: () => Life;
}

/** @returns what `run` returned at the other end. Rejects with `StoreAway`, whether it was done or not. */
export type Ask = <Reply>(
  from: Life,
  to: Target,
  verb: string,
  run: () => Reply | Promise<Reply>,
  limitMs?: number,
) => Promise<Reply>;

const patienceMs = 5_000;

export function createNetwork(world: World): Ask {
  const { scheduler, plan, strikes } = world;
  const random = world.random("network");
  const isProcess = plan.shape === "process";

  function later(act: () => void): void {
    const isSlow = strikes("slow_network");
    const latencyMs = isSlow
      ? world.random("slowness").between(100, 20_000)
      : isProcess
        ? 0
        : random.between(1, 30);
    scheduler.after(latencyMs, act);
  }

  function dies(life: Life, when: string): boolean {
    if (!life.isAlive || !strikes("crash_at_effect")) return false;
    world.note(life.name, `dies ${when}`);
    die(life);
    return true;
  }

  return (from, to, verb, run, limitMs = patienceMs) => {
    const walk = walks.getStore();
    return new Promise((resolve, reject) => {
      const asked = to.life();
      let isOver = false;

      function end(tell: () => void): void {
        if (isOver) return;
        isOver = true;
        cancelLimit();
        asAlive(scheduler, from, tell);
      }
      const lose = () => end(() => reject(new StoreAway(`${to.name} did not answer ${verb}`)));
      const cancelLimit = scheduler.after(limitMs, lose);

      async function deliver(): Promise<void> {
        const target = to.life();
        // A call within a process ends with it.
        if (isProcess && target !== asked) return;
        target.onDeath.add(lose);
        try {
          const reply = await run();
          if (!isProcess && strikes("object_dies")) die(target);
          if (dies(from, `after ${verb}`)) return;
          if (strikes("away_after")) lose();
          else later(() => end(() => resolve(reply)));
        } catch (error) {
          later(() => end(() => reject(error)));
        } finally {
          target.onDeath.delete(lose);
        }
      }

      if (dies(from, `before ${verb}`)) return;
      if (strikes("away_before")) later(lose);
      else later(() => walks.run(walk, () => void deliver()));
    });
  };
}
