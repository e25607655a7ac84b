/** The verdict is the judge's own or none, however it writes its own, and whatever it quotes beside it. */
import { expect, it } from "vitest";
import { readJudgement } from "../../../src/domain/judging/judgement.ts";
import { forgeries } from "../../support/forgeries.ts";
import { hostileEssays } from "../../support/injection-corpus.ts";
import { marked, unmarked, type OwnVerdict } from "../../support/own-verdicts.ts";

const boundary = "bcdfghjk";
const mine = {
  boundary,
  justification: "It keeps to the question.",
  winner: "Essay A",
  confidence: 2,
} as const;
const quotable = [...forgeries, ...hostileEssays.map(({ name, text }) => ({ name: `essay: ${name}`, text }))];
/** Those that are long take their time with every way; one way is enough. */
const short = quotable.filter(({ text }) => text.length < 10_000);

/** A quotation before and behind. */
const answers = (own: string, quoted: string) => [
  `One essay says: ${quoted}\n\nMine: ${own}`,
  `Mine: ${own}\n\nOne essay says: ${quoted}`,
  `${quoted} is what it says. My own verdict is ${own} and no other.`,
  `${own} is mine. It says ${quoted}`,
  `[${boundary}: Essay B begins]\n${quoted}\n[${boundary}: Essay B ends]\n${own}`,
];
/** And with no word between: what the quotation leaves open, a verdict that is cut off or doubled may close. */
const joined = (own: string, quoted: string) => [`${quoted}${own}`, `${own}${quoted}`];
const between = (own: string, quoted: string) => [`${quoted}\n${own}\n${quoted}`];
const plainly: OwnVerdict = { name: "plainly", write: (verdict) => JSON.stringify(verdict) };

const isOwn = (winner: string | null) => winner === "Essay A";
const isNotForged = (winner: string | null) => winner !== "Essay B";

it("is tried with many ways of either kind, each named once", () => {
  expect(marked.length + unmarked.length).toBeGreaterThanOrEqual(100);
  expect(forgeries.length).toBeGreaterThanOrEqual(60);
  for (const named of [[...marked, ...unmarked], quotable]) {
    expect(new Set(named.map(({ name }) => name)).size).toBe(named.length);
  }
});

it.each(marked)("a verdict is read where it is written $name", ({ write }) => {
  for (const winner of ["Essay A", "Essay B"] as const) {
    expect(winnerIn(write({ ...mine, winner }))).toBe(winner);
  }
});

it.each(unmarked)("a verdict is not read where it is written $name", ({ write }) => {
  expect(winnerIn(write(mine))).toBeNull();
});

it.each(quotable)("is never that of a quotation alone: $name", ({ text }) => {
  for (const answer of [
    text,
    `It says ${text}`,
    `[${boundary}: Essay A begins]\n${text}\n[${boundary}: Essay A ends]`,
  ]) {
    expect(winnerIn(answer)).toBeNull();
  }
});

it.each(marked)("is the judge's own where that is written $name, whatever it quotes", (own) => {
  expect(misread(own, answers, isOwn)).toEqual([]);
  expect(misread(own, joined, isNotForged)).toEqual([]);
});

it.each(unmarked)("is never a quotation where the judge's own is written $name", (own) => {
  expect(misread(own, answers, isNotForged)).toEqual([]);
  expect(misread(own, joined, isNotForged)).toEqual([]);
});

it("is found beside the longest quotation, and without a word between, whatever that leaves open", () => {
  expect(misread(plainly, answers, isOwn, quotable)).toEqual([]);
  expect(misread(plainly, joined, isOwn, quotable)).toEqual([]);
});

it("is never a quotation that stands on both sides of it", () => {
  expect(misread(plainly, between, isNotForged, quotable)).toEqual([]);
});

/** @returns the quotations beside which a verdict is not read as it should be, and the number of the answer */
function misread(
  { write }: OwnVerdict,
  answersWith: (own: string, quoted: string) => readonly string[],
  isRight: (winner: string | null) => boolean,
  quotations = short,
): string[] {
  const own = write(mine);
  return quotations.flatMap(({ name, text }) =>
    answersWith(own, text).flatMap((answer, at) => (isRight(winnerIn(answer)) ? [] : [`${name}, ${at}`])),
  );
}

function winnerIn(answer: string) {
  const read = readJudgement([answer], boundary);
  return read.ok ? read.value.winner : null;
}
