/**
 * The flow, in reading order: `submit` answers now or keeps a ticket. How a ticket is judged that was kept stands in `work.ts`; what its owner can
 * do with it in `own-tickets.ts`, what operators can in `operator.ts`; how a provider is tried out in `try-out.ts`.
 */
import type { ProviderName } from "../domain/judging/comparison.ts";
import { isTransient, retryAfterMs, type Failure } from "../domain/failure.ts";
import { longestPauseMs } from "../domain/gate/call-report.ts";
import { err, ok, type Result } from "../domain/result.ts";
import { backoffMs } from "../domain/retry.ts";
import { textsBytes } from "../domain/ticket/size.ts";
import { comparisonKey } from "../domain/ticket/ticket.ts";
import { ofTicket } from "../telemetry/ticket-events.ts";
import { attempt, costOfCalls, fineMs, newCallTally, type CallTally, type Purpose } from "./attempt.ts";
import { asServed, reportOf, noReport } from "./call-report.ts";
import { wait, type Deadline } from "./deadline.ts";
import { aboutOf } from "./draft.ts";
import { createFlow, type Flow, type Policy } from "./flow.ts";
import type { GateKeys } from "./gate-keys.ts";
import { storable } from "./stored-failure.ts";
import {
  StoreAway,
  type AbortCause,
  type ClaimedTicket,
  type Ports,
  type Provider,
  type Tickets,
} from "./ports.ts";
import { operatorVerbs } from "./operator.ts";
import { cancelOwn, findOwn, listOwn } from "./own-tickets.ts";
import { preview } from "./preview.ts";
import { prepare, resolve, type Asked, type Presented } from "./resolve.ts";
import {
  reasonToWait,
  type Caller,
  type LiveJudgement,
  type Obstacle,
  type Submitted,
  type WhyNot,
} from "./submission.ts";
import { tryOut, type Tester } from "./try-out.ts";
import { run } from "./work.ts";

export type Gateway = ReturnType<typeof createGateway>;

export function createGateway(ports: Ports, policy: Policy) {
  const flow = createFlow(ports, policy);
  return {
    submit: (asked: Asked, caller: Caller) => submit(flow, asked, caller),
    preview: (asked: Asked, whom: Tester) => preview(flow, asked, whom),
    tryOut: (asked: Asked, whom: Tester) => tryOut(flow, asked, whom),
    find: (ticketId: string, tenant: string) => findOwn(flow, ticketId, tenant),
    list: (query: Parameters<typeof listOwn>[1]) => listOwn(flow, query),
    /** Anybody's: for who knows already whose a ticket is. */
    tickets: ports.tickets as Pick<Tickets, "load" | "events">,
    cancel: (ticketId: string, tenant: string) => cancelOwn(flow, ticketId, tenant),
    run: (claimed: ClaimedTicket) => run(flow, claimed),
    keysOf: flow.keysOf,
    operator: operatorVerbs(flow, policy.tenants ?? []),
  };
}

/** A comparison on its way. */
interface Underway {
  readonly provider: Provider;
  readonly prepared: Presented;
  readonly caller: Caller;
  readonly keys: GateKeys;
  readonly tally: CallTally;
}

async function submit(
  flow: Flow,
  asked: Asked,
  caller: Caller,
): Promise<Result<Submitted, WhyNot & { readonly provider: ProviderName }>> {
  const { ports, policy } = flow;
  const comparison = resolve(asked, policy.defaults);
  const name = comparison.provider;
  const provider = ports.providers.get(name);
  if (!provider) return err({ kind: "not_usable", usable: [...ports.providers.keys()], provider: name });

  const deadline = flow.startDeadline(policy.requestTimeoutMs, caller.onHangUp);
  try {
    const prepared = await prepare(comparison, asked.order, provider, ports, deadline.signal);
    const keys = await flow.keysOf(caller.tenant, comparison.model);
    const underway: Underway = { provider, prepared, caller, keys, tally: newCallTally() };
    let waitsFor: Obstacle | null = null;
    if (caller.mode !== "queue") {
      const judged = await judgeInRoom(flow, underway, deadline);
      if (judged.ok) return judged;
      waitsFor = obstacleIn(judged.error, deadline.signal);
      const canWait = caller.mode === "queue_if_unavailable" && canBeMended(waitsFor);
      if (!canWait) return err({ ...waitsFor, provider: name });
    }
    // A client that went away will never learn of its ticket.
    if (deadline.signal.reason === "hung_up") return err({ ...hungUp, provider: name });
    const kept = await keep(flow, underway, waitsFor);
    return kept.ok ? kept : err({ ...kept.error, provider: name });
  } finally {
    deadline.end();
  }
}

/** Where there is room for one more live call. */
async function judgeInRoom(
  flow: Flow,
  underway: Underway,
  deadline: Deadline,
): Promise<Result<{ readonly kind: "judged" } & LiveJudgement, Obstacle>> {
  const { caller, provider } = underway;
  const stay = flow.roomOf(provider.name).enter(caller.tenant, caller.liveBytes ?? 0);
  if (stay === null) return err({ kind: "crowded" });
  try {
    return await judgeNow(flow, underway, deadline);
  } finally {
    stay.leave();
  }
}

/** Asks the judge until there is a judgement, or no use, leave or time for another call. The one owner of a live request's retries. */
async function judgeNow(
  { ports, policy }: Flow,
  { provider, prepared, caller, keys, tally }: Underway,
  { signal, atMs }: Deadline,
): Promise<Result<{ readonly kind: "judged" } & LiveJudgement, Obstacle>> {
  const { clock } = ports;
  const gate = ports.gate(provider.name);
  const asking = { provider, prepared, tally };
  const comparison = comparisonKey(prepared.promptSha256);
  let last: Obstacle | null = null;
  /** When the comparison came, or its call before this one began. */
  let beforeMs = clock.monotonicMs();

  for (let failed = 1; ; failed++) {
    const permit = ports.newId();
    const enteringMs = fineMs(clock);
    const admission = await gate.enter(permit, keys);
    tally.awayMs += fineMs(clock) - enteringMs;
    if (admission.kind === "wait") {
      const { why, retryAtMs } = admission;
      return err(last ?? { kind: "gate", why, retryAtMs });
    }
    const turn = { permit: admission.probe && permit, epoch: admission.epoch };
    const startedMs = clock.monotonicMs();
    // Over before this call began: while the plan was made, at the gate, or in the wait.
    const answer = signal.aborted
      ? { ...err(abortedBy(signal)), durationMs: null }
      : await attempt(ports, { ...asking, purpose: liveCall(caller, last) }, signal).catch(
          async (error: unknown) => {
            await gate.report({ ...turn, ...noReport });
            throw error;
          },
        );
    const { durationMs } = answer;
    const nowMs = clock.monotonicMs();
    const patienceMs = failed > policy.maxRetries ? 0 : Math.max(0, atMs - nowMs);
    const told = durationMs !== null && {
      ...reportOf(answer.ok ? null : answer.error, keys.model, patienceMs),
      durationMs,
      call: { comparison, ...keys, beganAgoMs: nowMs - startedMs, beforeAgoMs: nowMs - beforeMs },
    };
    const reportingMs = fineMs(clock);
    const others = await gate.report({ ...turn, ...(told || noReport) });
    tally.awayMs += fineMs(clock) - reportingMs;
    beforeMs = startedMs;
    if (answer.ok) {
      const { calls: attempts, vendorMs, awayMs } = tally;
      const costUsd = costOfCalls(tally);
      return ok({ kind: "judged", ...answer.value, ...prepared, costUsd, attempts, vendorMs, awayMs });
    }
    const failure = asServed(answer.error, others);
    last = { kind: "failed", failure };
    if (!isTransient(failure) || failed > policy.maxRetries || signal.aborted) return err(last);
    if ("notAtOnce" in failure) return err(last);
    const waitMs = backoffMs(failed, retryAfterMs(failure), ports.random());
    if (clock.monotonicMs() + waitMs >= atMs) return err(last);
    const waitingMs = fineMs(clock);
    await wait(clock, waitMs, signal);
    tally.awayMs += fineMs(clock) - waitingMs;
  }
}

/** @param last what the call before it met; `null`: there was none */
function liveCall(caller: Caller, last: Obstacle | null): Purpose {
  const { correlationId, tenant, span: parent = null } = caller;
  const traceId = parent?.traceId ?? caller.traceId;
  const retryOf = last?.kind === "failed" ? last.failure.reason : null;
  return { lane: "live", correlationId, tenant, traceId, parent, queueId: null, retryOf };
}

/** Keeps a comparison as a ticket. A keep that stops half-way leaves a ticket that is kept, or nothing for long. */
async function keep(
  { ports }: Flow,
  { prepared, caller, keys, tally }: Underway,
  waitsFor: Obstacle | null,
): Promise<Result<Submitted, WhyNot>> {
  const { systemPrompt, userPrompt, essayA, essayB } = prepared.comparison;
  const texts = { systemPrompt, userPrompt, essayA, essayB };
  const sizeBytes = ports.sizeOf?.(texts) ?? textsBytes(texts);
  const span = ports.tracer?.keeping(caller.span ?? null) ?? null;
  const id = caller.queueId ?? ports.newId();
  const about = aboutOf(prepared, caller, keys, { id, sizeBytes, span });
  const lastFailure = waitsFor?.kind === "failed" ? storable(waitsFor.failure, ports.mask) : null;
  const spent = { calls: tally.calls, costUsd: costOfCalls(tally) };
  try {
    // As long as the vendor asked for, as between a ticket's own attempts.
    const askedMs = lastFailure === null ? null : retryAfterMs(lastFailure);
    const delayMs = Math.min(askedMs ?? 0, longestPauseMs);
    const idIsGiven = caller.queueId !== null;
    const draft = { about, texts, spent, lastFailure, delayMs, idIsGiven };
    const created = await ports.tickets.create(draft);
    if (created.kind === "full") return err({ kind: "queue_full" });
    ports.tell({ kind: "ticket_kept", ...ofTicket(created.ticket), span, reason: reasonToWait(waitsFor) });
    return ok({ ...created, waitsFor });
  } catch (error) {
    if (error instanceof StoreAway) return err({ kind: "store_away" });
    throw error;
  }
}

const hungUp: Obstacle = { kind: "failed", failure: { reason: "hung_up" } };

/** A call that was ended, or not asked once more, because the process stops has not failed. */
function obstacleIn(obstacle: Obstacle, signal: AbortSignal): Obstacle {
  if (signal.reason !== "stopping" || obstacle.kind !== "failed") return obstacle;
  const { reason } = obstacle.failure;
  return reason === "hung_up" || reason === "unreadable" ? { kind: "stopping" } : obstacle;
}

function canBeMended(obstacle: Obstacle): boolean {
  switch (obstacle.kind) {
    case "gate":
    case "crowded":
    case "stopping":
      return true;
    case "failed":
      return isTransient(obstacle.failure);
  }
}

function abortedBy(signal: AbortSignal): Failure {
  return { reason: (signal.reason as AbortCause) === "timeout" ? "timeout" : "hung_up" };
}
