/** Whose the faults were, against the same counted in plain lists of numbers. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  countParty,
  isAnotherAnswered,
  noParties,
  sightOfOne,
  sightWithoutWorst,
  type Sight,
} from "../../../src/domain/gate/parties.ts";

const startMs = Date.UTC(2026, 10, 30, 12);

describe("the parties of ten seconds", () => {
  it("are seen as plain lists of numbers would have them", () => {
    const name = fc.constantFrom("", ..."abcdefghi");
    const step = fc.record({
      name,
      isFault: fc.boolean(),
      forMs: fc.constantFrom(0, 0, 0, 1, 500, 2_000, 4_000, 9_000, 11_000, -3_000),
      lookMs: fc.constantFrom(0, 0, 1_000, 2_500, 12_000),
      whom: name,
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: "max" }), (steps) => {
        let parties = noParties;
        let plain = plainly();
        let ms = startMs;
        for (const { name, isFault, forMs, lookMs, whom } of steps) {
          ms += forMs;
          parties = countParty(parties, name, isFault, ms);
          plain = plain.counted(name, isFault, ms);
          const at = ms + lookMs;
          const seen = plain.at(at);
          expect(sightWithoutWorst(parties, at)).toEqual(seen.sightWithoutWorst());
          expect(sightOfOne(parties, whom, at)).toEqual(seen.sightOfOne(whom));
          expect(isAnotherAnswered(parties, whom, at)).toBe(seen.isAnotherAnswered(whom));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("take little room, be all of them ill", () => {
    let parties = noParties;
    for (let call = 0; call < 700; call++) {
      parties = countParty(parties, `0123456789abcde${call % 7}`, call % 3 === 0, startMs + call * 14);
    }
    expect(JSON.stringify(parties).length).toBeLessThan(900);
  });
});

interface Party {
  readonly name: string;
  readonly calls: readonly number[];
  readonly faults: readonly number[];
  /** Faults since the latest answer to anybody, to anybody but who was answered last, and to itself. */
  readonly inRow: number;
  readonly before: number;
  readonly own: number;
}

interface Plain {
  at(ms: number): Plain;
  withRoomFor(name: string): Plain;
  add(name: string, isFault: boolean): Plain;
  counted(name: string, isFault: boolean, ms: number): Plain;
  sightWithoutWorst(): Sight | null;
  sightOfOne(name: string): Sight;
  isAnotherAnswered(name: string): boolean;
}

/** The first ones are well. Who changes sides goes to the end of its side: so it is clear who is the first of several that are equal. */
function plainly(span = 0, parties: readonly Party[] = [], answered: string | null = null): Plain {
  const find = (name: string) => parties.find((party) => party.name === name);
  const named = parties.filter(({ name }) => name !== "").length;

  function at(ms: number) {
    const now = Math.floor(ms / 2_000);
    const moved = parties
      .map((party) => ({
        ...party,
        calls: shifted(party.calls, now - span),
        faults: shifted(party.faults, now - span),
      }))
      .filter((party) => now === span || !isQuiet(party));
    return plainly(now, sided(parties, moved), answered);
  }

  function isQuiet({ name, calls, inRow, before, own }: Party): boolean {
    return sum(calls) + inRow + before + own === 0 && name !== answered;
  }

  /** Who has a fault is told apart, in the place of one that has none. */
  function withRoomFor(name: string) {
    const spare = parties.find(
      (party) => party.name !== "" && sum(party.faults) + party.inRow + party.before === 0,
    );
    if (name === "" || named < 6 || find(name) !== undefined || spare === undefined) {
      return plainly(span, parties, answered);
    }
    const rest = find("") ?? fresh("");
    const joined = { ...rest, calls: rest.calls.map((calls, at) => calls + (spare.calls[at] ?? 0)) };
    const others = parties.filter((party) => party !== spare && party !== rest);
    return plainly(span, sided(parties, [...others, joined]), answered === spare.name ? "" : answered);
  }

  function add(asked: string, isFault: boolean) {
    const name = find(asked) !== undefined || named < 6 ? asked : "";
    const isSame = answered === name;
    const all = find(name) === undefined ? [...parties, fresh(name)] : parties;
    const counted = all.map((party): Party => {
      const isIts = party.name === name;
      const calls = isIts ? oneMore(party.calls) : party.calls;
      if (!isFault) {
        const before = isSame ? party.before : party.inRow;
        return { ...party, calls, inRow: 0, before, own: isIts ? 0 : party.own };
      }
      if (!isIts) return party;
      const { faults, inRow, before, own } = party;
      return {
        ...party,
        calls,
        faults: oneMore(faults),
        inRow: inRow + 1,
        before: before + 1,
        own: own + 1,
      };
    });
    return plainly(span, sided(all, counted, name), isFault ? answered : name);
  }

  return {
    at,
    withRoomFor,
    add,
    counted(name, isFault, ms) {
      const present = at(ms);
      return (isFault ? present.withRoomFor(name) : present).add(name, isFault);
    },
    sightWithoutWorst() {
      let worst: Party | null = null;
      for (const party of parties) {
        if (party.name === "" || sum(party.faults) === 0) continue;
        const faults = worst === null ? 1 : sum(party.faults) - sum(worst.faults);
        if (faults > 0 || (faults === 0 && sum(party.calls) < sum(worst?.calls ?? []))) worst = party;
      }
      const others = parties.filter((party) => party !== worst);
      if (worst === null || others.every(({ calls }) => sum(calls) === 0)) return null;
      const isAnswered = worst.name === answered;
      return {
        calls: sum(others.map(({ calls }) => sum(calls))),
        faults: sum(others.map(({ faults }) => sum(faults))),
        faultsInRow: sum(others.map(({ inRow, before }) => (isAnswered ? before : inRow))),
      };
    },
    sightOfOne(name) {
      const party = name === "" ? undefined : find(name);
      if (party === undefined) return { calls: 0, faults: 0, faultsInRow: 0 };
      return { calls: sum(party.calls), faults: sum(party.faults), faultsInRow: party.own };
    },
    isAnotherAnswered: (name) =>
      parties.some((party) => party.name !== name && sum(party.calls) > sum(party.faults)),
  };
}

function fresh(name: string): Party {
  return { name, calls: [0, 0, 0, 0, 0], faults: [0, 0, 0, 0, 0], inRow: 0, before: 0, own: 0 };
}

function isIll({ faults, inRow, before, own }: Party): boolean {
  return sum(faults) + inRow + before + own > 0;
}

/** @param last who goes behind all others that change sides with it */
function sided(before: readonly Party[], now: readonly Party[], last = ""): readonly Party[] {
  const wasIll = (party: Party) => before.some((one) => one.name === party.name && isIll(one));
  const side = (ill: boolean) => {
    const own = now.filter((party) => isIll(party) === ill);
    const moved = own.filter((party) => wasIll(party) !== ill);
    return [
      ...own.filter((party) => wasIll(party) === ill),
      ...moved.filter(({ name }) => name !== last),
      ...moved.filter(({ name }) => name === last),
    ];
  };
  return [...side(false), ...side(true)];
}

function shifted(numbers: readonly number[], by: number): readonly number[] {
  if (by < 0 || by >= 5) return [0, 0, 0, 0, 0];
  return [...numbers.slice(by), ...[0, 0, 0, 0, 0].slice(0, by)];
}

function oneMore(numbers: readonly number[]): readonly number[] {
  return [...numbers.slice(0, -1), (numbers.at(-1) ?? 0) + 1];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
