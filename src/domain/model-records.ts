/**
 * How a gate's models have answered lately: what decides whether somebody else is served. At most 64 models, and no more than the gate's
 * state has room for: each is one text; first those that have never answered, then the others, the model that was heard of last at the end of
 * its kind. The first ones are forgotten first. A model that is forgotten has served nobody.
 */

export interface ModelRecord {
  /** The latest answers to two different comparisons, newest first: whoever asks, one of them is another's. */
  readonly answers: readonly Answered[];
  /** `null`: no judgement of it is known. */
  readonly judgedAtMs: number | null;
  /** The last calls that were answered or were faults, oldest first, at most 20: `1` a fault. */
  readonly calls: string;
}

export interface Answered {
  /** 16 hex digits. */
  readonly comparison: string;
  readonly atMs: number;
}

/** `model answers judged calls`, divided by blanks. */
export type ModelRecords = readonly string[];

const mostModels = 64;
/** Characters of all records together: the gate's state stays below 8 KB with them. */
const mostCharacters = 2_600;
const mostCalls = 20;
/** Of moments. Not 36: what is compiled for Redis reads no `u` (typescript-to-lua 1.37.1 leaves it out of its digits). */
const radix = 30;
const none: ModelRecord = { answers: [], judgedAtMs: null, calls: "" };

export function recordOf(records: ModelRecords, model: string): ModelRecord {
  const found = records.find((record) => record.startsWith(`${model} `));
  return found === undefined ? none : unpacked(found);
}

/** A call of `model` was answered, at `atMs`: moments may come out of order, where reports are late. */
export function countAnswer(
  records: ModelRecords,
  model: string,
  comparison: string,
  judged: boolean,
  atMs: number,
): ModelRecords {
  const { answers, judgedAtMs, calls } = recordOf(records, model);
  return put(records, model, {
    answers: newestTwo(answers, { comparison, atMs }),
    judgedAtMs: judged ? Math.max(atMs, judgedAtMs ?? 0) : judgedAtMs,
    calls: `${calls}0`.slice(-mostCalls),
  });
}

/** The latest of two different comparisons, newest first: moments may come out of order. */
export function newestTwo(known: readonly Answered[], { comparison, atMs }: Answered): readonly Answered[] {
  const own = known.find((one) => one.comparison === comparison);
  const others = known.filter((one) => one.comparison !== comparison);
  return [...others, { comparison, atMs: Math.max(atMs, own?.atMs ?? 0) }].toSorted(newestFirst).slice(0, 2);
}

function newestFirst(a: Answered, b: Answered): number {
  if (a.atMs !== b.atMs) return b.atMs - a.atMs;
  return a.comparison < b.comparison ? -1 : 1;
}

/** What has never been answered is remembered as long as there is room: names that nobody has must not push out those that answer. */
export function countFault(records: ModelRecords, model: string): ModelRecords {
  const record = recordOf(records, model);
  return put(records, model, { ...record, calls: `${record.calls}1`.slice(-mostCalls) });
}

/** Has the model answered another comparison after `sinceMs`? */
export function servedOthers(record: ModelRecord, comparison: string, sinceMs: number): boolean {
  return record.answers.some((answer) => answer.comparison !== comparison && answer.atMs > sinceMs);
}

/** Has any model answered another comparison after `sinceMs`? */
export function anyServed(records: ModelRecords, comparison: string, sinceMs: number): boolean {
  return records.some((record) => servedOthers(unpacked(record), comparison, sinceMs));
}

export function isMostlyFaults({ calls }: ModelRecord): boolean {
  return calls.split("1").length - 1 >= Math.max(1, calls.length / 2);
}

function put(records: ModelRecords, model: string, record: ModelRecord): ModelRecords {
  const others = records.filter((other) => !other.startsWith(`${model} `));
  const own = packed(model, record);
  const silent = others.filter(isSilent);
  const answering = others.filter((other) => !isSilent(other));
  const inOrder = isSilent(own) ? [...silent, own, ...answering] : [...silent, ...answering, own];
  const all = inOrder.slice(-mostModels);
  let characters = 0;
  let first = all.length;
  while (first > 0 && characters + (all[first - 1] ?? "").length <= mostCharacters) {
    first--;
    characters += (all[first] ?? "").length;
  }
  return all.slice(first);
}

/** Has it never been answered? */
function isSilent(record: string): boolean {
  const [, answers = ""] = record.split(" ");
  return answers === "";
}

function packed(model: string, { answers, judgedAtMs, calls }: ModelRecord): string {
  const told = answers.map(({ comparison, atMs }) => `${comparison}:${moment(atMs)}`);
  return `${model} ${told.join(",")} ${judgedAtMs === null ? "" : moment(judgedAtMs)} ${calls}`;
}

function unpacked(record: string): ModelRecord {
  const [, answers = "", judged = "", calls = ""] = record.split(" ");
  return {
    answers: answers
      .split(",")
      .filter((told) => told !== "")
      .map((told) => {
        const [comparison = "", atMs = ""] = told.split(":");
        return { comparison, atMs: parseInt(atMs, radix) };
      }),
    judgedAtMs: judged === "" ? null : parseInt(judged, radix),
    calls,
  };
}

function moment(atMs: number): string {
  return Math.floor(atMs).toString(radix);
}
