/** The judge of a run: each rule looks at the evidence and says every violation of it. It has no part in the run itself. */
import { answerRules } from "./answer-rules.ts";
import type { Evidence } from "./evidence.ts";
import type { Rules, Terms } from "./rules.ts";
import { dataRules, worthRules } from "./run-rules.ts";
import { ticketRules } from "./ticket-rules.ts";

export interface Ruling {
  readonly rule: string;
  /** None: it held. */
  readonly violations: readonly string[];
}

export function judge(evidence: Evidence, terms: Terms): Ruling[] {
  return [...judgePromises(evidence, terms), ...rulingsOf(worthRules, evidence, terms)];
}

/** Without what a run must reach to prove something. */
export function judgePromises(evidence: Evidence, terms: Terms): Ruling[] {
  return rulingsOf({ ...ticketRules, ...answerRules, ...dataRules }, evidence, terms);
}

function rulingsOf(rules: Rules, evidence: Evidence, terms: Terms): Ruling[] {
  return Object.entries(rules).map(([rule, find]) => ({ rule, violations: find(evidence, terms) }));
}
