/** From all that came to the figures. Every latency is kept, so percentiles are exact: the value that so many of a hundred did not exceed. */
import type { Arrival, Run } from "./run.ts";

export interface Latency {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** One kind of outcome. */
export interface Part {
  readonly count: number;
  /** `null`: there is none. */
  readonly latency: Latency | null;
}

export interface ProviderFigures {
  readonly provider: string;
  /** Whatever came of them. */
  readonly all: Part;
  /** 200. */
  readonly judged: Part;
  /** 202. */
  readonly kept: Part;
  readonly failed: Part;
  /** Of all, refused, unanswered, or a ticket that was not judged as far as it was followed. */
  readonly errorsPercent: number;
  readonly ticketsPercent: number;
  readonly tickets: TicketFigures;
}

export interface TicketFigures {
  readonly kept: number;
  readonly judged: number;
  readonly failed: number;
  readonly unended: number;
  readonly notFollowed: number;
  /** From acceptance to judgement, by the service's clock; `null`: none was judged. */
  readonly waited: Latency | null;
  /** Judged in a second, from the first such end to the last; `null`: fewer than two. */
  readonly judgedPerSecond: number | null;
}

export interface Summary {
  /** By name. */
  readonly providers: readonly ProviderFigures[];
  /** By what they were, the most frequent first. */
  readonly errors: readonly { readonly what: string; readonly count: number }[];
  /** The slowest first, at most five. */
  readonly slowest: readonly Pick<Arrival, "plannedMs" | "latencyMs" | "correlationId" | "provider">[];
  /** Of this machine itself: how late it was with what it sent. */
  readonly late: Latency | null;
  readonly requests: number;
  readonly opened: number;
}

export function summaryOf({ arrivals, requests, opened }: Run): Summary {
  const byProvider = Map.groupBy(arrivals, ({ provider }) => provider);
  const errors = Map.groupBy(
    arrivals.map(errorOf).filter((what) => what !== null),
    (what) => what,
  );
  return {
    providers: [...byProvider]
      .map(([provider, itsArrivals]) => figuresOf(provider, itsArrivals))
      .toSorted((a, b) => (a.provider < b.provider ? -1 : 1)),
    errors: [...errors]
      .map(([what, all]) => ({ what, count: all.length }))
      .toSorted((a, b) => b.count - a.count || (a.what < b.what ? -1 : 1)),
    slowest: arrivals
      .toSorted((a, b) => b.latencyMs - a.latencyMs)
      .slice(0, 5)
      .map(({ plannedMs, latencyMs, correlationId, provider }) => ({
        plannedMs,
        latencyMs,
        correlationId,
        provider,
      })),
    late: latencyIn(arrivals.map(({ lateMs }) => lateMs)),
    requests,
    opened,
  };
}

/** @returns `null`: it is none */
export function errorOf({ outcome, end }: Arrival): string | null {
  switch (outcome.kind) {
    case "failed":
      return outcome.what;
    case "judged":
      return null;
    case "kept":
      if (end?.kind === "failed") return end.what;
      return end?.kind === "unended" ? "a ticket that had not ended" : null;
  }
}

function figuresOf(provider: string, arrivals: readonly Arrival[]): ProviderFigures {
  const of = (kind: Arrival["outcome"]["kind"]) =>
    partOf(arrivals.filter(({ outcome }) => outcome.kind === kind));
  const errors = arrivals.filter((arrival) => errorOf(arrival) !== null).length;
  const kept = of("kept");
  return {
    provider,
    all: partOf(arrivals),
    judged: of("judged"),
    kept,
    failed: of("failed"),
    errorsPercent: (100 * errors) / arrivals.length,
    ticketsPercent: (100 * kept.count) / arrivals.length,
    tickets: ticketFigures(arrivals),
  };
}

function partOf(arrivals: readonly Arrival[]): Part {
  return { count: arrivals.length, latency: latencyIn(arrivals.map(({ latencyMs }) => latencyMs)) };
}

function ticketFigures(arrivals: readonly Arrival[]): TicketFigures {
  const ends = arrivals.filter(({ outcome }) => outcome.kind === "kept").map(({ end }) => end);
  const judged = ends.filter((end) => end?.kind === "judged");
  const moments = judged.map(({ atMs }) => atMs).toSorted((a, b) => a - b);
  const tookMs = (moments.at(-1) ?? 0) - (moments[0] ?? 0);
  return {
    kept: ends.length,
    judged: judged.length,
    failed: ends.filter((end) => end?.kind === "failed").length,
    unended: ends.filter((end) => end?.kind === "unended").length,
    notFollowed: ends.filter((end) => end === null).length,
    waited: latencyIn(judged.map(({ waitedMs }) => waitedMs)),
    judgedPerSecond: tookMs > 0 ? ((moments.length - 1) * 1_000) / tookMs : null,
  };
}

/** @returns `null`: of nothing */
export function latencyIn(valuesMs: readonly number[]): Latency | null {
  if (valuesMs.length === 0) return null;
  const sorted = Float64Array.from(valuesMs).sort();
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) };
}
