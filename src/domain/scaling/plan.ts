/**
 * What a set of essays is going to be asked: fixed before the first call and never changed by a verdict. The same input makes the same plan, so a set
 * that goes on after a crash goes on with its own.
 *
 * It is plain JSON, and stored: `version` counts its shape.
 */
import { ok, type Result } from "../result.ts";
import { sampleFirst } from "./audits.ts";
import { diceOf, shuffled } from "./dice.ts";
import { drawn, type Anchor, type Design, type DesignFault, type Pair } from "./designs.ts";
import { mostSkew, oriented } from "./orient.ts";

export interface PlanInput {
  /** In any order: a plan doesn't depend on who was uploaded first. */
  readonly essays: readonly PlannedEssay[];
  /** All of them judge every pair. */
  readonly judges: readonly string[];
  readonly design: Design;
  readonly seed: number;
  /** 0 to 1: of the pairs, how many are asked again in the other order. */
  readonly auditShare: number;
  /** 0 to 1: of the pairs, how many are asked again in the same order. */
  readonly repeatShare: number;
}

interface PlannedEssay {
  readonly id: string;
  /** Of its text. */
  readonly sha256: string;
}

export interface SetPlan {
  readonly version: 1;
  /** `complete` where a regular design was asked for that has not enough essays. */
  readonly design: Design["kind"];
  readonly askedDesign: Design["kind"];
  /** `null` where a design has no such number. */
  readonly perEssay: number | null;
  readonly seed: number;
  readonly anchors: readonly Anchor[];
  readonly essays: readonly PlannedEssay[];
  readonly judges: readonly string[];
  readonly pairs: number;
  readonly auditedPairs: number;
  readonly repeatedPairs: number;
  /** Of any essay, how much more often it stands first than second among the pairs, or the other way: 1 at most. */
  readonly maxSkew: number;
  readonly calls: readonly PlannedCall[];
}

export interface PlannedCall {
  /** From 1, without gaps, in the order in which they are to be asked. */
  readonly seq: number;
  readonly judge: string;
  /** A pair's essays stand in the same order in each of its calls. */
  readonly essay1: string;
  readonly essay2: string;
  readonly shownFirst: string;
  readonly audit: Audit;
}

/** What a call is beside a pair's first: the same pair in the other order, or in the same. */
type Audit = "none" | "swapped" | "repeated";

/** Fewer pairs than these, asked again, say nothing. */
const leastAudited = 30;

export function planOf(input: PlanInput): Result<SetPlan, DesignFault> {
  const { design, seed, judges, auditShare, repeatShare } = input;
  const essays = input.essays.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const ids = essays.map(({ id }) => id);
  const twice = ids.find((id, at) => id === ids[at + 1]);
  if (twice !== undefined) return { ok: false, error: { kind: "same_id_twice", id: twice } };
  const judge = judges.find((one, at) => judges.indexOf(one) < at);
  if (judge !== undefined) return { ok: false, error: { kind: "same_judge_twice", judge } };
  const found = drawn(design, ids, diceOf(seed, "pairs"));
  if (!found.ok) return found;
  const { kind, layers } = found.value;

  const order = diceOf(seed, "order");
  const pairs = layers.flatMap((layer) => shuffled(oriented(layer, order), order));
  const auditedPairs = againOf(auditShare, pairs.length);
  const repeatedPairs = againOf(repeatShare, pairs.length);
  // What is asked again in both ways is so with the same pairs, to hold the one against the other.
  const again = sampleFirst(pairs, auditedPairs, diceOf(seed, "audits"));
  const audited = new Set(again.slice(0, auditedPairs));
  const repeated = new Set(again.slice(0, repeatedPairs));

  const asked = inTurn(pairs, audited, repeated);
  const calls = asked.flatMap(({ pair: [first, second], audit }) => {
    const [essay1 = "", essay2 = ""] = [ids[first], ids[second]];
    const shownFirst = audit === "swapped" ? essay2 : essay1;
    return judges.map((judge) => ({ judge, essay1, essay2, shownFirst, audit }));
  });
  return ok({
    version: 1,
    design: kind,
    askedDesign: design.kind,
    perEssay: kind === "regular" || kind === "anchored" ? perEssayOf(design) : null,
    seed,
    anchors: design.kind === "anchored" ? design.anchors : [],
    essays,
    judges,
    pairs: pairs.length,
    auditedPairs,
    repeatedPairs,
    maxSkew: mostSkew(pairs),
    calls: calls.map((call, at) => ({ seq: at + 1, ...call })),
  });
}

/**
 * The text whose SHA-256 is a plan's: equal exactly where the same would be asked of the same essays in the same order.
 *
 * @param asked what else decides what is asked: the hash of prompts, parameters and frame
 */
export function planText(plan: SetPlan, asked: string): string {
  const { design, askedDesign, perEssay, seed, anchors, essays, judges, calls } = plan;
  const lines: readonly unknown[] = [
    [design, askedDesign, perEssay, seed, asked],
    anchors.map(({ id, theta }) => [id, theta]),
    judges,
    essays.map(({ id, sha256 }) => [id, sha256]),
    ...calls.map(({ seq, judge, essay1, essay2, shownFirst, audit }) => [
      seq,
      judges.indexOf(judge),
      essay1,
      essay2,
      shownFirst === essay1 ? 1 : 2,
      audit,
    ]),
  ];
  return ["plan 1", ...lines.map((line) => JSON.stringify(line)), ""].join("\n");
}

function perEssayOf(design: Design): number | null {
  return "perEssay" in design ? design.perEssay : null;
}

function againOf(share: number, pairs: number): number {
  // .07 of 100 is a little more than 7 in floating point, and 7 all the same.
  return share <= 0 ? 0 : Math.min(pairs, Math.max(leastAudited, Math.ceil(share * pairs - 1e-9)));
}

/**
 * Pairs asked again follow a tenth of all pairs later: a set that its budget stops has its part of them, and a vendor that changes on the way does not
 * look like a judge that does.
 */
function inTurn(
  pairs: readonly Pair[],
  audited: ReadonlySet<Pair>,
  repeated: ReadonlySet<Pair>,
): readonly { readonly pair: Pair; readonly audit: Audit }[] {
  const later = Math.ceil(pairs.length / 10);
  const all = pairs.flatMap((pair, at) => [
    { pair, audit: "none" as const, turn: at },
    ...(audited.has(pair) ? [{ pair, audit: "swapped" as const, turn: at + later }] : []),
    ...(repeated.has(pair) ? [{ pair, audit: "repeated" as const, turn: at + later }] : []),
  ]);
  return all.toSorted((one, other) => one.turn - other.turn);
}
