/**
 * Whose the calls and faults of the last ten seconds were, by tenant or by model: so that a breaker can ask how the provider would look without
 * the one that had most of the faults. Six parties are told apart, those with faults before others; the rest is one, which is never left out.
 *
 * A fault in a row is one since the latest answer. Without a party that is the latest answer to anybody else; so for the party that was
 * answered last, faults are counted since the answer before that too.
 */

/** With short keys: fourteen of these are stored with every change of a gate. */
interface Party {
  /** Its name; `""`: all that are not told apart. */
  readonly n: string;
  /** Its calls by two seconds, oldest first: five numbers. */
  readonly c: readonly number[];
  /** Its faults, likewise. */
  readonly f: readonly number[];
  /** Its faults since the latest answer to anybody. */
  readonly s: number;
  /** Its faults since the latest answer to anybody but `Parties.answered`. */
  readonly b: number;
  /** Its faults since its own latest answer. */
  readonly o: number;
}

export interface Parties {
  /** Two seconds of the epoch: what the last of each party's numbers is about. */
  readonly span: number;
  readonly all: readonly Party[];
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

export const noParties: Parties = { span: 0, all: [], answered: null };

export function countParty(parties: Parties, name: string, isFault: boolean, nowMs: number): Parties {
  const present = withRoomFor(moved(parties, nowMs), name, isFault);
  const isKnown = present.all.some(({ n }) => n === name);
  const named = isKnown || hasRoom(present) ? name : "";
  const all = present.all.some(({ n }) => n === named) ? present.all : [...present.all, newParty(named)];
  const isSame = present.answered === named;
  return {
    span: present.span,
    answered: isFault ? present.answered : named,
    all: all.map((party) => {
      const isIts = party.n === named;
      const c = isIts ? added(party.c, 1) : party.c;
      if (isFault) {
        return isIts
          ? { ...party, c, f: added(party.f, 1), s: party.s + 1, b: party.b + 1, o: party.o + 1 }
          : party;
      }
      // The answer before last is now the one that `answered` had, unless that is the same party's.
      return { ...party, c, s: 0, b: isSame ? party.b : party.s, o: isIts ? 0 : party.o };
    }),
  };
}

/**
 * Without the party that had most of the faults of the last ten seconds.
 *
 * @returns `null`: no calls of others remain, so all count
 */
export function sightWithoutWorst(parties: Parties, nowMs: number): Sight | null {
  const present = moved(parties, nowMs);
  const worst = worstOf(present);
  const others = present.all.filter(({ n }) => n !== worst);
  if (worst === null || !others.some(({ c }) => sum(c) > 0)) return null;
  const isAnswered = worst === present.answered;
  return {
    calls: others.reduce((all, { c }) => all + sum(c), 0),
    faults: others.reduce((all, { f }) => all + sum(f), 0),
    faultsInRow: others.reduce((all, { s, b }) => all + (isAnswered ? b : s), 0),
  };
}

/** Of one party alone. */
export function sightOfOne(parties: Parties, name: string, nowMs: number): Sight {
  const party = moved(parties, nowMs).all.find(({ n }) => n === name);
  if (party === undefined || name === "") return { calls: 0, faults: 0, faultsInRow: 0 };
  return { calls: sum(party.c), faults: sum(party.f), faultsInRow: party.o };
}

/** Was anybody else answered within the last ten seconds? */
export function isAnotherAnswered(parties: Parties, name: string, nowMs: number): boolean {
  return moved(parties, nowMs).all.some(({ n, c, f }) => n !== name && sum(c) > sum(f));
}

/** The more faults, then the fewer answers. */
function worstOf({ all }: Parties): string | null {
  let worst: Party | null = null;
  for (const party of all) {
    if (party.n === "" || sum(party.f) === 0) continue;
    if (worst === null || isWorse(party, worst)) worst = party;
  }
  return worst === null ? null : worst.n;
}

function isWorse(a: Party, b: Party): boolean {
  const faults = sum(a.f) - sum(b.f);
  return faults > 0 || (faults === 0 && sum(a.c) < sum(b.c));
}

function hasRoom({ all }: Parties): boolean {
  return all.filter(({ n }) => n !== "").length < mostNamed;
}

/** Who has a fault is told apart, in the place of one that has none. */
function withRoomFor(parties: Parties, name: string, isFault: boolean): Parties {
  const { all } = parties;
  if (!isFault || name === "" || hasRoom(parties) || all.some(({ n }) => n === name)) return parties;
  const spare = all.find((party) => party.n !== "" && sum(party.f) + party.s + party.b === 0);
  if (spare === undefined) return parties;
  const rest = all.find(({ n }) => n === "") ?? newParty("");
  const joined = { ...rest, c: rest.c.map((calls, at) => calls + (spare.c[at] ?? 0)) };
  return {
    ...parties,
    answered: parties.answered === spare.n ? "" : parties.answered,
    all: [...all.filter(({ n }) => n !== "" && n !== spare.n), joined],
  };
}

/** Brought to the present; who is quiet, and was not ill before, is forgotten. A clock that was set back begins anew, but for what is in a row. */
function moved(parties: Parties, nowMs: number): Parties {
  const span = Math.floor(nowMs / spanMs);
  const by = span - parties.span;
  if (by === 0) return parties;
  const shifted = parties.all.map((party) => ({ ...party, c: shift(party.c, by), f: shift(party.f, by) }));
  const isQuiet = ({ n, c, s, b, o }: Party) => sum(c) + s + b + o === 0 && n !== parties.answered;
  return { ...parties, span, all: shifted.filter((party) => !isQuiet(party)) };
}

function shift(numbers: readonly number[], by: number): readonly number[] {
  if (by < 0 || by >= spans) return emptySpans;
  return [...numbers.slice(by), ...emptySpans.slice(0, by)];
}

const emptySpans: readonly number[] = [0, 0, 0, 0, 0];

function newParty(n: string): Party {
  return { n, c: emptySpans, f: emptySpans, s: 0, b: 0, o: 0 };
}

function added(numbers: readonly number[], amount: number): readonly number[] {
  return [...numbers.slice(0, -1), (numbers.at(-1) ?? 0) + amount];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
