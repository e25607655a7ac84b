/** The judge of a run: each rule looks at the evidence and says every violation of it. It has no part in the run itself. */
import { answerRules } from "./answer-rules.ts";
import type { Evidence } from "./evidence.ts";
import type { Terms } from "./rules.ts";
import { runRules } from "./run-rules.ts";
import { ticketRules } from "./ticket-rules.ts";

export interface Ruling {
  readonly rule: string;
  /** None: it held. */
  readonly violations: readonly string[];
}

export function judge(evidence: Evidence, terms: Terms): Ruling[] {
  const rules = Object.entries({ ...ticketRules, ...answerRules, ...runRules });
  return rules.map(([rule, find]) => ({ rule, violations: find(evidence, terms) }));
}
