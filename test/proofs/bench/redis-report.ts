/** The section about Redis as tables. */
import { emptyTake, scriptRun, type Calls } from "./redis-calls.ts";
import { setting, type Kept } from "./redis-keep.ts";
import type { Life } from "./redis-life.ts";
import { concurrency, crews, type Crew } from "./redis-world.ts";
import { shown, table } from "./report.ts";
import { figureOf } from "./statistics.ts";

export interface Round {
  readonly bare: Kept;
  readonly kept: ReadonlyMap<Crew, Kept>;
  readonly lives: ReadonlyMap<Crew, Life>;
}

/** What Redis is asked for each ticket: one ticket at a time, and all at once. */
export interface CallsOfCrew {
  readonly crew: Crew;
  readonly single: Calls;
  readonly many: Calls;
}

export function keptTable(rounds: readonly Round[]): string {
  const row = (name: string, keptIn: (round: Round) => Kept | undefined): string[] => {
    const cell = (read: (kept: Kept, round: Round) => number | null, digits: number) =>
      shownOver(
        rounds,
        (round) => {
          const kept = keptIn(round);
          return kept === undefined ? null : read(kept, round);
        },
        digits,
      );
    return [
      name,
      cell(({ result }) => result.requestsPerSecond, 0),
      cell(({ result }, { bare }) => result.requestsPerSecond / bare.result.requestsPerSecond, 2),
      cell(({ result }) => result.cpuMicrosecondsPerRequest, 0),
      cell(({ redisMicrosecondsEach }) => redisMicrosecondsEach, 0),
      cell(({ result }) => result.p50Ms, 1),
      cell(({ result }) => result.p99Ms, 1),
      cell(({ result }) => result.residentMegabytes, 0),
      cell(({ shareElsewhere }) => shareElsewhere * 100, 1),
    ];
  };
  const header = [
    "",
    "kept/s",
    "÷ bare",
    "CPU µs each",
    "Redis' CPU µs each",
    "p50 ms",
    "p99 ms",
    "resident MB",
    "kept in SQLite, %",
  ];
  const rows = [
    header,
    ...crews.map((crew) => row(nameOf(crew), ({ kept }) => kept.get(crew))),
    row("bare SET, 64 in flight", ({ bare }) => bare),
  ];
  const load = rounds.flatMap(({ bare, kept }) => [bare, ...kept.values()]);
  const foreign = figureOf(load.slice(1).map(({ result }) => result.foreignShare * 100));
  return [
    `### Comparisons kept in Redis (${setting.connections} connections, appendfsync always)`,
    "",
    table(rows),
    "",
    "All processes of the service share its core; Redis is with the upstream and the load generator. What Redis didn't confirm within 300 ms is in SQLite.",
    `Others used ${shown(foreign, 0)} % of the machine in the windows of the service.`,
    "",
  ].join("\n");
}

export function lifeTable(rounds: readonly Round[], tickets: number): string {
  const row = (crew: Crew): string[] => {
    const cell = (read: (life: Life, round: Round) => number, digits: number) =>
      shownOver(
        rounds,
        (round) => {
          const life = round.lives.get(crew);
          return life === undefined ? null : read(life, round);
        },
        digits,
      );
    return [
      nameOf(crew),
      cell((life) => life.ticketsPerSecond, 0),
      cell((life, { bare }) => life.ticketsPerSecond / bare.result.requestsPerSecond, 2),
      cell((life) => life.cpuMicrosecondsPerTicket, 0),
      cell((life) => life.redisMicrosecondsPerTicket, 0),
      cell((life) => life.firstAfterMs, 0),
      cell((life) => life.scriptsToKeep, 2),
      cell((life) => life.scriptsToJudge, 2),
    ];
  };
  const header = [
    "",
    "judged/s",
    "÷ bare",
    "CPU µs each",
    "Redis' CPU µs each",
    "first after ms",
    "scripts each: until kept",
    "then until judged",
  ];
  const missing = crews.some((crew) => rounds.some(({ lives }) => !lives.has(crew)));
  return [
    `### ${tickets} tickets in Redis that waited for their provider, ${concurrency} at once`,
    "",
    table([header, ...crews.map(row)]),
    "",
    ...(missing
      ? ["Where figures or rounds are missing Redis did not answer in time: the machine was too busy.", ""]
      : []),
  ].join("\n");
}

export function callsTable(calls: readonly CallsOfCrew[], tickets: number): string {
  if (calls.length === 0) return "";
  const columns = calls.flatMap(({ crew, single, many }) => [
    { name: `${processes(crew)}: one at a time`, calls: single },
    { name: `${processes(crew)}: ${tickets} at once`, calls: many },
  ]);
  const most = (name: string) => Math.max(...columns.map((column) => column.calls.get(name) ?? 0));
  const names = [...new Set(columns.flatMap((column) => [...column.calls.keys()]))].sort(
    (one, other) => most(other) - most(one),
  );
  const rows = names.map((name) => [
    meaning[name] === undefined ? `\`${name}\`` : `\`${name}\`: ${meaning[name]}`,
    ...columns.map((column) => (column.calls.get(name) ?? 0).toFixed(3)),
  ]);
  const sums = columns.map(({ calls }) =>
    [...calls].filter(([name]) => isCall(name)).reduce((sum, [, count]) => sum + count, 0),
  );
  return [
    "### Calls of Redis for each ticket, from its acceptance to its end",
    "",
    table([
      ["", ...columns.map(({ name }) => name)],
      ...rows,
      ["all calls, what goes in one run counted once", ...sums.map((sum) => sum.toFixed(2))],
    ]),
    "",
  ].join("\n");
}

/** Verbs of the script go in its runs. */
function isCall(name: string): boolean {
  return name === name.toUpperCase();
}

const meaning: Readonly<Record<string, string>> = {
  [scriptRun]: "a run of the script, with all that was asked in one moment",
  create: "kept",
  take: "found, and claimed, several at a time",
  [emptyTake]: "a take that found nothing",
  change: "settled, or brought to the present",
  exchange: "how calls went, told to the gate",
  enter: "a live call asks the gate",
  estimate: "where it stands",
  HMGET: "read",
};

function shownOver(rounds: readonly Round[], read: (round: Round) => number | null, digits: number): string {
  return shown(figureOf(rounds.map(read).filter((value) => value !== null)), digits);
}

function nameOf(crew: Crew): string {
  return `**this service**, ${processes(crew)}`;
}

function processes(crew: Crew): string {
  return crew === 1 ? "1 process" : `${crew} processes`;
}
