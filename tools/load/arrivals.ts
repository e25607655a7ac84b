/** The open loop: what comes, comes when it was planned, whatever has been answered until then. Waiting for an answer before the next one is sent would leave out just what a slow service makes others wait (coordinated omission). */
import type { LoadClock } from "./clock.ts";

export interface Plan {
  /** Arrivals a second, evenly spread. */
  readonly rate: number;
  readonly count: number;
}

/** When the arrival of that number (from 0) is planned, in milliseconds from the start. */
export function plannedAtMs(number: number, { rate }: Pick<Plan, "rate">): number {
  return (number * 1_000) / rate;
}

/**
 * Calls `send` for each arrival as soon as it is due. What has become due meanwhile, as this machine was late, is sent at once, all of it.
 *
 * @param send must not throw
 * @returns how many were sent: fewer than planned where `stop` ended it
 */
export async function pace(
  plan: Plan,
  clock: LoadClock,
  send: (number: number, plannedMs: number) => void,
  stop: AbortSignal,
): Promise<number> {
  const startMs = clock.nowMs();
  let sent = 0;
  while (sent < plan.count && !stop.aborted) {
    const dueMs = startMs + plannedAtMs(sent, plan);
    const leftMs = dueMs - clock.nowMs();
    if (leftMs > 0) await clock.wait(leftMs, stop);
    else send(sent++, dueMs);
  }
  return sent;
}
