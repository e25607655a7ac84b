/** Between an instance and an object: time passes, words are lost either way, and whoever asks may die of it. */
import { StoreAway } from "../../src/gateway/ports.ts";
import { asAlive, die, type Life } from "./life.ts";
import { walks } from "./walk.ts";
import type { World } from "./world.ts";

/** An object of the platform: it lives when it is asked. */
export interface Target {
  readonly name: string;
  readonly life: () => Life;
}

export type Ask = <Reply>(
  from: Life,
  to: Target,
  verb: string,
  run: () => Reply | Promise<Reply>,
  limitMs?: number,
) => Promise<Reply>;

const patienceMs = 5_000;

/** @param mayDie is told that an instance has died of what it did */
export function createNetwork(world: World): Ask {
  const { scheduler, plan, strikes } = world;
  const random = world.random("network");

  function latencyMs(): number {
    if (strikes("slow_network")) return world.random("slowness").between(100, 20_000);
    return plan.shape === "process" ? 0 : random.between(1, 30);
  }

  return (from, to, verb, run, limitMs = patienceMs) => {
    const walk = walks.getStore();
    return new Promise((resolve, reject) => {
      const target = to.life();
      let isOver = false;
      const end = (tell: () => void) => {
        if (isOver) return;
        isOver = true;
        cancelLimit();
        target.onDeath.delete(lose);
        asAlive(scheduler, from, tell);
      };
      const lose = () => end(() => reject(new StoreAway(`${to.name} did not answer ${verb}`)));
      const answer = (tell: () => void) => scheduler.after(latencyMs(), () => end(tell));
      const cancelLimit = scheduler.after(limitMs, lose);

      if (mayDieNow(from, `before ${verb}`)) return;
      if (strikes("away_before")) return void scheduler.after(latencyMs(), lose);
      scheduler.after(latencyMs(), () =>
        walks.run(walk, () => void deliver(to, run, target, lose, answer, resolve, reject, from, verb)),
      );
    });
  };

  async function deliver<Reply>(
    to: Target,
    run: () => Reply | Promise<Reply>,
    asked: Life,
    lose: () => void,
    answer: (tell: () => void) => void,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
    from: Life,
    verb: string,
  ): Promise<void> {
    const target = to.life();
    if (plan.shape === "process" && target !== asked) return;
    target.onDeath.add(lose);
    try {
      const reply = await run();
      if (strikes("object_dies") && plan.shape === "objects") die(target);
      if (mayDieNow(from, `after ${verb}`)) return;
      if (strikes("away_after")) lose();
      else answer(() => resolve(reply));
    } catch (error) {
      answer(() => reject(error));
    }
  }

  function mayDieNow(life: Life, when: string): boolean {
    if (!life.isAlive || !strikes("crash_at_effect")) return false;
    world.note(life.name, `dies ${when}`);
    die(life);
    return true;
  }
}
