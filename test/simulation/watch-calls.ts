/** Looks at every call that a vendor sees, and at what the gate is told of it. */
import type { ProviderName } from "../../src/domain/comparison.ts";
import type { Finding } from "../../src/domain/outcome.ts";
import type { Gate } from "../../src/gateway/ports.ts";
import type { CallWatch } from "./vendor.ts";
import { walks, type Call, type Sent, type Walk } from "./walk.ts";
import type { SeenTickets } from "./watch-tickets.ts";
import type { World } from "./world.ts";

export interface Calls extends CallWatch {
  /** The call that brought this judgement; found by its justification, for no two are alike. */
  whose(provider: string, justification: string): Call | undefined;
  /** Of one provider, now. */
  underWay(provider: string): number;
}

export function watchCalls(world: World, tickets: SeenTickets): Calls {
  const calls = new Map<string, Call>();

  function began(call: Call): void {
    const { walk, sent } = call;
    const about = walk.ticketId ?? walk.name;
    calls.set(`${sent.provider} ${call.number}`, call);
    world.note(`vendor ${sent.provider}`, `call ${call.number} of ${walk.name.slice(0, 12)}`);
    const { leave } = walk;
    if (leave === null) return world.violate("8 breaker", "a call without leave", about);
    const earlier = walk.calls.slice(leave.callsBefore);
    const last = earlier.at(-1);
    if (earlier.length > 1 || (last !== undefined && !isUnreadable(last)))
      world.violate("5 attempts", `call ${earlier.length + 1} with one leave`, about);
    if (walk.kind === "work" && walk.claim === null)
      world.violate("3 one holder", "a call without a claim", about);
    const expected = walk.kind === "work" ? (tickets.known(walk.name)?.expected ?? null) : walk.expected;
    const difference = expected === null ? "its origin" : differenceOf(expected, sent);
    if (difference !== null) world.violate("7 as accepted", `${difference} is not as accepted`, about);
    walk.calls.push(call);
  }

  return {
    began,
    ended(call) {
      const { outcome } = call.reply ?? {};
      world.note(
        `vendor ${call.sent.provider}`,
        `call ${call.number}: ${outcome?.ok ? (call.verdict?.winner ?? "no judgement") : (outcome?.error.reason ?? "")}`,
      );
    },
    whose: (provider, justification) =>
      calls.get(`${provider} ${/^Call \w+ (\d+):/.exec(justification)?.[1] ?? "?"}`),
    underWay: (provider) =>
      [...calls.values()].filter((call) => call.sent.provider === provider && call.reply === null).length,
  };
}

/** The gate as the gateway sees it, its leaves and reports held against the calls that were made. */
export function watchedGate(world: World, provider: ProviderName, gate: Gate): Gate {
  const isUnsure = world.plan.rates.has("stop");
  return {
    ...gate,
    async enter(permit, model) {
      const walk = walks.getStore();
      const admission = await gate.enter(permit, model);
      if (walk && admission.kind === "call")
        walk.leave = { permit, isTurn: admission.probe !== null, callsBefore: walk.calls.length };
      return admission;
    },
    async start(seat, starter) {
      const walk = walks.getStore();
      const start = await gate.start(seat, starter);
      if (walk && start.kind === "call")
        walk.leave = { permit: starter.permit, isTurn: start.asProbe, callsBefore: walk.calls.length };
      return start;
    },
    report(outcome) {
      const walk = walks.getStore();
      if (walk?.leave) {
        const wrong = wrongIn(walk, outcome.finding, isUnsure);
        if (wrong !== null)
          world.violate("8 breaker", `${provider} is told ${wrong}`, walk.ticketId ?? walk.name);
        walk.leave = null;
      }
      return gate.report(outcome);
    },
  };
}

/** What the gate should hear, by the contract. @returns what is wrong; `null`: nothing */
function wrongIn(walk: Walk, finding: Finding, isUnsure: boolean): string | null {
  const made = walk.calls.slice(walk.leave?.callsBefore ?? 0);
  const last = made.at(-1);
  if (finding.kind === "nothing" && isUnsure && !last?.reply?.outcome.ok) return null;
  if (last === undefined) {
    const isUnconfigured = walk.kind === "work" && finding.kind === "refused";
    return finding.kind === "nothing" || isUnconfigured
      ? null
      : `${finding.kind} of a call that was not made`;
  }
  const { outcome } = last.reply ?? {};
  if (outcome === undefined) return `${finding.kind} of a call that is not over`;
  const expected = outcome.ok ? "healthy" : expectedOf(outcome.error);
  if (finding.kind !== expected) return `${finding.kind}, not ${expected}`;
  if (
    finding.kind === "rate_limited" &&
    walk.kind === "work" &&
    !outcome.ok &&
    outcome.error.reason === "rate_limited"
  ) {
    const holdMs = Math.min(outcome.error.retryAfterMs ?? 30_000, 900_000);
    if (finding.holdMs !== holdMs) return `to hold the model for ${finding.holdMs} ms, not ${holdMs}`;
  }
  return null;
}

function expectedOf(failure: { readonly reason: string; readonly why?: string }): Finding["kind"] {
  if (["connection", "timeout", "unavailable"].includes(failure.reason)) return "fault";
  if (["credentials_refused", "quota_exhausted"].includes(failure.reason)) return "refused";
  if (failure.reason === "rate_limited") return "rate_limited";
  return failure.reason === "hung_up" || failure.why === "not_an_answer" ? "nothing" : "healthy";
}

/** Answered, but not with a judgement: the one reason to ask once more. */
function isUnreadable({ reply, verdict }: Call): boolean {
  if (reply === null) return false;
  return reply.outcome.ok ? verdict === null : reply.outcome.error.reason === "unreadable";
}

function differenceOf(expected: Sent, sent: Sent): string | null {
  const fields = ["provider", "model", "system", "user", "maxTokens", "promptSha256"] as const;
  return fields.find((field) => expected[field] !== sent[field]) ?? null;
}
