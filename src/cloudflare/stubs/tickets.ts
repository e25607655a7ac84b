/** Tickets, each in a Durable Object named by its id, as asked from elsewhere. */
import type { ProviderName } from "../../domain/judging/comparison.ts";
import type { TicketEvent } from "../../domain/ticket/ticket.ts";
import type { DistantTickets, SeenTicket } from "../../engine/claims.ts";
import type { AdmissionGuard } from "../../engine/front/admission.ts";
import type { TicketEnded } from "../../telemetry/events.ts";
import { askObject, type Remote } from "./ask-object.ts";
import type { Environment } from "../environment.ts";
import type { TicketObject } from "../objects/ticket-object.ts";
import { listFrom } from "./tenant-index.ts";

/**
 * The store of tickets. Whatever goes wrong is `StoreAway`.
 *
 * @param front what stands before the gates here
 * @param onEnd hears of tickets that have ended by what was settled here: their objects tell of all others themselves
 */
export function remoteTickets(
  env: Environment,
  front: (provider: ProviderName) => AdmissionGuard,
  onEnd: (ended: TicketEnded) => void = () => {},
): DistantTickets {
  const ask = <Reply>(id: string, verb: (ticket: Remote<TicketObject>) => Promise<Reply>) =>
    askObject<TicketObject, Reply>(env.TICKET_OBJECTS, id, verb);
  async function look(id: string): Promise<SeenTicket | null> {
    const found = await ask(id, (ticket) => ticket.load(true));
    // An object of older code says the ticket alone.
    return found !== null && "about" in found ? { ticket: found } : found;
  }

  return {
    create: (draft) =>
      front(draft.about.provider).admit(draft.about.tenant, async () => {
        // An object of older code wants the moment, by a clock that is as good as its own.
        const dated = { ...draft, notBeforeMs: Date.now() + draft.delayMs };
        const made = await ask(draft.about.id, (ticket) => ticket.create(dated, true));
        // An object of older code has kept it without asking.
        return "about" in made
          ? { created: { kind: "kept", ticket: made, estimate: null }, gateMs: 0 }
          : made;
      }),
    load: async (id) => (await look(id))?.ticket ?? null,
    look,
    claim: (id, permit, asProbe, early) => ask(id, (ticket) => ticket.claim(permit, asProbe, early)),
    async settle(id, fence, outcome) {
      const { ended, ...settled } = await ask(id, (ticket) => ticket.settle(fence, outcome));
      if (ended !== undefined) onEnd(ended);
      return settled;
    },
    giveBack: (id, fence, spent) => ask(id, (ticket) => ticket.giveBack(fence, spent)),
    list: (query) => listFrom(env, query),
    events: (id) => ask<readonly TicketEvent[]>(id, (ticket) => ticket.events()),
    cancel: (id, by) => ask(id, (ticket) => ticket.cancel(by)),
  };
}

/** Has a ticket tell its gate how it stands, whatever it has told before. @returns false: there is no such ticket. @throws {StoreAway} */
export function remindTicket(env: Environment, id: string): Promise<boolean> {
  return askObject<TicketObject, boolean>(env.TICKET_OBJECTS, id, (ticket) => ticket.remind());
}
