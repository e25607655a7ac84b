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

/** `model answers judged calls`, divided by blanks; an answer is `comparison:moment`. It is taken apart no further than a call needs. */
export type ModelRecords = readonly string[];

const mostModels = 64;
/** Characters of all records together: the gate's state stays below 8 KB with them. */
const mostCharacters = 2_600;
const mostCalls = 20;
/** Of moments. Not 36: what is compiled for Redis reads no `u` (typescript-to-lua 1.37.1 leaves it out of its digits). */
const radix = 30;

export function recordOf(records: ModelRecords, model: string): ModelRecord {
  return unpacked(records[placeOf(records, model)] ?? "");
}

/** A call of `model` was answered, at `atMs`: moments may come out of order, where reports are late. */
export function countAnswer(
  records: ModelRecords,
  model: string,
  comparison: string,
  judged: boolean,
  atMs: number,
): ModelRecords {
  const at = placeOf(records, model);
  const [, answers = "", judgedAt = "", calls = ""] = (records[at] ?? "").split(" ");
  const told = moment(Math.max(atMs, 0));
  const after = isNewest(answers, atMs)
    ? { answers: withNewest(answers, comparison, told), judgedAt: judged ? told : judgedAt }
    : {
        answers: packed(newestTwo(unpackedAnswers(answers), { comparison, atMs })),
        judgedAt: judged && (judgedAt === "" || momentIn(judgedAt) < atMs) ? told : judgedAt,
      };
  const record = `${model} ${after.answers} ${after.judgedAt} ${`${calls}0`.slice(-mostCalls)}`;
  return put(records, at, record, true);
}

/** Is it later than all that is known? The model's latest judgement was its latest answer, or before it. */
function isNewest(answers: string, atMs: number): boolean {
  if (answers === "") return true;
  const [first = ""] = answers.split(",");
  return momentIn(first.slice(first.indexOf(":") + 1)) < atMs;
}

function withNewest(answers: string, comparison: string, told: string): string {
  const [first = "", second = ""] = answers.split(",");
  const other = first.startsWith(`${comparison}:`) ? second : first;
  return other === "" ? `${comparison}:${told}` : `${comparison}:${told},${other}`;
}

/** The latest of two different comparisons, newest first: moments may come out of order. */
export function newestTwo(answers: readonly Answered[], { comparison, atMs }: Answered): readonly Answered[] {
  const [first, second] = answers;
  if (first === undefined) return [{ comparison, atMs: Math.max(atMs, 0) }];
  const isFirst = first.comparison === comparison;
  const own = isFirst ? first : second?.comparison === comparison ? second : undefined;
  const other = isFirst ? second : first;
  const latest = { comparison, atMs: Math.max(atMs, own?.atMs ?? 0) };
  if (other === undefined) return [latest];
  // A third one's, older than both of the others, says nothing new.
  if (own === undefined && second !== undefined && isNewer(second, latest)) return answers;
  return isNewer(latest, other) ? [latest, other] : [other, latest];
}

function isNewer(a: Answered, b: Answered): boolean {
  return a.atMs === b.atMs ? a.comparison < b.comparison : a.atMs > b.atMs;
}

/** What has never been answered is remembered as long as there is room: names that nobody has must not push out those that answer. */
export function countFault(records: ModelRecords, model: string): ModelRecords {
  const at = placeOf(records, model);
  const [, answers = "", judgedAt = "", calls = ""] = (records[at] ?? "").split(" ");
  const record = `${model} ${answers} ${judgedAt} ${`${calls}1`.slice(-mostCalls)}`;
  return put(records, at, record, answers !== "");
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

/** @returns -1: it is not known */
function placeOf(records: ModelRecords, model: string): number {
  const start = `${model} `;
  return records.findIndex((record) => record.startsWith(start));
}

/** @param at where its record stands */
function put(records: ModelRecords, at: number, own: string, isAnswered: boolean): ModelRecords {
  const known = records[at] ?? "";
  if (own.length === known.length && isAnswered && at === records.length - 1) return records.with(at, own);
  const all = records.filter((_, place) => place !== at);
  if (isAnswered) all.push(own);
  else {
    const firstAnswering = all.findIndex(isAnswering);
    all.splice(firstAnswering < 0 ? all.length : firstAnswering, 0, own);
  }
  return own.length === known.length ? all : inRoom(all);
}

function inRoom(all: ModelRecords): ModelRecords {
  let characters = 0;
  let first = all.length;
  while (first > 0 && all.length - first < mostModels) {
    characters += (all[first - 1] ?? "").length;
    if (characters > mostCharacters) break;
    first--;
  }
  return first === 0 ? all : all.slice(first);
}

function isAnswering(record: string): boolean {
  return record.split(" ")[1] !== "";
}

function packed(answers: readonly Answered[]): string {
  return answers.map(({ comparison, atMs }) => `${comparison}:${moment(atMs)}`).join(",");
}

function unpacked(record: string): ModelRecord {
  const [, answers = "", judgedAt = "", calls = ""] = record.split(" ");
  return {
    answers: unpackedAnswers(answers),
    judgedAtMs: judgedAt === "" ? null : momentIn(judgedAt),
    calls,
  };
}

function unpackedAnswers(answers: string): readonly Answered[] {
  if (answers === "") return [];
  return answers.split(",").map((told) => {
    const [comparison = "", at = ""] = told.split(":");
    return { comparison, atMs: momentIn(at) };
  });
}

function moment(atMs: number): string {
  return Math.floor(atMs).toString(radix);
}

function momentIn(text: string): number {
  return parseInt(text, radix);
}
