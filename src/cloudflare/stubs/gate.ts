/** A provider's gate, as asked from elsewhere. */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { seatOf, type Errand, type Ticket } from "../../domain/ticket/ticket.ts";
import type { StartingGate } from "../../engine/claims.ts";
import type { RemoteGate } from "../../engine/front/front.ts";
import { askObject, type Remote } from "./ask-object.ts";
import type { Environment } from "../environment.ts";
import type { ProviderGate } from "../objects/gate-object.ts";

/** The gate behind every isolate's front. Whatever goes wrong is `StoreAway`. */
export function durableGate(env: Environment, provider: ProviderName): RemoteGate & StartingGate {
  const ask = <Reply>(verb: (gate: Remote<ProviderGate>) => Promise<Reply>) =>
    askObject<ProviderGate, Reply>(env.GATES, provider, verb);
  return {
    enter: (permit, { tenant, model }) => ask((gate) => gate.enter(permit, model, tenant)),
    exchange: (reportId, outcomes) => ask((gate) => gate.exchange(reportId, outcomes)),
    reserve: (seat) => ask((gate) => gate.reserve(seat)),
    start: (seat, starter) => ask((gate) => gate.start(seat, starter)),
    outlook: (ticketId) => ask((gate) => gate.outlook(ticketId)),
    overview: (tenant) => ask((gate) => gate.overview(tenant)),
  };
}

/** Well below the time that a ticket's own caller waits. */
const errandLimitMs = 2_000;

/** What a ticket has to tell its gate. @throws {StoreAway} it may not have heard it */
export function tellGate(env: Environment, ticket: Ticket, errand: Errand): Promise<void> {
  const seat = seatOf(ticket);
  const say = (gate: Remote<ProviderGate>) => {
    switch (errand.kind) {
      case "confirm":
        return gate.confirm(seat, errand.notBeforeMs);
      case "park": {
        const { notBeforeMs, suspect, permit } = errand;
        return gate.park(seat, { notBeforeMs, suspect, permit });
      }
      case "release":
        return gate.release(seat.ticketId, errand.keptBytes);
    }
  };
  return askObject<ProviderGate, void>(env.GATES, ticket.about.provider, say, errandLimitMs);
}

/** Has a gate look after itself. @returns tickets that Queues has refused, to be worked now */
export function tendGate(env: Environment, provider: ProviderName): Promise<readonly string[]> {
  return askObject<ProviderGate, readonly string[]>(env.GATES, provider, (gate) => gate.tend());
}
