/** What the script is told when a ticket ends whose tenant has endpoints. */
import type { Moved } from "../../domain/ticket/steps.ts";
import { endsBy } from "../../domain/ticket/ticket-end.ts";
import { eventToTell } from "../../engine/event-to-tell.ts";
import type { ToldEndpoints } from "../../gateway/delivery-store.ts";
import type { ToldEnd } from "./script/calls.ts";

export interface ToldEndsParts {
  /** Whom ends of tickets are told. Absent: nobody. */
  readonly webhooks?: { readonly told: ToldEndpoints; readonly onEntered: () => void } | undefined;
  readonly onFault: (error: unknown) => void;
}

export interface ToldEnds {
  /** What goes with the move to the script: nothing, where it doesn't end the ticket, or nobody is to be told. */
  of(moved: Pick<Moved<unknown>, "ticket" | "events">): { readonly told?: ToldEnd };
  /** It is stored. @param fault what the script says of a bug in it; empty: there was none */
  areStored(call: { readonly told?: ToldEnd }, fault: unknown): void;
}

export function toldEnds({ webhooks, onFault }: ToldEndsParts): ToldEnds {
  return {
    of(moved) {
      if (webhooks === undefined || !endsBy(moved)) return {};
      const { told } = webhooks;
      try {
        const event = eventToTell(moved.ticket);
        const endpoints = told.endpointsOf(moved.ticket.about);
        if (event === null || endpoints.length === 0) return {};
        return { told: { event, endpoints, maxPending: told.maxPending } };
      } catch (error) {
        // A bug of ours in telling must not cost the ticket its end.
        onFault(error);
        return {};
      }
    },
    areStored({ told }, fault) {
      if (told === undefined) return;
      if (fault === "") webhooks?.onEntered();
      else onFault(new Error(`What endpoints are to be told could not be entered: ${String(fault)}`));
    },
  };
}
