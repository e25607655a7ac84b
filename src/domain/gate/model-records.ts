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

/** `model judged calls`, then `comparison moment` of each answer, divided by blanks. */
export type ModelRecords = readonly string[];

const mostModels = 64;
/** Characters of all records together: the gate's state stays below 8 KB with them. */
const mostCharacters = 2_450;
const mostCalls = 20;
/** Fields of a record before its answers. */
const before = 3;

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
  const known = records[at] ?? "";
  const [, judgedAt = "", calls = "", first, firstAt = "", second, secondAt = ""] = known.split(" ");
  const after = `${calls}0`.slice(-mostCalls);
  if (first !== undefined && Number(firstAt) > atMs) {
    const { answers, judgedAtMs } = unpacked(known);
    const latest = newestTwo(answers, { comparison, atMs });
    const latestJudged = judged ? Math.max(atMs, judgedAtMs ?? 0) : judgedAtMs;
    return put(records, at, packed(model, { answers: latest, judgedAtMs: latestJudged, calls: after }), true);
  }
  // Nothing that is known is later, as with nearly every answer: then the rest stands as it is.
  const told = moment(Math.max(atMs, 0));
  const newest = `${model} ${judged ? told : judgedAt} ${after} ${comparison} ${told}`;
  const isFirst = first === comparison;
  const other = isFirst ? second : first;
  const rest = other === undefined ? "" : ` ${other} ${isFirst ? secondAt : firstAt}`;
  return put(records, at, newest + rest, true);
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
  const known = records[at] ?? `${model}  `;
  const from = known.indexOf(" ", model.length + 1) + 1;
  const end = known.indexOf(" ", from);
  const calls = `${end < 0 ? known.slice(from) : known.slice(from, end)}1`.slice(-mostCalls);
  const answers = end < 0 ? "" : known.slice(end);
  return put(records, at, known.slice(0, from) + calls + answers, answers !== "");
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

/** With those of models that it knows nothing of: older ones. */
export function withOlder(records: ModelRecords, older: ModelRecords): ModelRecords {
  const unknown = older.filter((record) => placeOf(records, record.split(" ")[0] ?? "") < 0);
  const all = [...unknown, ...records];
  return inRoom([...all.filter((record) => !isAnswering(record)), ...all.filter(isAnswering)]);
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

/** With all moments moved likewise. */
export function mapMoments(records: ModelRecords, move: (atMs: number) => number): ModelRecords {
  return records.map((record) => {
    const { answers, judgedAtMs, calls } = unpacked(record);
    return packed(record.split(" ")[0] ?? "", {
      answers: answers.map(({ comparison, atMs }) => ({ comparison, atMs: move(atMs) })),
      judgedAtMs: judgedAtMs === null ? null : move(judgedAtMs),
      calls,
    });
  });
}

function isAnswering(record: string): boolean {
  return record.split(" ").length > before;
}

function packed(model: string, { answers, judgedAtMs, calls }: ModelRecord): string {
  const told = answers.map(({ comparison, atMs }) => ` ${comparison} ${moment(atMs)}`).join("");
  return `${model} ${judgedAtMs === null ? "" : moment(judgedAtMs)} ${calls}${told}`;
}

function unpacked(record: string): ModelRecord {
  const fields = record.split(" ");
  const [, judged = "", calls = ""] = fields;
  const answers: Answered[] = [];
  for (let at = before; at + 1 < fields.length; at += 2) {
    answers.push({ comparison: fields[at] ?? "", atMs: Number(fields[at + 1]) });
  }
  return { answers, judgedAtMs: judged === "" ? null : Number(judged), calls };
}

function moment(atMs: number): string {
  return `${Math.floor(atMs)}`;
}
