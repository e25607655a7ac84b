/** A provider's gate, as asked from elsewhere. */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { queueItemOf, type GateNotice, type Ticket } from "../../domain/ticket/ticket.ts";
import type { Admitted } from "../../domain/gate/view.ts";
import type { StartingGate } from "../../engine/claims.ts";
import type { AdmissionQuestion } from "../../engine/ticket-parts.ts";
import type { RemoteGate } from "../../engine/front/front.ts";
import { askObject, type Remote } from "./ask-object.ts";
import type { Environment } from "../environment.ts";
import type { ProviderGate } from "../objects/gate-object.ts";

/** The gate behind every isolate's front. Whatever goes wrong is `StoreAway`. */
export function remoteGate(env: Environment, provider: ProviderName): RemoteGate & StartingGate {
  const ask = <Reply>(verb: (gate: Remote<ProviderGate>) => Promise<Reply>) =>
    askObject<ProviderGate, Reply>(env.GATES, provider, verb);
  return {
    enter: (permit, { tenant, model }) => ask((gate) => gate.enter(permit, model, tenant)),
    exchange: (reportId, callReports) => ask((gate) => gate.exchange(reportId, callReports)),
    start: (item, starter) => ask((gate) => gate.start(item, starter)),
    estimate: (ticketId) => ask((gate) => gate.outlook(ticketId)),
    estimates: (ticketIds) => ask((gate) => gate.outlooks(ticketIds)),
    status: (tenant) => ask((gate) => gate.overview(tenant)),
    order: (order) => ask((gate) => gate.order(order)),
  };
}

/** Well below the time that a ticket's own caller waits. */
const noticeLimitMs = 2_000;

/** What a ticket has to tell its gate. @param atMs the ticket's clock. @throws {StoreAway} it may not have heard it */
export function sendNotice(
  env: Environment,
  ticket: Ticket,
  notice: GateNotice,
  atMs: number,
  isUnheard: boolean,
): Promise<void> {
  const item = queueItemOf(ticket);
  const say = (gate: Remote<ProviderGate>) => {
    switch (notice.kind) {
      case "enqueue":
        return gate.confirm(item, notice.notBeforeMs, atMs);
      case "requeue": {
        const { notBeforeMs, suspect, permit } = notice;
        return gate.park(item, { notBeforeMs, suspect, permit }, atMs);
      }
      case "remove":
        return isUnheard
          ? gate.release(item.ticketId, notice.keptBytes, {
              tenant: item.tenant,
              acceptedAtMs: item.acceptedAtMs,
            })
          : gate.release(item.ticketId, notice.keptBytes);
    }
  };
  return askObject<ProviderGate, void>(env.GATES, ticket.about.provider, say, noticeLimitMs);
}

/** Asks a gate to admit a ticket. @throws {StoreAway} it may have done so, or may do so later */
export function askToAdmit(
  env: Environment,
  { provider, item }: AdmissionQuestion,
  notBeforeMs: number,
  atMs: number,
): Promise<Admitted> {
  return askObject<ProviderGate, Admitted>(
    env.GATES,
    provider,
    (gate) => gate.admit(item, notBeforeMs, atMs),
    noticeLimitMs,
  );
}

/** Takes back what a gate was asked. @throws {StoreAway} it may not have heard it */
export function withdrawFrom(env: Environment, { provider, item }: AdmissionQuestion): Promise<void> {
  const { ticketId, acceptedAtMs } = item;
  const say = (gate: Remote<ProviderGate>) => gate.withdraw({ ticketId, acceptedAtMs });
  return askObject<ProviderGate, void>(env.GATES, provider, say, noticeLimitMs);
}

/** Has a gate ask after a ticket, should it have a place for that one. @throws {StoreAway} */
export function haveAskedAfter(env: Environment, provider: ProviderName, ticketId: string): Promise<void> {
  return askObject<ProviderGate, void>(env.GATES, provider, (gate) => gate.askAfter(ticketId));
}

/** Has a gate look after itself. @returns tickets that Queues has refused, to be worked now */
export function lookAtGate(env: Environment, provider: ProviderName): Promise<readonly string[]> {
  return askObject<ProviderGate, readonly string[]>(env.GATES, provider, (gate) => gate.tend());
}
