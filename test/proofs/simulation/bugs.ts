/** Deliberate bugs, most of them such as somebody has really shipped: the seeds that CI runs must find every one. */
import type { Bug } from "./bug.ts";
import { answerBugs } from "./bugs-of-answers.ts";
import { blameBugs } from "./bugs-of-blame.ts";
import { clockBugs } from "./bugs-of-clocks.ts";
import { gateBugs } from "./bugs-of-gates.ts";
import { ticketBugs } from "./bugs-of-tickets.ts";
import { tellingBugs } from "./told/bugs-of-telling.ts";
import { storeBugs } from "./shared/bugs-of-stores.ts";

export const bugs: readonly Bug[] = [
  ...ticketBugs,
  ...gateBugs,
  ...clockBugs,
  ...blameBugs,
  ...answerBugs,
  ...storeBugs,
  ...tellingBugs,
];
