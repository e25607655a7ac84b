/** A run: arrivals at their rate, each followed to its answer, and tickets to their end. */
import { pace, type Plan } from "./arrivals.ts";
import type { LoadClock } from "./clock.ts";
import { comparisonBody, essayMaker } from "./comparisons.ts";
import type { Options } from "./options.ts";
import { outcomeOf, ticketEndOf, type Outcome, type TicketEnd } from "./outcome.ts";
import { whatBefell, type Service } from "./service.ts";

/** A comparison that was sent, and what came of it. */
export interface Arrival {
  /** Who answered; of what nobody answered: who was asked. */
  readonly provider: string;
  /** From the start of what counts. */
  readonly plannedMs: number;
  /** By how much this machine was late with it. */
  readonly lateMs: number;
  /** From the planned moment to the end of the answer, or to when it was given up. */
  readonly latencyMs: number;
  readonly outcome: Outcome;
  readonly correlationId: string | null;
  /** `null`: it is no ticket, or was not followed. */
  readonly end: TicketEnd | null;
}

export interface Run {
  /** In the order in which they were planned, without those of the warm-up. */
  readonly arrivals: readonly Arrival[];
  /** With the warm-up, and with what was asked after tickets. */
  readonly requests: number;
  readonly opened: number;
}

/** A ticket is asked after at least so often, and never more often than this. */
const mostBetweenMs = 10_000;
const leastBetweenMs = 500;

/**
 * @param asks the providers, in turn
 * @param stop ends arrivals and the following of tickets early; what is under way is waited for
 */
export async function run(
  options: Options,
  asks: readonly string[],
  service: Service,
  clock: LoadClock,
  stop: AbortSignal,
): Promise<Run> {
  const { rate, warmUpSeconds, seconds, mode, timeoutMs, followMs } = options;
  const warmUp = Math.round(rate * warmUpSeconds);
  const plan: Plan = { rate, count: Math.max(1, warmUp + Math.round(rate * seconds)) };
  const essay = essayMaker(options.characters);
  const arrivals: Promise<Arrival>[] = [];
  let startMs = 0;
  let followUntilMs = Number.POSITIVE_INFINITY;

  async function arrive(number: number, plannedMs: number): Promise<Arrival> {
    const asked = asks[number % asks.length] ?? "";
    const body = comparisonBody(number, options.providers.length === 0 ? null : asked, mode, essay);
    const lateMs = clock.nowMs() - plannedMs;
    let outcome: Outcome;
    let correlationId: string | null = null;
    try {
      const answer = await service.ask("POST", "/api/v1/comparison", timeoutMs - lateMs, body);
      outcome = outcomeOf(answer.status, answer.text);
      correlationId = answer.correlationId;
    } catch (error) {
      outcome = { kind: "failed", what: whatBefell(error) };
    }
    const latencyMs = clock.nowMs() - plannedMs;
    const end = outcome.kind === "kept" && followMs > 0 ? await follow(outcome) : null;
    const provider = outcome.kind === "failed" ? asked : outcome.provider;
    return { provider, plannedMs: plannedMs - startMs, lateMs, latencyMs, outcome, correlationId, end };
  }

  async function follow(ticket: Extract<Outcome, { kind: "kept" }>): Promise<TicketEnd> {
    let waitMs = ticket.retryAfterSeconds * 1_000;
    for (;;) {
      const leftMs = followUntilMs - clock.nowMs();
      if (leftMs <= 0 || stop.aborted) return { kind: "unended" };
      await clock.wait(Math.min(leftMs, mostBetweenMs, Math.max(leastBetweenMs, waitMs)), stop);
      try {
        const { status, text } = await service.ask("GET", ticket.resultsUrl, timeoutMs);
        const end = ticketEndOf(status, text);
        if (end.kind !== "waits") return end;
        waitMs = end.seconds * 1_000;
      } catch {
        waitMs = 1_000;
      }
    }
  }

  await pace(
    plan,
    clock,
    (number, plannedMs) => {
      if (number === warmUp) startMs = plannedMs;
      const arrival = arrive(number, plannedMs);
      if (number >= warmUp) arrivals.push(arrival);
    },
    stop,
  );
  followUntilMs = clock.nowMs() + followMs;
  return { arrivals: await Promise.all(arrivals), ...service.counts() };
}
