/** The work on a ticket: it is claimed in its turn, one call is made for it, and what came of the call is stored and told to the gate. */
import type { Failure } from "../domain/failure.ts";
import type { Outcome } from "../domain/gate/outcome.ts";
import { backoffMs } from "../domain/retry.ts";
import type { AttemptOutcome } from "../domain/ticket/moves.ts";
import { comparisonOf, isEnded, seatOf, type Ticket, type TicketResult } from "../domain/ticket/ticket.ts";
import { attempt, costOf, newTally, type Tally } from "./attempt.ts";
import { factsOfTicketCall, newsOf, noNews } from "./call-report.ts";
import { wait } from "./deadline.ts";
import type { Flow } from "./flow.ts";
import { storable } from "./stored-failure.ts";
import { StoreAway, type ClaimedTicket, type Ports } from "./ports.ts";
import { requestOf } from "./resolve.ts";

/**
 * One step for one ticket, whose id a message or a timer brought. Safe to do twice, late, and beside another: the claim decides. Where a step
 * does nothing, the gate will send the ticket again in its turn.
 */
export async function work(flow: Flow, ticketId: string): Promise<void> {
  const begun = await begin(flow.ports, ticketId);
  if (begun !== null) await run(flow, begun);
}

/** How long a worker asks for its claim: well within what a lease has to spare. */
const claimMs = 5_000;

/** @returns `null`: the ticket is not to be called for now, or not by this worker */
async function begin(ports: Ports, ticketId: string): Promise<ClaimedTicket | null> {
  const { clock, tickets } = ports;
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
  const giveBack = () => gate.report({ permit, epoch, ...noNews });
  // A claim that was made but not heard of would make the ticket look as if its process had died.
  const claim = await untilAnswered(
    ports,
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

/** Makes the call that was begun, and stores what came of the call. Whatever throws, the turn, the place and the ticket are given back at once. */
export async function run(flow: Flow, claimed: ClaimedTicket): Promise<void> {
  const { ports } = flow;
  const { clock, tickets } = ports;
  const { ticket, permit, epoch, fence, leaseEndsAtMs } = claimed;
  const { about, progress } = ticket;
  const { id, keys = await flow.keysOf(about.tenant, about.model) } = about;
  const gate = ports.gate(about.provider);
  const startedMs = clock.nowMs();
  const tally = newTally(progress.spent.calls);
  const spentNow = () => ({ calls: tally.calls - progress.spent.calls, costUsd: costOf(tally) });
  const settle = (outcome: AttemptOutcome) =>
    untilAnswered(ports, () => tickets.settle(id, fence, outcome), leaseEndsAtMs);
  const report = (news: Pick<Outcome, "finding" | "durationMs" | "reason" | "unlessServed">) =>
    gate.report({
      permit,
      epoch,
      ...news,
      call: factsOfTicketCall(ticket, keys, clock.nowMs() - startedMs),
    });

  let attempted;
  try {
    attempted = await attemptFor(flow, ticket, tally);
  } catch (error) {
    const others = await report(noNews);
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
        gate.report({ permit, epoch, ...noNews }),
        untilAnswered(ports, () => tickets.giveBack(id, fence, spent), leaseEndsAtMs),
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
      // Whether the ticket is charged with the failure depends on how others fared: the gate is asked first.
      const { failure } = outcome;
      const others = await report({ ...newsOf(failure, keys.model, 0), durationMs });
      await settle({ kind: "failed", failure, spent, others });
    }
  }
}

/** What came of a ticket's attempt. `stopped`: it was broken off, because the process ends. */
type TicketAnswer =
  | { readonly kind: "judged"; readonly result: TicketResult }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "stopped" };

async function attemptFor(
  { ports, policy, startDeadline }: Flow,
  ticket: Ticket,
  tally: Tally,
): Promise<{ readonly outcome: TicketAnswer; readonly durationMs: number | null }> {
  const { about, state } = ticket;
  if (isEnded(state)) throw new Error(`ticket ${about.id} was claimed though it has ended`);
  const provider = ports.providers.get(about.provider);
  if (!provider) {
    // A provider that is no longer configured: the ticket waits as for credentials.
    const failure: Failure = { reason: "credentials_refused", status: 401 };
    return { outcome: { kind: "failed", failure }, durationMs: null };
  }
  const comparison = comparisonOf({ ...ticket, state });
  const request = requestOf({ ...about, frame: about.frame ?? 1, comparison });
  const deadline = startDeadline(policy.requestTimeoutMs, null);
  const asking = { provider, request, whom: about, tally };
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

/**
 * Asks again and again until the store has answered, or `untilMs` has come: a settle after its lease would be too late, for then another
 * worker calls again.
 *
 * @returns `null`: the store has not answered
 */
async function untilAnswered<Reply>(
  { clock, random }: Pick<Ports, "clock" | "random">,
  ask: () => Promise<Reply>,
  untilMs: number,
): Promise<Reply | null> {
  const never = new AbortController().signal;
  for (let failed = 1; ; failed++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof StoreAway)) throw error;
      const waitMs = backoffMs(failed, null, random());
      if (clock.nowMs() + waitMs >= untilMs) return null;
      await wait(clock, waitMs, never);
    }
  }
}
