/** A ticket as each of its moves leaves it. */
import type { Failure } from "../../../src/domain/failure.ts";
import { acceptTicket, claim, settle } from "../../../src/domain/ticket/moves.ts";
import type { Ticket, TicketPolicy } from "../../../src/domain/ticket/ticket.ts";

export const policy: TicketPolicy = {
  ttlMs: 14_400_000,
  maxAttempts: 4,
  leaseMs: 75_000,
  retentionMs: 86_400_000,
  recoveryMs: 10_000,
};

/** @returns after 1 event, 2 and 3 */
export function lifeOf(
  nowMs: number,
  changes: { readonly failure?: Failure; readonly metadata?: Readonly<Record<string, unknown>> } = {},
): readonly [queued: Ticket, processing: Ticket, ended: Ticket] {
  const { failure, metadata = { pair: 17 } } = changes;
  const about = {
    id: crypto.randomUUID(),
    tenant: "tenant",
    provider: "mock",
    model: "mock-judge-1",
    parameters: { temperature: null, maxTokens: 100, reasoningEffort: null },
    plan: { temperature: null, reasoningEffort: null, structure: "schema", dropped: [] },
    promptSha256: "f".repeat(64),
    priority: 3,
    sizeBytes: 1234,
    correlationId: crypto.randomUUID(),
    traceId: null,
    userId: "canary of the user",
    callback: { name: "app", url: "https://app.example/canary-of-the-callback" },
    metadata,
  } as const;
  const texts = {
    systemPrompt: "canary of the system prompt",
    userPrompt: "canary of the prompt",
    essayA: "canary of essay A",
    essayB: "canary of essay B",
  };
  const spent = { calls: 0, costUsd: null };
  const queued = acceptTicket(about, texts, spent, null, 0, nowMs, policy).ticket;
  const processing = claim(queued, "canary of a permit", false, nowMs + 100, policy).ticket;
  const judgement = {
    winner: "Essay A",
    justification: "It “argues” better: \u{1f600} \ud800.",
    confidence: 4.5,
    normalizations: [],
  } as const;
  const outcome =
    failure === undefined
      ? ({
          kind: "judged",
          result: { judgement, model: "m", usage: null, durationMs: 12 },
          spent: { calls: 1, costUsd: 0.5 },
        } as const)
      : ({ kind: "failed", failure, spent: { calls: 1, costUsd: null } } as const);
  const ended = settle(processing, 1, outcome, nowMs + 200, policy, 0.5).ticket;
  return [queued, processing, ended];
}
