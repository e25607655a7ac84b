/**
 * Whose the calls and faults of the last ten seconds were, by tenant or by model: so that a breaker can ask how the provider would look without
 * the one that had most of the faults. Six parties are told apart, those with faults before others; the rest is one, which is never left out.
 *
 * A fault in a row is one since the latest answer. Without a party that is the latest answer to anybody else; so for the party that was
 * answered last, faults are counted since the answer before that too.
 *
 * All of it is read, counted and written with nearly every call, in Redis by a script. So the parties that are well, as most are, are lines of
 * one text, and a call changes one number in it.
 */

/** Of two seconds each, five numbers with commas between them: the present ones first. */
type Counts = string;

/** Of a party that has faults, or had some since an answer that counts. */
interface Ill {
  /** Its name; `""`: all that are not told apart. */
  readonly n: string;
  /** Its calls and its faults. */
  readonly c: Counts;
  readonly f: Counts;
  /** All of these. */
  readonly calls: number;
  readonly faults: number;
  /** Its faults since the latest answer to anybody. */
  readonly s: number;
  /** Its faults since the latest answer to anybody but `Parties.answered`. */
  readonly b: number;
  /** Its faults since its own latest answer. */
  readonly o: number;
}

export interface Parties {
  /** Two seconds of the epoch: what the first of all counts is about. */
  readonly span: number;
  /** Everybody's calls. */
  readonly calls: number;
  /** Of each of the others a line: its beginning, the name, a blank, the calls. */
  readonly well: string;
  readonly ill: readonly Ill[];
  /** Parties that are told apart. */
  readonly named: number;
  /** Who was answered last; `null`: nobody yet. */
  readonly answered: string | null;
}

/** How the calls looked that count. */
export interface Sight {
  readonly calls: number;
  readonly faults: number;
  /** Without an answer between them. */
  readonly faultsInRow: number;
}

const spanMs = 2_000;
const spans = 5;
const mostNamed = 6;
const none: Counts = "0,0,0,0,0";

export const noParties: Parties = { span: 0, calls: 0, well: "", ill: [], named: 0, answered: null };

export function countParty(parties: Parties, name: string, isFault: boolean, nowMs: number): Parties {
  const present = moved(parties, nowMs);
  return isFault ? countFault(withRoomFor(present, name), name) : countAnswer(present, name);
}

/**
 * Without the party that had most of the faults of the last ten seconds.
 *
 * @returns `null`: no calls of others remain, so all count
 */
export function sightWithoutWorst(parties: Parties, nowMs: number): Sight | null {
  if (parties.ill.length === 0) return null;
  const present = moved(parties, nowMs);
  const worst = worstOf(present.ill);
  if (worst === null || worst.calls === present.calls) return null;
  const isAnswered = worst.n === present.answered;
  let faults = 0;
  let faultsInRow = 0;
  for (const party of present.ill) {
    if (party === worst) continue;
    faults += party.faults;
    faultsInRow += isAnswered ? party.b : party.s;
  }
  return { calls: present.calls - worst.calls, faults, faultsInRow };
}

/** Of one party alone. */
export function sightOfOne(parties: Parties, name: string, nowMs: number): Sight {
  const present = moved(parties, nowMs);
  const ill = present.ill.find(({ n }) => n === name);
  if (name === "") return { calls: 0, faults: 0, faultsInRow: 0 };
  if (ill !== undefined) return { calls: ill.calls, faults: ill.faults, faultsInRow: ill.o };
  return { calls: sum(countsOf(present.well, name) ?? none), faults: 0, faultsInRow: 0 };
}

/** Was anybody else answered within the last ten seconds? */
export function isAnotherAnswered(parties: Parties, name: string, nowMs: number): boolean {
  const { calls, ill, well } = moved(parties, nowMs);
  const ownCalls = sum(countsOf(well, name) ?? none);
  const illCalls = ill.reduce((all, party) => all + party.calls, 0);
  return calls - illCalls > ownCalls || ill.some((party) => party.n !== name && party.calls > party.faults);
}

function countAnswer(present: Parties, name: string): Parties {
  const place = placeOf(present, name);
  const { span, calls, ill, named, well } = answeredBeside(present, present.answered === place);
  const counted = withOneMore(well, place);
  if (counted !== null) return { span, calls: calls + 1, well: counted, ill, named, answered: place };
  const own = ill.find(({ n }) => n === place);
  if (own === undefined) return countAnswer(withParty(present, place), place);
  const told = { ...own, c: oneMore(own.c), calls: own.calls + 1, o: 0 };
  const all = ill.map((party) => (party === own ? told : party));
  return settled({ span, calls: calls + 1, well, ill, named, answered: place }, all);
}

/** The answer before last is now the one that `Parties.answered` had, unless that is the same party's. */
function answeredBeside(parties: Parties, isSame: boolean): Parties {
  const isAsItWas = ({ s, b }: Ill) => s === 0 && (isSame || b === 0);
  if (parties.ill.every(isAsItWas)) return parties;
  const told = parties.ill.map((party) => ({ ...party, s: 0, b: isSame ? party.b : party.s }));
  return settled(parties, told);
}

function countFault(present: Parties, name: string): Parties {
  const place = placeOf(present, name);
  const { well, ill, calls } = present;
  const known = ill.find(({ n }) => n === place);
  if (known === undefined && countsOf(well, place) === null)
    return countFault(withParty(present, place), place);
  const party = known ?? illOf(place, countsOf(well, place) ?? none);
  const fault: Ill = {
    n: place,
    c: oneMore(party.c),
    f: oneMore(party.f),
    calls: party.calls + 1,
    faults: party.faults + 1,
    s: party.s + 1,
    b: party.b + 1,
    o: party.o + 1,
  };
  return known === undefined
    ? { ...present, calls: calls + 1, well: without(well, place), ill: [...ill, fault] }
    : { ...present, calls: calls + 1, ill: ill.map((other) => (other === known ? fault : other)) };
}

/** The more faults, then the fewer answers. */
function worstOf(ill: readonly Ill[]): Ill | null {
  let worst: Ill | null = null;
  for (const party of ill) {
    if (party.n === "" || party.faults === 0) continue;
    if (worst === null || isWorse(party, worst)) worst = party;
  }
  return worst;
}

function isWorse(a: Ill, b: Ill): boolean {
  return a.faults > b.faults || (a.faults === b.faults && a.calls < b.calls);
}

/** Whose line it counts in. */
function placeOf({ well, ill, named }: Parties, name: string): string {
  if (named < mostNamed || name === "") return name;
  return well.includes(`\n${name} `) || ill.some(({ n }) => n === name) ? name : "";
}

function withParty(parties: Parties, name: string): Parties {
  const named = parties.named + (name === "" ? 0 : 1);
  return { ...parties, well: `${parties.well}\n${name} ${none}`, named };
}

/** Who has a fault is told apart, in the place of one that has none. */
function withRoomFor(parties: Parties, name: string): Parties {
  if (name === "" || placeOf(parties, name) !== "") return parties;
  const { well, ill } = parties;
  const spare = lines(well).find(([n]) => n !== "") ?? spareOf(ill);
  if (spare === undefined) return parties;
  const [gone, counts] = spare;
  const rest = ill.find(({ n }) => n === "");
  const left = without(well, gone);
  const named = parties.named - 1;
  const answeredLast = parties.answered === gone ? "" : parties.answered;
  const others = ill.filter(({ n }) => n !== gone);
  const all = { ...parties, named, answered: answeredLast, ill: others };
  if (rest === undefined) {
    const joinedCounts = joined(countsOf(left, "") ?? none, counts);
    return { ...all, well: `${without(left, "")}\n ${joinedCounts}` };
  }
  const c = joined(rest.c, counts);
  return {
    ...all,
    well: left,
    ill: others.map((one) => (one === rest ? { ...rest, c, calls: sum(c) } : one)),
  };
}

/** One whose faults are long over, but that was not answered since. */
function spareOf(ill: readonly Ill[]): readonly [name: string, counts: Counts] | undefined {
  const spare = ill.find(({ n, faults, s, b }) => n !== "" && faults + s + b === 0);
  return spare === undefined ? undefined : [spare.n, spare.c];
}

/** Who is well again is a line again. */
function settled(parties: Parties, ill: readonly Ill[]): Parties {
  let { well } = parties;
  const left: Ill[] = [];
  for (const party of ill) {
    if (party.faults + party.s + party.b + party.o > 0) left.push(party);
    else well += `\n${party.n} ${party.c}`;
  }
  return { ...parties, well, ill: left };
}

/** Brought to the present; who is quiet, and was not ill before, is forgotten. A clock that was set back begins anew, but for what is in a row. */
function moved(parties: Parties, nowMs: number): Parties {
  const span = Math.floor(nowMs / spanMs);
  const by = span - parties.span;
  if (by === 0) return parties;
  const { answered: last } = parties;
  let well = "";
  let calls = 0;
  let named = 0;
  const isKept = (name: string, c: Counts, faults: number) => {
    if (c === none && faults === 0 && name !== last) return false;
    calls += sum(c);
    named += name === "" ? 0 : 1;
    return true;
  };
  for (const [name, counts] of lines(parties.well)) {
    const c = shifted(counts, by);
    if (isKept(name, c, 0)) well += `\n${name} ${c}`;
  }
  const ill = parties.ill
    .map((party): Ill => {
      const [c, f] = [shifted(party.c, by), shifted(party.f, by)];
      return { ...party, c, f, calls: sum(c), faults: sum(f) };
    })
    .filter(({ n, c, s, b, o }) => isKept(n, c, s + b + o));
  return settled({ span, calls, well, ill: [], named, answered: last }, ill);
}

function illOf(n: string, c: Counts): Ill {
  return { n, c, f: none, calls: sum(c), faults: 0, s: 0, b: 0, o: 0 };
}

function lines(well: string): (readonly [name: string, counts: Counts])[] {
  return well
    .split("\n")
    .slice(1)
    .map((line) => {
      const at = line.indexOf(" ");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    });
}

/** @returns `null`: it has no line */
function countsOf(well: string, name: string): Counts | null {
  const line = `\n${name} `;
  const at = well.indexOf(line);
  return at < 0 ? null : (well.slice(at + line.length).split("\n")[0] ?? none);
}

function without(well: string, name: string): string {
  return lines(well)
    .filter(([other]) => other !== name)
    .map(([other, counts]) => `\n${other} ${counts}`)
    .join("");
}

/** @returns `null`: it has no line */
function withOneMore(well: string, name: string): string | null {
  const line = `\n${name} `;
  const at = well.indexOf(line);
  if (at < 0) return null;
  const from = at + line.length;
  const end = well.indexOf(",", from);
  return `${well.slice(0, from)}${Number(well.slice(from, end)) + 1}${well.slice(end)}`;
}

function oneMore(counts: Counts): Counts {
  const end = counts.indexOf(",");
  return `${Number(counts.slice(0, end)) + 1}${counts.slice(end)}`;
}

function shifted(counts: Counts, by: number): Counts {
  if (by < 0 || by >= spans || counts === none) return none;
  return `${"0,".repeat(by)}${counts.split(",").slice(0, -by).join(",")}`;
}

function joined(a: Counts, b: Counts): Counts {
  const more = b.split(",");
  return a
    .split(",")
    .map((count, at) => Number(count) + Number(more[at] ?? 0))
    .join(",");
}

function sum(counts: Counts): number {
  if (counts === none) return 0;
  let all = 0;
  for (const count of counts.split(",")) all += Number(count);
  return all;
}
