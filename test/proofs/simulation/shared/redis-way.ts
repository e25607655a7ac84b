/** The way of a process to Redis: a call takes its time, comes late or never, and its answer may be lost. Whoever asks may die of it. */
import { StoreAway } from "../../../../src/gateway/ports.ts";
import { NotDone } from "../../../../src/stores/failover/primary-store.ts";
import { asAlive, die, type Life } from "../life.ts";
import { walks } from "../walk.ts";
import type { World } from "../world.ts";
import type { Phase, Troubles } from "./redis-phases.ts";

export interface Asker {
  readonly slot: number;
  readonly life: Life;
}

/** @returns what `execute` did. Rejects with `StoreAway` where that is not heard, whether it was done or not */
export type AskRedis = <Reply>(asker: Asker, verb: string, execute: () => Reply) => Promise<Reply>;

export interface WayParts {
  readonly world: World;
  readonly troubles: Troubles;
  /** How often it was started: what was under way when it ended is gone. */
  readonly starts: () => number;
  /** Something was done. @param by who waits for the answer; `null`: nobody does */
  readonly onDone: (by: Life | null) => void;
  /** A process has heard nothing of a call. */
  readonly onSilence: (slot: number) => void;
}

/** The longest that a call may take. */
const callMs = 300;

export function wayToRedis({ world, troubles, starts, onDone, onSilence }: WayParts): AskRedis {
  const { scheduler, strikes } = world;
  const { stateFor, phaseFor } = troubles;
  const random = world.random("way to redis");

  function dies(life: Life, when: string): boolean {
    if (!life.isAlive || isQuestion(when) || !strikes("crash_at_effect")) return false;
    world.note(life.name, `dies ${when}`);
    die(life);
    return true;
  }

  /** When what nobody waits for any more is done all the same; `null`: never. */
  function latenessMs(phase: Phase): number | null {
    const untilMs = Math.max(0, phase.untilMs - world.sinceStartMs());
    return random.pick([0, random.between(1_000, 10_000), untilMs + random.between(0, 2_000), null]);
  }

  function ask<Reply>({ slot, life }: Asker, verb: string, execute: () => Reply): Promise<Reply> {
    const walk = walks.getStore();
    const sentIn = starts();
    return new Promise((resolve, reject) => {
      if (!life.isAlive || dies(life, `before ${verb}`)) return;
      let isOver = false;
      const end = (tell: () => void) => {
        if (isOver) return;
        isOver = true;
        cancelLimit();
        asAlive(scheduler, life, tell);
      };
      const lose = (why: string) => end(() => reject(new StoreAway(`Redis ${why}: ${verb}`)));
      const cancelLimit = scheduler.after(callMs, () => {
        if (!life.isAlive) return;
        onSilence(slot);
        world.note(`way of ${life.name}`, `nothing is heard of ${verb}`);
        lose("has not answered in time");
      });

      function perform(): Reply {
        return walks.run(walk, () => {
          const reply = execute();
          onDone(isOver ? null : life);
          return reply;
        });
      }
      function performLate(phase: Phase): void {
        const afterMs = latenessMs(phase);
        if (afterMs === null) return;
        scheduler.after(afterMs, () => {
          if (sentIn !== starts()) return;
          world.note("redis", `does ${verb} of ${life.name}, which nobody awaits`);
          try {
            perform();
          } catch (error) {
            if (!(error instanceof StoreAway)) world.violate("no bugs", `redis: ${String(error)}`);
          }
        });
      }
      function arrive(): void {
        const phase = phaseFor(slot);
        if (sentIn !== starts() || stateFor(slot) === "away") return lose("has gone");
        if (phase !== undefined) return performLate(phase);
        let reply: Reply;
        try {
          reply = perform();
        } catch (error) {
          return end(() => reject(error));
        }
        if (dies(life, `after ${verb}`)) return;
        if (strikes("answer_lost")) return world.note("redis", `the answer to ${verb} is lost`);
        scheduler.after(latencyMs(), () => {
          const isLost = sentIn !== starts() || stateFor(slot) === "away";
          if (isLost) lose("has gone");
          else if (stateFor(slot) === "up") end(() => resolve(reply));
        });
      }

      switch (stateFor(slot)) {
        case "away":
          return void scheduler.after(1, () =>
            end(() => reject(new NotDone("not_connected", "Redis is not connected"))),
          );
        case "hangs": {
          const phase = phaseFor(slot);
          return phase && performLate(phase);
        }
        case "up":
          return void scheduler.after(latencyMs(), arrive);
      }
    });
  }

  function latencyMs(): number {
    return strikes("slow_network") ? world.random("slowness").between(100, 20_000) : random.between(1, 5);
  }

  return ask;
}

/** A start asks a number of them, and would hardly ever come to its end. */
function isQuestion(when: string): boolean {
  return / (PING|INFO|CONFIG|DEL)/.test(when);
}
