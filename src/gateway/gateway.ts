/**
 * The whole flow, in reading order: `submit` answers now or keeps a ticket, `work` takes one ticket a step further, `find` tells where a
 * ticket stands.
 */
import type { Comparison, FrameVersion, ProviderName } from "../domain/judging/comparison.ts";
import { isTransient, retryAfterMs, type Failure } from "../domain/failure.ts";
import {
  findingOf,
  longestHoldMs,
  type CallFacts,
  type Others,
  type Outcome,
} from "../domain/gate/outcome.ts";
import type { Plan } from "../domain/judging/plan.ts";
import { framed } from "../domain/judging/frames.ts";
import { canonicalText, frameVersion } from "../domain/judging/prompt.ts";
import { err, ok, type Result } from "../domain/result.ts";
import { backoffMs } from "../domain/retry.ts";
import {
  comparisonKey,
  comparisonOf,
  draftSeat,
  isEnded,
  seatOf,
  type About,
  type Ticket,
  type TicketCopy,
  type TicketResult,
} from "../domain/ticket/ticket.ts";
import type { AttemptOutcome } from "../domain/ticket/moves.ts";
import { attempt, costOf, newTally, type Judged, type Tally } from "./attempt.ts";
import { createDeadlines, wait, type Deadline } from "./deadline.ts";
import { createKeysOf, type GateKeys } from "./gate-keys.ts";
import {
  QueueFull,
  StoreAway,
  type AbortCause,
  type ClaimedTicket,
  type JudgeRequest,
  type Ports,
  type Provider,
} from "./ports.ts";
import { resolve, type Asked, type Defaults } from "./resolve.ts";
import type { Caller, LiveJudgement, Obstacle, Refusal, Submitted } from "./submission.ts";

export interface Policy {
  readonly defaults: Defaults;
  /** The longest that one live request, or one attempt for a ticket, may take, all its calls and waits included. */
  readonly requestTimeoutMs: number;
  /** Calls within a live request after the first one that failed in a transient way. */
  readonly maxRetries: number;
  /** Of this service, noted with each judgement of a ticket; absent: not noted. */
  readonly serviceVersion?: string;
}

export type Gateway = ReturnType<typeof createGateway>;

export function createGateway(ports: Ports, policy: Policy) {
  const { providers, clock, tickets } = ports;
  const startDeadline = createDeadlines(ports);
  const keysOf = createKeysOf(ports.sha256);

  async function submit(
    asked: Asked,
    caller: Caller,
  ): Promise<Result<Submitted, Refusal & { readonly provider: ProviderName }>> {
    const comparison = resolve(asked, policy.defaults);
    const name = comparison.provider;
    const provider = providers.get(name);
    if (!provider) return err({ kind: "not_usable", usable: [...providers.keys()], provider: name });

    const deadline = startDeadline(policy.requestTimeoutMs, caller.onHangUp);
    try {
      const prepared = await prepare(provider, comparison, deadline.signal);
      const keys = await keysOf(caller.tenant, comparison.model);
      const tally = newTally();
      let waitsFor: Obstacle | null = null;
      if (caller.mode !== "queue") {
        const judged = await judgeNow(provider, prepared, caller, keys, tally, deadline);
        if (judged.ok) return judged;
        waitsFor = obstacleIn(judged.error, deadline.signal);
        const canWait = caller.mode === "queue_if_unavailable" && canBeMended(waitsFor);
        if (!canWait) return err({ ...waitsFor, provider: name });
      }
      // A client that went away will never learn of its ticket.
      if (deadline.signal.reason === "hung_up") return err({ ...hungUp, provider: name });
      const kept = await keep(prepared, caller, keys, tally, waitsFor);
      return kept.ok ? kept : err({ ...kept.error, provider: name });
    } finally {
      deadline.end();
    }
  }

  /** Everything that a request depends on, decided now: a ticket's is sent upstream byte for byte as it would be today. */
  async function prepare(provider: Provider, comparison: Comparison, signal: AbortSignal): Promise<Prepared> {
    const promptSha256 = await ports.sha256(canonicalText(comparison));
    const plan = await provider.plan(comparison.model, comparison.parameters, signal);
    return { comparison, plan, promptSha256, frame: frameVersion };
  }

  /** Asks the judge until there is a judgement, or no use, leave or time for another call. The one owner of retries. */
  async function judgeNow(
    provider: Provider,
    prepared: Prepared,
    caller: Caller,
    keys: GateKeys,
    tally: Tally,
    { signal, atMs }: Deadline,
  ): Promise<Result<{ readonly kind: "judged" } & LiveJudgement, Obstacle>> {
    const gate = ports.gate(provider.name);
    const request = requestOf(prepared);
    const comparison = comparisonKey(prepared.promptSha256);
    let last: Obstacle | null = null;
    /** When the comparison came, or its call before this one began. */
    let beforeMs = clock.nowMs();

    for (let failed = 1; ; failed++) {
      const permit = ports.newId();
      const admission = await gate.enter(permit, keys);
      if (admission.kind === "wait") {
        const { why, retryAtMs } = admission;
        return err(last ?? { kind: "gate", why, retryAtMs });
      }
      const turn = { permit: admission.probe && permit, epoch: admission.epoch };
      const startedMs = clock.nowMs();
      // Over before this call began: while the plan was made, at the gate, or in the wait.
      const answer = signal.aborted
        ? { ...err(abortedBy(signal)), durationMs: null }
        : await attempt(ports, provider, request, caller, tally, signal).catch(async (error: unknown) => {
            await gate.report({ ...turn, finding: { kind: "nothing" }, durationMs: null });
            throw error;
          });
      const nowMs = clock.nowMs();
      const others = await gate.report({
        ...turn,
        ...told(
          answer.ok ? null : answer.error,
          answer.durationMs,
          failed > policy.maxRetries ? 0 : atMs - nowMs,
        ),
        ...(answer.durationMs !== null && {
          call: { comparison, ...keys, beganAgoMs: nowMs - startedMs, beforeAgoMs: nowMs - beforeMs },
        }),
      });
      beforeMs = startedMs;
      if (answer.ok) {
        return ok({
          kind: "judged",
          ...answer.value,
          ...prepared,
          costUsd: costOf(tally),
          attempts: tally.calls,
        });
      }
      const failure = asServed(answer.error, others);
      last = { kind: "failed", failure };
      if (!isTransient(failure) || failed > policy.maxRetries || signal.aborted) return err(last);
      if ("notAtOnce" in failure) return err(last);
      const waitMs = backoffMs(failed, retryAfterMs(failure), ports.random());
      if (clock.nowMs() + waitMs >= atMs) return err(last);
      await wait(clock, waitMs, signal);
    }

    function told(failure: Failure | null, durationMs: number | null, leftMs: number) {
      if (durationMs === null) return { finding: { kind: "nothing" }, durationMs } as const;
      return { ...newsOf(failure, keys.model, Math.max(0, leftMs)), durationMs };
    }
  }

  /** Keeps a comparison as a ticket. What it leaves behind where it stops half-way is a hold that lapses, or a ticket that is kept. */
  async function keep(
    { comparison, plan, promptSha256, frame }: Prepared,
    caller: Caller,
    keys: GateKeys,
    tally: Tally,
    waitsFor: Obstacle | null,
  ): Promise<Result<Submitted, Refusal>> {
    const { provider, model, parameters, systemPrompt, userPrompt, essayA, essayB } = comparison;
    const texts = { systemPrompt, userPrompt, essayA, essayB };
    const sizeBytes =
      ports.sizeOf?.(texts) ?? Object.values(texts).reduce((sum, text) => sum + utf8Bytes(text), 0);
    const keptBytes = besideBytes(caller);
    const about: Omit<About, "acceptedAtMs" | "expiresAtMs"> = {
      id: caller.queueId ?? ports.newId(),
      tenant: caller.tenant,
      provider,
      model,
      parameters,
      plan,
      promptSha256,
      frame,
      priority: caller.priority,
      sizeBytes,
      storedBytes: sizeBytes + ticketBytes + keptBytes,
      keptBytes,
      keys,
      correlationId: caller.correlationId,
      traceId: caller.traceId,
      userId: caller.userId,
      metadata: caller.metadata,
      ...asWritten(caller),
    };
    const lastFailure = waitsFor?.kind === "failed" ? masked(waitsFor.failure) : null;
    const spent = { calls: tally.calls, costUsd: costOf(tally) };
    try {
      const nowMs = clock.nowMs();
      const reserved = await ports.gate(provider).reserve(draftSeat(about, nowMs));
      if (!reserved) return err({ kind: "queue_full" });
      // As long as the vendor asked for, as between a ticket's own attempts.
      const askedMs = lastFailure === null ? null : retryAfterMs(lastFailure);
      const notBeforeMs = nowMs + Math.min(askedMs ?? 0, longestHoldMs);
      const idIsGiven = caller.queueId !== null;
      const draft = { about, texts, spent, lastFailure, notBeforeMs, idIsGiven };
      return ok({ kind: "kept", ticket: await tickets.create(draft), waitsFor });
    } catch (error) {
      if (error instanceof QueueFull) return err({ kind: "queue_full" });
      if (error instanceof StoreAway) return err({ kind: "store_away" });
      throw error;
    }
  }

  /**
   * One step for one ticket, whose id a message or a timer brought. Safe to do twice, late, and beside another: the claim decides. When it
   * does nothing, the gate will send the ticket again in its turn.
   */
  async function work(ticketId: string): Promise<void> {
    const begun = await begin(ticketId);
    if (begun !== null) await run(begun);
  }

  /** @returns `null`: it is not to be called for now, or not by us */
  async function begin(ticketId: string): Promise<ClaimedTicket | null> {
    const ticket = await tickets.load(ticketId);
    if (ticket === null || ticket.state.status !== "queued") return null;
    const { about, progress, state } = ticket;
    const gate = ports.gate(about.provider);
    const permit = ports.newId();
    const { notBeforeMs } = state;
    const { suspect, updatedAtMs: sinceMs } = progress;
    const start = await gate.start(seatOf(ticket), { permit, notBeforeMs, suspect, sinceMs });
    if (start.kind !== "call") return null;

    const { epoch, asProbe, early } = start;
    const giveBack = () => gate.report({ permit, epoch, finding: { kind: "nothing" }, durationMs: null });
    // A claim that was made but not heard of would make the ticket look as if its process had died.
    const claim = await untilAnswered(
      () => tickets.claim(ticketId, permit, asProbe, early),
      clock.nowMs() + claimMs,
    ).catch(async (error: unknown) => {
      await giveBack();
      throw error;
    });
    if (claim?.claimed.kind === "claimed") return { ...claim.claimed, ticket: claim.ticket, permit, epoch };
    await giveBack();
    return null;
  }

  /** Makes the call that was begun, and stores what came of it. Whatever throws, the turn, the place and the ticket are given back at once. */
  async function run({ ticket, permit, epoch, fence, leaseEndsAtMs }: ClaimedTicket): Promise<void> {
    const { id, provider, keys = await keysOf(ticket.about.tenant, ticket.about.model) } = ticket.about;
    const gate = ports.gate(provider);
    const startedMs = clock.nowMs();
    const tally = newTally(ticket.progress.spent.calls);
    const spentNow = () => ({ calls: tally.calls - ticket.progress.spent.calls, costUsd: costOf(tally) });
    const settle = (outcome: AttemptOutcome) =>
      untilAnswered(() => tickets.settle(id, fence, outcome), leaseEndsAtMs);
    const report = (news: Pick<Outcome, "finding" | "durationMs" | "reason" | "unlessServed">) =>
      gate.report({ permit, epoch, ...news, call: callFacts(ticket, keys, clock.nowMs() - startedMs) });

    let attempted;
    try {
      attempted = await attemptFor(ticket, tally);
    } catch (error) {
      const others = await report({ finding: { kind: "nothing" }, durationMs: null });
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
          gate.report({ permit, epoch, finding: { kind: "nothing" }, durationMs: null }),
          untilAnswered(() => tickets.giveBack(id, fence, spent), leaseEndsAtMs),
        ]);
        return;
      case "judged": {
        const { result } = outcome;
        await Promise.all([
          report({ ...newsOf(null, keys.model, 0), durationMs }),
          settle({ kind: "judged", result, spent }),
        ]);
        return;
      }
      case "failed": {
        // Whether it is charged with it depends on how others fared: the gate is asked first.
        const { failure } = outcome;
        const others = await report({ ...newsOf(failure, keys.model, 0), durationMs });
        await settle({ kind: "failed", failure, spent, others });
      }
    }
  }

  async function attemptFor(
    ticket: Ticket,
    tally: Tally,
  ): Promise<{ readonly outcome: TicketAnswer; readonly durationMs: number | null }> {
    const { about, state } = ticket;
    if (isEnded(state)) throw new Error(`ticket ${about.id} was claimed though it has ended`);
    const provider = providers.get(about.provider);
    if (!provider) {
      // No longer configured: it waits as for credentials.
      const failure: Failure = { reason: "credentials_refused", status: 401 };
      return { outcome: { kind: "failed", failure }, durationMs: null };
    }
    const comparison = comparisonOf({ ...ticket, state });
    const request = requestOf({ ...about, frame: about.frame ?? 1, comparison });
    const deadline = startDeadline(policy.requestTimeoutMs, null);
    const answer = await attempt(ports, provider, request, about, tally, deadline.signal).finally(
      deadline.end,
    );
    const { durationMs } = answer;
    if (answer.ok) {
      const { judgement, model, usage } = answer.value;
      const { serviceVersion } = policy;
      const noted = serviceVersion === undefined ? {} : { serviceVersion };
      const result = { judgement, model, usage, durationMs: answer.value.durationMs, ...noted };
      return { outcome: { kind: "judged", result }, durationMs };
    }
    if (deadline.signal.reason === "stopping") return { outcome: { kind: "stopped" }, durationMs };
    return { outcome: { kind: "failed", failure: masked(answer.error) }, durationMs };
  }

  /**
   * Tries until the store has answered, or it would be too late: a settle after its lease, for then another will call again.
   *
   * @returns `null`: it has not answered
   */
  async function untilAnswered<Reply>(ask: () => Promise<Reply>, untilMs: number): Promise<Reply | null> {
    const never = new AbortController().signal;
    for (let failed = 1; ; failed++) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof StoreAway)) throw error;
        const waitMs = backoffMs(failed, null, ports.random());
        if (clock.nowMs() + waitMs >= untilMs) return null;
        await wait(clock, waitMs, never);
      }
    }
  }

  /** One attempt past gate and queue, to try a provider out. */
  async function tryOut(
    asked: Asked,
    whom: Pick<Caller, "correlationId" | "tenant" | "onHangUp">,
  ): Promise<Result<Judged, Refusal & { readonly provider: ProviderName }>> {
    const comparison = resolve(asked, policy.defaults);
    const name = comparison.provider;
    const provider = providers.get(name);
    if (!provider) return err({ kind: "not_usable", usable: [...providers.keys()], provider: name });
    const deadline = startDeadline(policy.requestTimeoutMs, whom.onHangUp);
    try {
      const request = requestOf(await prepare(provider, comparison, deadline.signal));
      const answer = await attempt(ports, provider, request, whom, newTally(), deadline.signal);
      return answer.ok ? answer : err({ kind: "failed", failure: answer.error, provider: name });
    } finally {
      deadline.end();
    }
  }

  /** @returns the tenant's own ticket, or a copy where its store is away; `null`: there is none. @throws {StoreAway} */
  async function find(ticketId: string, tenant: string): Promise<Ticket | TicketCopy | null> {
    const found = await tickets.load(ticketId).catch(async (error: unknown) => {
      const copy = error instanceof StoreAway ? await ports.copyOf?.(ticketId) : null;
      // Without a copy nobody has said that there is no such ticket.
      if (!copy) throw error;
      return copy;
    });
    return found?.about.tenant === tenant ? found : null;
  }

  /** The vendor's words are stored, and shown for a request that can't succeed. */
  function masked(failure: Failure): Failure {
    return failure.reason === "request_refused"
      ? { ...failure, vendorSays: ports.mask(failure.vendorSays).slice(0, 1000) }
      : failure;
  }

  return { submit, tryOut, work, run, find, keysOf };
}

/** How long a worker asks for its claim: well within what a lease has to spare. */
const claimMs = 5_000;

/** What came of a ticket's attempt. `stopped`: it was broken off, because the process ends. */
type TicketAnswer =
  | { readonly kind: "judged"; readonly result: TicketResult }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "stopped" };

/** A comparison and all that follows from it. */
interface Prepared {
  readonly comparison: Comparison;
  readonly plan: Plan;
  readonly promptSha256: string;
  readonly frame: FrameVersion;
}

function requestOf({ comparison, plan, promptSha256, frame }: Prepared): Omit<JudgeRequest, "attempt"> {
  const { model, systemPrompt, parameters } = comparison;
  const user = framed(frame, comparison, promptSha256);
  return { model, system: systemPrompt, user, maxTokens: parameters.maxTokens, plan, promptSha256, frame };
}

/** What a call tells of its provider. @param failure `null`: it brought a judgement */
function newsOf(
  failure: Failure | null,
  model: string,
  patienceMs: number,
): Pick<Outcome, "finding" | "reason" | "unlessServed"> {
  const finding = findingOf(failure, model, patienceMs);
  if (failure === null) return { finding };
  const isDoubtful = failure.reason === "request_refused" && failure.unlessServed !== undefined;
  return { finding, reason: failure.reason, ...(isDoubtful ? { unlessServed: true } : {}) };
}

/** What only a sentence says counts where somebody else of the model was served. */
function asServed(failure: Failure, others: Others | null): Failure {
  if (failure.reason !== "request_refused" || failure.unlessServed === undefined) return failure;
  return others?.served === true ? failure : failure.unlessServed;
}

/** @param agoMs since this call began */
function callFacts({ about, progress }: Ticket, keys: GateKeys, agoMs: number): CallFacts {
  const { calledAtMs, calledBeforeMs, unreadableAtMs, thrownAtMs } = progress;
  // Spans by the store's clock up to the claim, and by this process' since.
  const since = (atMs: number | undefined) =>
    atMs === undefined || calledAtMs === undefined ? null : Math.max(0, calledAtMs - atMs) + agoMs;
  return {
    comparison: comparisonKey(about.promptSha256),
    ...keys,
    beganAgoMs: agoMs,
    beforeAgoMs: since(calledBeforeMs) ?? agoMs,
    ticket: { unreadableAgoMs: since(unreadableAtMs), thrownAgoMs: since(thrownAtMs) },
  };
}

/** Each ticket's record, and the rows and keys around it, in bytes. */
const ticketBytes = 1_024;

/** What a caller has stored beside the texts, in UTF-8 bytes. Nothing where there is none of it. */
function besideBytes({ metadata, metadataText, userId }: Caller): number {
  const hasMetadata = Object.keys(metadata).length > 0;
  const text = hasMetadata ? (metadataText ?? JSON.stringify(metadata)) : "";
  return utf8Bytes(text) + utf8Bytes(userId ?? "");
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
    case "stopping":
      return true;
    case "failed":
      return isTransient(obstacle.failure);
  }
}

function abortedBy(signal: AbortSignal): Failure {
  return { reason: (signal.reason as AbortCause) === "timeout" ? "timeout" : "hung_up" };
}

/** What a ticket keeps of a request's own writing: only what its record doesn't say already. */
function asWritten({
  metadata,
  metadataText,
  ignoredFields = [],
}: Caller): Pick<About, "metadataText" | "ignoredFields"> {
  const saysMore = metadataText !== undefined && metadataText !== JSON.stringify(metadata);
  return { ...(saysMore && { metadataText }), ...(ignoredFields.length > 0 && { ignoredFields }) };
}

/** Counted, not encoded: that would cost five times as much. A lone surrogate is three bytes, as what stands for it. */
function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // The two units of a pair are four bytes together.
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      i++;
    }
  }
  return bytes;
}
