/** A bus that is away, for up to twenty minutes, or takes some of a batch and loses the answer. */
import type { Bus, BusEvent } from "../../../../src/push/bus.ts";
import { asAlive, type Life } from "../life.ts";
import type { World } from "../world.ts";

const minuteMs = 60_000;

/** @param onEvent hears of each event that has arrived */
export function busOf(world: World, onEvent: (event: BusEvent) => void): (life: Life) => Bus {
  const { plan, scheduler } = world;
  const random = world.random("bus");
  const absences = plan.rates.has("bus_away")
    ? Array.from({ length: random.between(1, 3) }, () => {
        const fromMs = random.between(0, plan.healMs);
        return { fromMs, untilMs: fromMs + random.between(1_000, 20 * minuteMs) };
      })
    : [];
  const isAway = () =>
    absences.some(({ fromMs, untilMs }) => fromMs <= world.sinceStartMs() && world.sinceStartMs() < untilMs);

  /** @returns how many it confirms, of those that it has */
  function take(events: readonly BusEvent[]): number {
    if (!isAway()) {
      for (const event of events) onEvent(event);
      return events.length;
    }
    // What it has and does not confirm comes again.
    const has = random.chance(0.3) ? random.between(0, events.length) : 0;
    for (const event of events.slice(0, has)) onEvent(event);
    return random.chance(0.5) ? has : 0;
  }

  return (life) => ({
    name: "http",
    publish: (events) =>
      new Promise((resolve) => {
        scheduler.after(random.between(1, 200), () => {
          const confirmed = take(events);
          const unsent = events.slice(confirmed);
          const afterMs = unsent.length === 0 ? 1 : random.pick([1, 15_000]);
          scheduler.after(afterMs, () =>
            asAlive(scheduler, life, () =>
              resolve(
                unsent.length === 0
                  ? { kind: "all" }
                  : { kind: "some", unsent, isAway: true, why: "away", retryAfterMs: null },
              ),
            ),
          );
        });
      }),
    close: () => Promise.resolve(),
  });
}
