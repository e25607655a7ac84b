/** The work on a ticket that its store has claimed: one call is made for it, and what came of the call is stored and told to the gate. */
import type { Failure } from "../domain/failure.ts";
import type { CallReport } from "../domain/gate/call-report.ts";
import type { AttemptOutcome } from "../domain/ticket/moves.ts";
import { comparisonOf, isEnded, type Ticket, type TicketResult } from "../domain/ticket/ticket.ts";
import type { TicketWorked } from "../telemetry/events.ts";
import { ofTicket } from "../telemetry/ticket-events.ts";
import type { Span } from "../telemetry/tracing/context.ts";
import { attempt, costOfCalls, newCallTally, type CallTally } from "./attempt.ts";
import { factsOfTicketCall, reportOf, noReport } from "./call-report.ts";
import type { Flow } from "./flow.ts";
import { storable } from "./stored-failure.ts";
import type { ClaimedTicket } from "./ports.ts";
import { untilAnswered } from "./until-answered.ts";

/** Makes the call that was begun, and stores what came of the call. Whatever throws, the turn, the place and the ticket are given back at once. */
export async function run(flow: Flow, claimed: ClaimedTicket): Promise<void> {
  const { tracer, tell } = flow.ports;
  const whose = ofTicket(claimed.ticket);
  const span = tracer?.spans?.attempt(whose.accepted) ?? null;
  let came: Pick<TicketWorked, "outcome" | "reason"> = { outcome: "threw", reason: null };
  try {
    const outcome = await work(flow, claimed, span);
    came = { outcome: outcome.kind, reason: outcome.kind === "failed" ? outcome.failure.reason : null };
  } finally {
    tell({ kind: "ticket_worked", ...whose, span, ...came });
  }
}

/** @param span of this attempt */
async function work(flow: Flow, claimed: ClaimedTicket, span: Span | null): Promise<TicketAnswer> {
  const { ports } = flow;
  const { clock, tickets } = ports;
  const { ticket, permit, epoch, fence, leaseLeftMs } = claimed;
  const { about, progress } = ticket;
  const { id, keys = await flow.keysOf(about.tenant, about.model) } = about;
  const gate = ports.gate(about.provider);
  const startedMs = clock.monotonicMs();
  const leaseEndsMs = startedMs + leaseLeftMs;
  const tally = newCallTally(progress.spent.calls);
  const spentNow = () => ({ calls: tally.calls - progress.spent.calls, costUsd: costOfCalls(tally) });
  const settle = (outcome: AttemptOutcome) =>
    untilAnswered(ports, () => tickets.settle(id, fence, outcome), leaseEndsMs);
  const report = (told: Pick<CallReport, "finding" | "durationMs" | "reason" | "unlessServed">) =>
    gate.report({
      permit,
      epoch,
      ...told,
      call: factsOfTicketCall(ticket, keys, clock.monotonicMs() - startedMs),
    });

  let attempted;
  try {
    attempted = await attemptFor(flow, ticket, tally, span);
  } catch (error) {
    const others = await report(noReport);
    const failure: Failure = { reason: "hung_up" };
    await settle({ kind: "failed", failure, threw: true, spent: spentNow(), others });
    throw error;
  }
  const { outcome, durationMs } = attempted;
  const spent = spentNow();
  switch (outcome.kind) {
    case "stopped":
      // In one moment, the gate first: where both are in one store, they go there together.
      await Promise.all([
        gate.report({ permit, epoch, ...noReport }),
        untilAnswered(ports, () => tickets.giveBack(id, fence, spent), leaseEndsMs),
      ]);
      break;
    case "judged": {
      const { result } = outcome;
      await Promise.all([
        report({ ...reportOf(null, keys.model, 0), durationMs }),
        settle({ kind: "judged", result, spent }),
      ]);
      break;
    }
    case "failed": {
      // Whether the ticket is charged with the failure depends on how others fared: the gate is asked first.
      const { failure } = outcome;
      const others = await report({ ...reportOf(failure, keys.model, 0), durationMs });
      await settle({ kind: "failed", failure, spent, others });
    }
  }
  return outcome;
}

/** What came of a ticket's attempt. `stopped`: it was broken off, because the process ends. */
type TicketAnswer =
  | { readonly kind: "judged"; readonly result: TicketResult }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "stopped" };

async function attemptFor(
  { ports, policy, startDeadline }: Flow,
  ticket: Ticket,
  tally: CallTally,
  parent: Span | null,
): Promise<{ readonly outcome: TicketAnswer; readonly durationMs: number | null }> {
  const { about, progress, state } = ticket;
  if (isEnded(state)) throw new Error(`ticket ${about.id} was claimed though it has ended`);
  const provider = ports.providers.get(about.provider);
  if (!provider) {
    // A provider that is no longer configured: the ticket waits as for credentials.
    const failure: Failure = { reason: "credentials_refused", status: 401 };
    return { outcome: { kind: "failed", failure }, durationMs: null };
  }
  const comparison = comparisonOf({ ...ticket, state });
  const { plan, promptSha256, frame = 1, exchanged = false } = about;
  const { cancellations } = ports;
  const onCancel = cancellations ? (then: () => void) => cancellations.watch(about.id, then) : null;
  const deadline = startDeadline(policy.requestTimeoutMs, onCancel);
  const retryOf = progress.spent.calls === 0 ? null : (state.lastFailure?.reason ?? null);
  const { correlationId, tenant, traceId, queueId } = ofTicket(ticket);
  const purpose = { lane: "ticket", correlationId, tenant, traceId, parent, queueId, retryOf } as const;
  const asking = { provider, prepared: { comparison, plan, promptSha256, frame, exchanged }, purpose, tally };
  const answer = await attempt(ports, asking, deadline.signal).finally(deadline.end);
  const { durationMs } = answer;
  if (answer.ok) {
    const { judgement, model, usage } = answer.value;
    const { serviceVersion } = policy;
    const noted = serviceVersion === undefined ? {} : { serviceVersion };
    const result = { judgement, model, usage, durationMs: answer.value.durationMs, ...noted };
    return { outcome: { kind: "judged", result }, durationMs };
  }
  if (deadline.signal.reason === "stopping") return { outcome: { kind: "stopped" }, durationMs };
  return { outcome: { kind: "failed", failure: storable(answer.error, ports.mask) }, durationMs };
}
