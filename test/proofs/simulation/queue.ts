/** Brings tickets' ids to workers: late, twice, out of order, or never. */
import type { Worker } from "./instance.ts";
import { asAlive } from "./life.ts";
import { newWalk, walks } from "./walk.ts";
import type { LeaseWatch } from "./watch-leases.ts";
import type { World } from "./world.ts";

/** Tries of one message before it is dropped. */
const mostTries = 10;

/** @param worker one that takes messages now; `null`: none does */
export function createQueue(
  world: World,
  worker: () => Worker | null,
  leases: LeaseWatch,
): (ticketId: string) => void {
  const { scheduler, plan, strikes } = world;
  const random = world.random("queue");
  const isLocal = plan.shape === "process";

  function transitMs(): number {
    if (strikes("queue_delays")) return world.random("transit").between(1_000, 600_000);
    return isLocal ? 0 : random.between(1, 200);
  }

  function deliver(ticketId: string, tries: number): void {
    const instance = worker();
    const again = (delayMs: number) => {
      // A process that dies takes its queue with it.
      if (tries < mostTries && !isLocal) scheduler.after(delayMs, () => deliver(ticketId, tries + 1));
    };
    if (instance === null) return again(2_000);
    const { life } = instance;
    world.note("queue", `${ticketId.slice(0, 8)} to ${life.name}`);
    const lost = () => again(30_000);
    life.onDeath.add(lost);
    const walk = newWalk("work", ticketId, life.name, ticketId, scheduler.nowMs());
    async function work(instance: Worker): Promise<void> {
      try {
        await instance.work(ticketId);
      } catch (error) {
        instance.failed(error, walk);
        again(2 ** Math.min(tries, 6) * 1_000);
      } finally {
        life.onDeath.delete(lost);
        leases.over(walk, life);
      }
    }
    asAlive(scheduler, life, () => void walks.run(walk, () => work(instance)));
  }

  return (ticketId) => {
    if (strikes("queue_refuses")) return world.note("queue", `refuses ${ticketId.slice(0, 8)}`);
    if (strikes("queue_loses")) return world.note("queue", `loses ${ticketId.slice(0, 8)}`);
    scheduler.after(transitMs(), () => deliver(ticketId, 1));
    if (strikes("queue_doubles")) {
      const doubles = world.random("doubles");
      scheduler.after(doubles.between(0, doubles.pick([20, 60_000])), () => deliver(ticketId, 1));
    }
  };
}
