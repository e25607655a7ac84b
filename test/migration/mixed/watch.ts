/** Looks at the breaker as both processes show it. While a vendor is down no probe can be good: once it is open it must stay so for both. */
import { setTimeout as pause } from "node:timers/promises";
import { ask } from "../../proofs/kill-cycles/answers.ts";

export interface Watched {
  /** Outages in which each process showed an open breaker. */
  readonly outages: number;
  readonly forgotten: readonly string[];
}

type State = "closed" | "open" | "half_open" | "unknown";

const betweenLooksMs = 50;
/** How long both may take to be asked and to answer on a busy machine: a look that was begun before the turn may end after it. */
const patienceMs = 5_000;

export function watchBreaker(origins: readonly string[]) {
  const forgotten: string[] = [];
  let outages = 0;

  async function look(process: number): Promise<State> {
    const { body } = await ask(`${origins[process]}/api/v1/providers`);
    const rows = (body["providers"] ?? []) as readonly { name: string; circuit_breaker_state: State }[];
    return rows.find(({ name }) => name === "openai")?.circuit_breaker_state ?? "unknown";
  }

  return {
    watched: (): Watched => ({ outages, forgotten }),

    /** To be called while the vendor is down and stays so. */
    async throughOutage(forMs: number): Promise<void> {
      const endsAtMs = performance.now() + forMs;
      const saw = new Set<number>();
      while (performance.now() < endsAtMs) {
        for (const process of origins.keys()) {
          const wasOpen = saw.size > 0;
          const state = await look(process);
          if (state === "open" || state === "half_open") saw.add(process);
          else if (wasOpen) forgotten.push(`outage ${outages + 1}: process ${process} shows it ${state}`);
        }
        await pause(betweenLooksMs);
      }
      if (saw.size === origins.length) outages++;
    },

    /** Until both show it closed. @throws {Error} where it stays open though the vendor is well */
    async untilClosed(): Promise<void> {
      const endsAtMs = performance.now() + patienceMs + 20_000;
      for (;;) {
        const states = await Promise.all(Array.from(origins.keys(), look));
        if (states.every((state) => state === "closed")) return;
        if (performance.now() > endsAtMs) throw new Error(`The breaker is still ${states.join(" and ")}`);
        await pause(betweenLooksMs);
      }
    },
  };
}
