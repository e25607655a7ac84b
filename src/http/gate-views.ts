/** What the gates say of themselves and of a ticket, for answers that are given also where a gate can't be reached. */
import { providerNames, type ProviderName } from "../domain/judging/comparison.ts";
import type { WaitEstimate, GateStatus } from "../domain/gate/view.ts";
import type { Ticket, TicketCopy } from "../domain/ticket/ticket.ts";
import { StoreAway, type Ports } from "../gateway/ports.ts";

/** `null`: the provider's gate can't be reached. */
export type GateStatuses = Readonly<Record<ProviderName, GateStatus | null>>;

/** @param tenant who asks, as its gates know it; absent: nobody */
export async function statusesOf(gate: Ports["gate"], tenant?: string): Promise<GateStatuses> {
  const rows = await Promise.all(
    providerNames.map(async (name): Promise<[ProviderName, GateStatus | null]> => {
      try {
        return [name, await gate(name).status(tenant)];
      } catch (error) {
        return [name, awayAsNull(error)];
      }
    }),
  );
  return Object.fromEntries(rows) as Record<ProviderName, GateStatus | null>;
}

/**
 * Without an estimate of its wait a ticket's answers have no estimate; they are given all the same. For a copy no gate is asked: the copy may be behind.
 *
 * @returns `null`: the ticket does not wait, or its gate can't say
 */
export async function estimateOfTicket(
  gate: Ports["gate"],
  { about, state }: Ticket | TicketCopy,
): Promise<WaitEstimate | null> {
  if (state.status !== "queued" || !("texts" in state)) return null;
  return gate(about.provider).estimate(about.id).catch(awayAsNull);
}

/** Of tickets as a list has them: without their texts, but as they are now. `null`: it does not wait, or its gate can't say. */
export async function estimatesOf(
  gate: Ports["gate"],
  tickets: readonly TicketCopy[],
): Promise<readonly (WaitEstimate | null)[]> {
  return Promise.all(
    tickets.map(({ about, state }) =>
      state.status === "queued" ? gate(about.provider).estimate(about.id).catch(awayAsNull) : null,
    ),
  );
}

/** For what an answer can do without. */
export function awayAsNull(error: unknown): null {
  if (error instanceof StoreAway) return null;
  throw error;
}
