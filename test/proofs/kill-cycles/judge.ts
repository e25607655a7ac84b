/** The judge of a run: each rule looks at the evidence and says every violation of it. It has no part in the run itself. */
import { answerRules } from "./answer-rules.ts";
import type { Evidence } from "./evidence.ts";
import { rulingOf, type Rules, type Ruling, type Terms } from "./rules.ts";
import { dataRules, worthRules } from "./run-rules.ts";
import { isStarved, notGivenInWords } from "./starvation.ts";
import { feedRules, receiptRules } from "./told-rules.ts";
import { ticketRules } from "./ticket-rules.ts";

export function judge(evidence: Evidence, terms: Terms): Ruling[] {
  return [
    ...judgePromises(evidence, terms),
    ...rulingsOf(worthRules, evidence, terms).map((ruling) => worthBy(evidence, ruling)),
  ];
}

/** A service that was not given most of the CPU it wanted can't have come as far as a run must: that is said of the run in place of a failure. */
export function worthBy({ cpu }: Evidence, ruling: Ruling): Ruling {
  return ruling.violations.length > 0 && isStarved(cpu)
    ? { ...ruling, violations: [], starved: [...ruling.violations, notGivenInWords(cpu)].join("; ") }
    : ruling;
}

/** Without what a run must reach to prove something. */
export function judgePromises(evidence: Evidence, terms: Terms): Ruling[] {
  const { told } = evidence;
  const rules = {
    ...ticketRules,
    ...answerRules,
    ...dataRules,
    ...((told?.receipts ?? null) !== null && receiptRules),
    ...(told !== undefined && feedRules),
  };
  return rulingsOf(rules, evidence, terms);
}

function rulingsOf(rules: Rules, evidence: Evidence, terms: Terms): Ruling[] {
  return Object.entries(rules).map(([rule, find]) => rulingOf(rule, find(evidence, terms)));
}
