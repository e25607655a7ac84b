/** What must not be exceeded, by any provider. */
import type { ProviderFigures, Summary } from "./summary.ts";

/** `null`: anything will do. */
export interface Limits {
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
  readonly errorsPercent: number;
  readonly ticketsPercent: number | null;
}

export interface Verdict {
  readonly provider: string;
  /** As its flag is called. */
  readonly name: string;
  readonly found: number;
  readonly limit: number;
  readonly unit: "ms" | "%";
  readonly isKept: boolean;
}

/** One for each limit and provider. No arrival is no provider, and so no verdict. */
export function judgeLimits({ providers }: Summary, limits: Limits): readonly Verdict[] {
  return providers.flatMap((figures) =>
    kinds.flatMap(({ name, unit, limit, found }): readonly Verdict[] => {
      const most = limit(limits);
      if (most === null) return [];
      const value = found(figures);
      return [{ provider: figures.provider, name, found: value, limit: most, unit, isKept: value <= most }];
    }),
  );
}

interface Kind {
  readonly name: string;
  readonly unit: "ms" | "%";
  readonly limit: (limits: Limits) => number | null;
  readonly found: (figures: ProviderFigures) => number;
}

const kinds: readonly Kind[] = [
  ...(
    [
      ["p50", "p50Ms"],
      ["p95", "p95Ms"],
      ["p99", "p99Ms"],
      ["p99.9", "p999Ms"],
      ["max", "maxMs"],
    ] as const
  ).map(([name, key]): Kind => ({
    name,
    unit: "ms",
    limit: (limits) => limits[key],
    found: ({ all }) => all.latency?.[key] ?? 0,
  })),
  {
    name: "errors",
    unit: "%",
    limit: ({ errorsPercent }) => errorsPercent,
    found: ({ errorsPercent }) => errorsPercent,
  },
  {
    name: "tickets",
    unit: "%",
    limit: ({ ticketsPercent }) => ticketsPercent,
    found: ({ ticketsPercent }) => ticketsPercent,
  },
];
