/** How fast the tickets go that waited for their provider. */
import { control, startService } from "./measure.ts";
import type { CommandAt, Running } from "./processes.ts";
import { keepTickets, openAiOn, until } from "./tickets.ts";
import { cpuNanoseconds } from "./usage.ts";

export interface Drain {
  /** From the provider's return to the first judgement: the breaker's probe has to come round. */
  readonly firstAfterMs: number;
  /** From the first judgement to the last. */
  readonly ticketsPerSecond: number;
  readonly cpuMicrosecondsPerTicket: number;
}

const limitSeconds = 120;

/**
 * Has tickets kept while the upstream is down, and lets it come back. @throws {Error} where they are not all judged, each with one good
 * answer
 */
export async function measureDrain(command: CommandAt, upstream: Running, tickets: number): Promise<Drain> {
  await control(upstream, "/__latency/0");
  await control(upstream, "/__status/503");
  const service = await startService(command);
  try {
    await keepTickets(service.origin, tickets);
    const isOpen = async () => (await openAiOn(service.origin)).state === "open";
    await until("the breaker opens", isOpen, limitSeconds);
    const goodBefore = (await control(upstream, "/__count")).count;
    const cpuBefore = cpuNanoseconds(service.pid);
    const judged = async () => (await control(upstream, "/__count")).count - goodBefore;
    const backAtMs = performance.now();
    await control(upstream, "/__status/200");
    await until("a first judgement", async () => (await judged()) > 0, limitSeconds);
    const firstAtMs = performance.now();
    await until("as many answers as tickets", async () => (await judged()) >= tickets, limitSeconds);
    await until("an empty queue", async () => (await openAiOn(service.origin)).waiting === 0, limitSeconds);
    const lastAtMs = performance.now();
    const calls = await judged();
    if (calls !== tickets) throw new Error(`${calls} good answers for ${tickets} tickets`);
    return {
      firstAfterMs: firstAtMs - backAtMs,
      ticketsPerSecond: (tickets / (lastAtMs - firstAtMs)) * 1000,
      cpuMicrosecondsPerTicket: (cpuNanoseconds(service.pid) - cpuBefore) / 1000 / tickets,
    };
  } finally {
    service.stop();
    await control(upstream, "/__status/200");
  }
}
