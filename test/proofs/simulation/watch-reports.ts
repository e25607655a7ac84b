/** Looks at what a gate is told of a call: how it went, whose it was, and when. Held against what the vendor saw of it. */
import type { CallFacts, Finding, CallReport } from "../../../src/domain/gate/call-report.ts";
import { asServed, failureOf, meaningOf, type Meaning } from "./meanings.ts";
import type { Walk } from "./walk.ts";
import type { SeenTickets } from "./watch-tickets.ts";
import type { World } from "./world.ts";

interface Wrong {
  readonly promise: string;
  readonly sentence: string;
}

const longestPauseMs = 900_000;

export interface ReportWatch {
  /** @returns `null`: it is told as it was */
  wrongIn(walk: Walk, callReport: CallReport): Wrong | null;
}

export function watchReports(world: World, tickets: SeenTickets): ReportWatch {
  const isUnsure = ["stop", "deploy", "unconfigured"].some((kind) => world.plan.rates.has(kind as "stop"));
  const names = { tenant: new Map<string, string>(), model: new Map<string, string>() };

  /** A gate tells by keys what is the same: one key for each name, and another for another. */
  function isKeyOf(kind: "tenant" | "model", name: string, key: string): boolean {
    const known = names[kind].get(name);
    if (known !== undefined) return known === key;
    const isAnothers = [...names[kind].values()].includes(key);
    names[kind].set(name, key);
    return !isAnothers;
  }

  function wrongIn(walk: Walk, callReport: CallReport): Wrong | null {
    const { finding } = callReport;
    const made = walk.calls.slice(walk.leave?.callsBefore ?? 0);
    const last = made.at(-1);
    const breaker = (sentence: string) => ({ promise: "8 breaker", sentence });
    if (finding.kind === "nothing" && isUnsure && !last?.reply?.outcome.ok) return null;
    if (last === undefined) {
      // A provider that is not configured any more is not called.
      const isUnconfigured = walk.kind === "work" && finding.kind === "refused";
      if (finding.kind !== "nothing" && !isUnconfigured)
        return breaker(`${finding.kind} of a call that was not made`);
      return null;
    }
    if (last.reply === null && !last.hasThrown) return breaker(`${finding.kind} of a call that is not over`);
    const meaning = meaningOf(last);
    const wrong = wrongFinding(meaning, callReport, walk);
    // Whose answer can't be read has not judged.
    const isInvented = meaning === "answered" && told(finding) === "judged";
    if (wrong !== null) return isInvented ? { promise: "3 true", sentence: wrong } : breaker(wrong);
    // Nobody is charged by what a call says that threw, and a live one is told without its facts.
    if (last.hasThrown && callReport.call === undefined) return null;
    return wrongFacts(walk, callReport.call, world.scheduler.nowMs() - (made[0]?.atMs ?? 0));
  }

  function wrongFinding(meaning: Meaning, { finding, unlessServed }: CallReport, walk: Walk): string | null {
    const last = walk.calls.at(-1);
    const failure = last ? failureOf(last) : null;
    const isDoubtful = failure?.reason === "request_refused" && failure.unlessServed !== undefined;
    if (isDoubtful !== (unlessServed === true))
      return unlessServed ? "to doubt what is certain" : "for certain what only a sentence says";
    if (told(finding) !== meaning) return `${told(finding)}, not ${meaning}`;
    if (finding.kind !== "rate_limited" || walk.kind !== "work" || failure === null) return null;
    const plain = asServed(failure, false);
    if (plain.reason !== "rate_limited") return null;
    const holdMs = Math.min(plain.retryAfterMs ?? 30_000, longestPauseMs);
    return finding.holdMs === holdMs ? null : `to hold the model for ${finding.holdMs} ms, not ${holdMs}`;
  }

  function wrongFacts(walk: Walk, facts: CallFacts | undefined, agoMs: number): Wrong | null {
    const whose = (sentence: string) => ({ promise: "13 whose", sentence });
    if (facts === undefined) return whose("of nobody's call");
    const { sent } = walk.calls.at(-1) ?? {};
    if (sent === undefined) return null;
    const known = walk.kind === "work" ? tickets.known(walk.name) : undefined;
    const tenant = known?.about.tenant ?? walk.tenant;
    if (facts.comparison !== sent.promptSha256.slice(0, 16)) return whose("of another comparison's call");
    if (tenant !== null && !isKeyOf("tenant", tenant, facts.tenant)) return whose("of another tenant's call");
    if (!isKeyOf("model", sent.model, facts.model)) return whose("of another model's call");
    if (facts.beganAgoMs !== agoMs)
      return { promise: "5 attempts", sentence: `that it began ${facts.beganAgoMs} ms ago, not ${agoMs}` };
    if ((facts.ticket !== undefined) !== (walk.kind === "work")) return whose("a live call for a ticket's");
    const beforeMs = known?.sincePreviousMs?.(walk.claim?.fence ?? 0);
    if (beforeMs !== undefined && facts.beforeAgoMs !== beforeMs + agoMs)
      return {
        promise: "5 attempts",
        sentence: `of a call ${facts.beforeAgoMs} ms ago before it, not ${beforeMs + agoMs}`,
      };
    return null;
  }

  return { wrongIn };
}

function told(finding: Finding): Meaning {
  switch (finding.kind) {
    case "healthy":
      return finding.judged === true ? "judged" : "answered";
    case "refused":
      return finding.model === undefined ? "account_refused" : "model_refused";
    case "fault":
    case "rate_limited":
    case "nothing":
      return finding.kind;
  }
}
