/** A judge's reasons, given back in the caller's names. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exchangedLabels, inCallersNames } from "../../../src/domain/judging/labels.ts";

const exchange = (text: string) => exchangedLabels(text).text;

const judged = (justification: string, normalizations: readonly string[] = []) =>
  inCallersNames({ winner: "Essay A", justification, confidence: 3, normalizations });

it.each([
  ["Essay A is better.", "Essay B is better."],
  ["Essays A, B differ", "Essays B, A differ"],
  ["Essays A and B agree, but essay A errs.", "Essays B and A agree, but essay B errs."],
  ["ESSAY A/B", "ESSAY B/A"],
  ["Essay A & B; essay A, or B", "Essay B & A; essay B, or A"],
  ["Essay-A beats Essay-B.", "Essay-B beats Essay-A."],
  ["Essay (A) and (B), “Essay “A””, Essay **B**", "Essay (B) and (A), “Essay “B””, Essay **A**"],
  ["Essay A's thesis is clearer than Essay B's.", "Essay B's thesis is clearer than Essay A's."],
  ["I prefer Essay B over A.", "I prefer Essay A over B."],
  ["Uppsats A är bättre än B; uppsatserna A och B", "Uppsats B är bättre än B; uppsatserna B och A"],
  ["Essä B, essän A", "Essä A, essän B"],
  ["Essay\u00a0A wins", "Essay\u00a0B wins"],
  ["essay A", "essay B"],
])("exchanges %j", (shown, given) => {
  expect(exchange(shown)).toBe(given);
  expect(exchange(given)).toBe(shown);
});

it.each([
  "gives the essay a clear structure",
  "Better essay: A clear structure decides it.",
  "The better essay.\nA clear structure decides it.",
  "Essay\nA clear structure",
  'the essay "A Tale of Two Cities" retells',
  "Its essay A-level candidates would envy",
  "An essay A+ in all but spelling",
  "essayist A wrote, essays about B",
  "ABBA's essay ABBA",
  "Essay Able",
  "",
])("leaves %j as it is", (text) => {
  expect(exchange(text)).toBe(text);
});

it("done twice, it gives the text back, whatever the text is", () => {
  const pieces = fc.constantFrom(
    ..."Essay |essays |A|B| |, |-|/|(|)|\"|*|and |or |uppsats |a |b |'s |. |\n|level|é|+|Essay A|Essay B|"
      .split("|")
      .concat("|"),
  );
  const texts = fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.oneof(texts, fc.string({ unit: "binary" })), (text) => {
      const once = exchangedLabels(text);
      expect(exchange(once.text)).toBe(text);
      expect(once.text).toHaveLength(text.length);
      // Nothing but those letters is another.
      const others = Array.from({ length: text.length }, (_, at) => at).filter(
        (at) => text[at] !== once.text[at],
      );
      expect(others.every((at) => once.places.has(at))).toBe(true);
      expect([...once.places].every((at) => text[at] !== once.text[at])).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

describe("a verdict on exchanged essays", () => {
  it("names the other winner, and keeps the judge's words as they were", () => {
    expect(judged("Essay A argues; Essay B does not.", ["confidence_clamped"])).toEqual({
      winner: "Essay B",
      justification: "Essay B argues; Essay A does not.",
      confidence: 3,
      normalizations: ["confidence_clamped", "labels_exchanged"],
      justificationAsShown: "Essay A argues; Essay B does not.",
    });
  });

  it("is not said to have exchanged what wasn't there", () => {
    expect(judged("Its argument is the clearer one.").normalizations).toEqual([]);
  });

  it.each([
    "Essay A is better than the other; B wanders.",
    "Essay A wins. B is weaker.",
    "Essay B loses, and A wins.",
    "A is better.",
    "A's thesis is clear.",
    "Option A is better.",
    "The first essay is better.",
    "Of the two the latter is better.",
    "First, Essay A argues.",
    "Den förra är bättre än den senare.",
    "Den första uppsatsen är bättre.",
    "essay b is better",
  ])("is doubtful where the judge wrote %j", (text) => {
    expect(judged(text).normalizations).toContain("labels_uncertain");
  });

  it.each([
    "Essay A is better. A clear structure helps it.",
    "“A clear thesis” is what Essay B lacks; Essay A has one.",
    "Essay A's first paragraph and second half are strong.",
    "Essay A would have been an A-level answer, worth a B+.",
    "Essays A and B differ little: essay A is longer.",
    "Uppsats A är bättre än uppsats B.",
    "- A good opening.\n- A weak end in Essay B.",
  ])("is in no doubt where the judge wrote %j", (text) => {
    expect(judged(text).normalizations).not.toContain("labels_uncertain");
  });
});
