/**
 * The gate in force: the shared store's, or while that is away this process' own. Tickets that are here have their turns from the gate here,
 * whichever is in force.
 */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { Others, Outcome } from "../../domain/gate/outcome.ts";
import type { Gate } from "../../gateway/ports.ts";
import type { SharedStore } from "./shared-store.ts";
import type { LocalStore } from "./local-store.ts";
import type { Watch } from "./watch.ts";

export interface FailoverGateParts {
  readonly local: Pick<LocalStore, "gate" | "moves">;
  readonly shared: Pick<SharedStore, "gate">;
  readonly watch: Pick<Watch, "ask" | "isAway">;
}

export interface FailoverGates {
  /** Whoever is let in by one reports to the same one. */
  of(provider: ProviderName): Gate;
  /** A call for a ticket that this store has claimed: until it is reported, the permit's news are that store's gate's. */
  began(permit: string, store: "shared" | "local"): void;
  ended(permit: string): void;
}

export function failoverGates({ local, shared, watch }: FailoverGateParts): FailoverGates {
  const made = new Map<ProviderName, { readonly shared: Gate; readonly local: Gate }>();
  /** Of calls for tickets, and whose gate gave the turn. */
  const permits = new Map<string, "shared" | "local">();

  function make(provider: ProviderName) {
    const here = local.gate(provider);
    const there = shared.gate(provider);

    /** A call may end after the gate that let it in went out of reach. What it tells of the provider is as true of the other one. */
    function reportThere(outcome: Outcome): Promise<Others | null> {
      return watch.isAway() ? here.report({ ...outcome, permit: null, epoch: null }) : there.report(outcome);
    }

    function reporting(inForce: Gate["report"]): Gate["report"] {
      return (outcome) => {
        const of = outcome.permit === null ? undefined : permits.get(outcome.permit);
        if (of === undefined) return inForce(outcome);
        permits.delete(outcome.permit ?? "");
        return of === "local" ? here.report(outcome) : reportThere(outcome);
      };
    }

    const outlook: Gate["outlook"] = (ticketId) => {
      if (local.moves.whereabouts(ticketId) === "here") return here.outlook(ticketId);
      return watch.ask(() => there.outlook(ticketId));
    };

    return {
      shared: {
        enter: there.enter,
        report: reporting(reportThere),
        outlook,
        overview: (tenant?: string) => watch.ask(() => there.overview(tenant)),
      },
      local: {
        enter: here.enter,
        report: reporting(here.report),
        outlook,
        overview: here.overview,
      },
    };
  }

  return {
    of(provider) {
      let gates = made.get(provider);
      if (gates === undefined) made.set(provider, (gates = make(provider)));
      return watch.isAway() ? gates.local : gates.shared;
    },
    began: (permit, store) => void permits.set(permit, store),
    ended: (permit) => void permits.delete(permit),
  };
}
