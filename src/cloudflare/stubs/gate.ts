/** A provider's gate, as asked from elsewhere. */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import { seatOf, type Errand, type Ticket } from "../../domain/ticket/ticket.ts";
import type { Admitted } from "../../domain/gate/view.ts";
import type { StartingGate } from "../../engine/claims.ts";
import type { Asked } from "../../engine/ticket-parts.ts";
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

/** Asks a gate to admit a ticket. @throws {StoreAway} it may have done so, or may do so later */
export function askToAdmit(
  env: Environment,
  { provider, seat }: Asked,
  notBeforeMs: number,
): Promise<Admitted> {
  return askObject<ProviderGate, Admitted>(
    env.GATES,
    provider,
    (gate) => gate.admit(seat, notBeforeMs),
    errandLimitMs,
  );
}

/** Takes back what a gate was asked. @throws {StoreAway} it may not have heard it */
export function withdrawFrom(env: Environment, { provider, seat }: Asked): Promise<void> {
  const { ticketId, acceptedAtMs } = seat;
  const say = (gate: Remote<ProviderGate>) => gate.withdraw({ ticketId, acceptedAtMs });
  return askObject<ProviderGate, void>(env.GATES, provider, say, errandLimitMs);
}

/** Has a gate ask after a ticket, should it have a place for that one. @throws {StoreAway} */
export function haveAskedAfter(env: Environment, provider: ProviderName, ticketId: string): Promise<void> {
  return askObject<ProviderGate, void>(env.GATES, provider, (gate) => gate.askAfter(ticketId));
}

/** Has a gate look after itself. @returns tickets that Queues has refused, to be worked now */
export function tendGate(env: Environment, provider: ProviderName): Promise<readonly string[]> {
  return askObject<ProviderGate, readonly string[]>(env.GATES, provider, (gate) => gate.tend());
}
