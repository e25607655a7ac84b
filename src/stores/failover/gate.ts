/**
 * The gate in force: the primary store's, or while that is away this process' own. Tickets that are here have their turns from the gate here,
 * whichever is in force.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { Others, CallReport } from "../../domain/gate/call-report.ts";
import type { GateOrder } from "../../domain/gate/halt.ts";
import type { Gate } from "../../gateway/ports.ts";
import type { PrimaryStore } from "./primary-store.ts";
import type { FallbackStore } from "./fallback-store.ts";
import type { Watch } from "./watch.ts";

export interface FailoverGateParts {
  readonly fallback: Pick<FallbackStore, "gate" | "moves">;
  readonly primary: Pick<PrimaryStore, "gate">;
  readonly watch: Pick<Watch, "ask" | "isAway">;
}

export interface FailoverGates {
  /** Whoever is let in by one reports to the same one. */
  of(provider: ProviderName): Gate;
  /** A call for a ticket that this store has claimed: until it is reported, the permit's report is for that store's gate. */
  began(permit: string, store: "primary" | "fallback"): void;
  ended(permit: string): void;
}

export function failoverGates({ fallback, primary, watch }: FailoverGateParts): FailoverGates {
  const made = new Map<ProviderName, { readonly primary: Gate; readonly fallback: Gate }>();
  /** Of calls for tickets, and whose gate gave the turn. */
  const permits = new Map<string, "primary" | "fallback">();

  function make(provider: ProviderName) {
    const fallbackGate = fallback.gate(provider);
    const primaryGate = primary.gate(provider);

    /** A call may end after the gate that let it in went out of reach. What it tells of the provider is as true of the other one. */
    function reportToPrimary(callReport: CallReport): Promise<Others | null> {
      return watch.isAway()
        ? fallbackGate.report({ ...callReport, permit: null, epoch: null })
        : primaryGate.report(callReport);
    }

    function reporting(inForce: Gate["report"]): Gate["report"] {
      return (callReport) => {
        const of = callReport.permit === null ? undefined : permits.get(callReport.permit);
        if (of === undefined) return inForce(callReport);
        permits.delete(callReport.permit ?? "");
        return of === "fallback" ? fallbackGate.report(callReport) : reportToPrimary(callReport);
      };
    }

    const estimate: Gate["estimate"] = (ticketId) => {
      if (fallback.moves.whereabouts(ticketId) === "here") return fallbackGate.estimate(ticketId);
      return watch.ask(() => primaryGate.estimate(ticketId));
    };

    return {
      primary: {
        enter: primaryGate.enter,
        report: reporting(reportToPrimary),
        estimate,
        status: (tenant?: string) => watch.ask(() => primaryGate.status(tenant)),
        order: (order: GateOrder) => watch.ask(() => primaryGate.order(order)),
      },
      fallback: {
        enter: fallbackGate.enter,
        report: reporting(fallbackGate.report),
        estimate,
        status: fallbackGate.status,
        // All processes are to obey, and they can't be told. What was ordered before holds here as well.
        order: (order: GateOrder) => watch.ask(() => primaryGate.order(order)),
      },
    };
  }

  return {
    of(provider) {
      let gates = made.get(provider);
      if (gates === undefined) made.set(provider, (gates = make(provider)));
      return watch.isAway() ? gates.fallback : gates.primary;
    },
    began: (permit, store) => void permits.set(permit, store),
    ended: (permit) => void permits.delete(permit),
  };
}
