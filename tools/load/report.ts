/** The figures, for a terminal. */
import type { Verdict } from "./limits.ts";
import type { Options } from "./options.ts";
import type { Latency, Part, ProviderFigures, Summary, TicketFigures } from "./summary.ts";

export function reportOf(options: Options, summary: Summary, verdicts: readonly Verdict[]): string {
  const { rate, seconds, mode, characters, url } = options;
  const { providers, errors, slowest, late, requests, opened } = summary;
  return [
    `${rate} comparisons a second for ${seconds} s to ${url} (mode ${mode}, essays of ${characters} characters).`,
    "Milliseconds from the moment for which each was planned to the end of its answer.",
    "",
    ...table([["", "count", "share", "p50", "p95", "p99", "p99.9", "max"], ...providers.flatMap(rowsOf)]),
    "",
    ...(errors.length === 0 ? ["errors: none"] : errors.map(({ what, count }) => `error: ${what}: ${count}`)),
    `connections: ${opened} for ${requests} requests`,
    ...providers.filter(({ tickets }) => tickets.kept > 0).flatMap(ticketLines),
    ...slowest.map(
      ({ latencyMs, plannedMs, provider, correlationId }) =>
        `slow: ${ms(latencyMs)} ms, ${provider}, at ${(plannedMs / 1_000).toFixed(1)} s, correlation_id ${correlationId ?? "unknown"}`,
    ),
    ...lateLines(late),
    "",
    ...verdicts.map(
      ({ provider, name, found, limit, unit, isKept }) =>
        `${isKept ? "kept  " : "MISSED"}  ${provider}: ${name} ${unit === "ms" ? ms(found) : percent(found)} ${unit} of ${limit} ${unit}`,
    ),
  ].join("\n");
}

function rowsOf({ provider, all, judged, kept, failed }: ProviderFigures): readonly string[][] {
  const parts: readonly (readonly [string, Part])[] = [
    ["  judged (200)", judged],
    ["  tickets (202)", kept],
    ["  failed", failed],
  ];
  const there = parts.filter(([, { count }]) => count > 0);
  return [
    row(provider, all, all.count),
    // Of a single kind nothing is left to say but its name.
    ...there.map(([name, part]) =>
      there.length === 1 ? [name, "", percentOf(part, all)] : row(name, part, all.count),
    ),
  ];
}

function row(name: string, part: Part, of: number): string[] {
  const { latency } = part;
  if (latency === null) return [name, "0"];
  return [name, String(part.count), `${percent((100 * part.count) / of)} %`, ...figures(latency)];
}

function percentOf(part: Part, all: Part): string {
  return `${percent((100 * part.count) / all.count)} %`;
}

function figures({ p50Ms, p95Ms, p99Ms, p999Ms, maxMs }: Latency): string[] {
  return [p50Ms, p95Ms, p99Ms, p999Ms, maxMs].map(ms);
}

function ticketLines({ provider, tickets }: ProviderFigures): readonly string[] {
  const { kept, waited, judgedPerSecond } = tickets;
  return [
    `tickets of ${provider}: ${kept} kept, ${endsInWords(tickets)}`,
    ...(waited === null
      ? []
      : [
          `  in the queue by the service's clock: p50 ${ms(waited.p50Ms)} ms, p95 ${ms(waited.p95Ms)} ms, longest ${ms(waited.maxMs)} ms` +
            (judgedPerSecond === null ? "" : `; ${judgedPerSecond.toFixed(1)} judged a second`),
        ]),
  ];
}

function endsInWords({ judged, failed, unended, notFollowed }: TicketFigures): string {
  return [
    `${judged} judged`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(unended > 0 ? [`${unended} not over when nobody followed them any more`] : []),
    ...(notFollowed > 0 ? [`${notFollowed} not followed`] : []),
  ].join(", ");
}

/** Beyond this what is measured is this machine as well. */
const lateEnoughMs = 10;

function lateLines(late: Latency | null): readonly string[] {
  if (late === null) return [];
  const figures = `this machine sent late by: p50 ${ms(late.p50Ms)} ms, p99 ${ms(late.p99Ms)} ms, at most ${ms(late.maxMs)} ms`;
  return late.p99Ms <= lateEnoughMs
    ? [figures]
    : [figures, "  it could not keep that rate by itself: its own delays are in all figures above"];
}

function ms(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}

function percent(value: number): string {
  return value > 0 && value < 0.1 ? value.toFixed(3) : value.toFixed(1);
}

/** The first column to the left, the others to the right. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const columns = Math.max(...rows.map(({ length }) => length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 2),
      )
      .join("")
      .trimEnd(),
  );
}
