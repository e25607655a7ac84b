/** One outage: tickets are kept while the upstream is down, and it comes back. */
import { cpus } from "node:os";
import { checkDrained } from "./drain-checks.ts";
import { roomySettings } from "./durable.ts";
import { control, numbersJudged, startService } from "./measure.ts";
import type { CommandAt, Running } from "./processes.ts";
import { keepInTurn, openAiOn, openBreaker, statusesOf, until } from "./tickets.ts";
import { cpuNanoseconds, machineBusyNanoseconds } from "./usage.ts";

export interface Drain {
  /** While the upstream is down, one after the other: so the order of acceptance is known. */
  readonly keptPerSecond: number;
  /** From the provider's return to the first judgement: the breaker's probe has to come round. */
  readonly firstAfterMs: number;
  /** From the first judgement until none waits. */
  readonly ticketsPerSecond: number;
  /** Of all processes of the service together, from the provider's return. */
  readonly cpuMicrosecondsPerTicket: number;
  /** See `checkDrained`. */
  readonly overtakenBy: number;
  /** Of the whole machine, what others than this run used from the provider's return on. */
  readonly foreignShare: number;
}

/** Tickets in flight at once: the service's default. */
export const concurrency = 8;
const faultsToOpen = 5;
const goodProbes = 2;

export const drainSettings = {
  ...roomySettings,
  QUEUE_CONCURRENCY: String(concurrency),
  LLM_MAX_RETRIES: "0",
  CIRCUIT_BREAKER_FAILURE_THRESHOLD: String(faultsToOpen),
  CIRCUIT_BREAKER_SUCCESS_THRESHOLD: String(goodProbes),
};

/** For the next judgement: longer than the lease of a ticket that was lost on its way. */
const patienceSeconds = 90;

/** @throws {Error} where the tickets don't end as `checkDrained` demands */
export async function measureDrain(command: CommandAt, upstream: Running, tickets: number): Promise<Drain> {
  await control(upstream, "/__status/503");
  const service = await startService(command);
  try {
    // Before there are tickets: they are only probed then, until the upstream is back.
    await openBreaker(service.origin, faultsToOpen);
    await numbersJudged(upstream);
    const keptFromMs = performance.now();
    const ids = await keepInTurn(service.origin, tickets);
    const keptMs = performance.now() - keptFromMs;
    const goodBefore = (await control(upstream, "/__count")).count;
    const judged = async () => (await control(upstream, "/__count")).count - goodBefore;
    const before = used(service);
    const backAtMs = performance.now();
    await control(upstream, "/__status/200");
    await until("a first judgement", async () => (await judged()) > 0, patienceSeconds);
    const firstAtMs = performance.now();
    await untilOver(service, judged, tickets);
    const lastAtMs = performance.now();
    const after = used(service);
    const found = {
      tickets,
      judged: await numbersJudged(upstream),
      statuses: await statusesOf(service.origin, ids),
    };
    return {
      keptPerSecond: (tickets / keptMs) * 1000,
      firstAfterMs: firstAtMs - backAtMs,
      ticketsPerSecond: (tickets / (lastAtMs - firstAtMs)) * 1000,
      cpuMicrosecondsPerTicket: (after.service - before.service) / 1000 / tickets,
      overtakenBy: checkDrained(found, { goodProbes, concurrency }),
      foreignShare: Math.max(0, after.others - before.others) / ((lastAtMs - backAtMs) * 1e6 * cpus().length),
    };
  } finally {
    service.stop();
    await control(upstream, "/__status/200");
  }
}

/** Until all are judged and none waits; or nothing happens any more, and what the tickets say of themselves tells why. */
async function untilOver(service: Running, judged: () => Promise<number>, tickets: number): Promise<void> {
  let most = 0;
  let movedAtMs = performance.now();
  await until(
    "an end",
    async () => {
      const count = await judged();
      if (count > most) {
        most = count;
        movedAtMs = performance.now();
      }
      if (performance.now() - movedAtMs > patienceSeconds * 1000) return true;
      return count >= tickets && (await openAiOn(service.origin)).waiting === 0;
    },
    Infinity,
  );
}

/** CPU time so far, in nanoseconds. */
function used(service: Running): { readonly service: number; readonly others: number } {
  // Service and upstream are children of this process.
  return {
    service: cpuNanoseconds(service.pid),
    others: machineBusyNanoseconds() - cpuNanoseconds(process.pid),
  };
}
