/** A provider's gate, as asked from elsewhere. */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { queueItemOf, type GateNotice, type Ticket } from "../../domain/ticket/ticket.ts";
import type { StartingGate } from "../../engine/claims.ts";
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
    reserve: (item) => ask((gate) => gate.reserve(item)),
    start: (item, starter) => ask((gate) => gate.start(item, starter)),
    estimate: (ticketId) => ask((gate) => gate.outlook(ticketId)),
    status: (tenant) => ask((gate) => gate.overview(tenant)),
  };
}

/** Well below the time that a ticket's own caller waits. */
const noticeLimitMs = 2_000;

/** What a ticket has to tell its gate. @throws {StoreAway} it may not have heard it */
export function sendNotice(env: Environment, ticket: Ticket, notice: GateNotice): Promise<void> {
  const item = queueItemOf(ticket);
  const say = (gate: Remote<ProviderGate>) => {
    switch (notice.kind) {
      case "enqueue":
        return gate.confirm(item, notice.notBeforeMs);
      case "requeue": {
        const { notBeforeMs, suspect, permit } = notice;
        return gate.park(item, { notBeforeMs, suspect, permit });
      }
      case "remove":
        return gate.release(item.ticketId, notice.keptBytes);
    }
  };
  return askObject<ProviderGate, void>(env.GATES, ticket.about.provider, say, noticeLimitMs);
}

/** Has a gate look after itself. @returns tickets that Queues has refused, to be worked now */
export function lookAtGate(env: Environment, provider: ProviderName): Promise<readonly string[]> {
  return askObject<ProviderGate, readonly string[]>(env.GATES, provider, (gate) => gate.tend());
}
