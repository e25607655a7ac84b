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

/** What is known of a ticket beside itself. */
export interface TicketContext {
  /** Where it stands; `null`: it does not wait, or its gate can't say. */
  readonly estimate: WaitEstimate | null;
  /** Its provider is enabled here, and has a key. */
  readonly isUsable: boolean;
}

export async function contextOf(
  { gate, usable }: ContextParts,
  ticket: Ticket | TicketCopy,
): Promise<TicketContext> {
  return { estimate: await estimateOfTicket(gate, ticket), isUsable: usable.has(ticket.about.provider) };
}

export interface ContextParts {
  readonly gate: Ports["gate"];
  /** The providers that can be called: enabled, and with a key. */
  readonly usable: ReadonlySet<ProviderName>;
}

/**
 * Without an estimate of its wait a ticket's answers have no estimate; they are given all the same. For a copy no gate is asked: the copy may be behind.
 *
 * @returns `null`: the ticket does not wait, or its gate can't say
 */
async function estimateOfTicket(
  gate: Ports["gate"],
  { about, state }: Ticket | TicketCopy,
): Promise<WaitEstimate | null> {
  if (state.status !== "queued" || !("texts" in state)) return null;
  return gate(about.provider).estimate(about.id).catch(awayAsNull);
}

/** Of tickets as a list has them: without their texts, but as they are now. Each gate is asked once for all of its own, where it is a hop away. */
export async function contextsOf(
  { gate, usable }: ContextParts,
  tickets: readonly TicketCopy[],
): Promise<readonly { readonly ticket: TicketCopy; readonly context: TicketContext }[]> {
  const estimates = new Map<string, WaitEstimate | null>();
  await Promise.all(
    providerNames.map(async (provider) => {
      const ids = tickets
        .filter(({ about, state }) => about.provider === provider && state.status === "queued")
        .map(({ about }) => about.id);
      const found = await estimatesOf(gate(provider), ids);
      for (const [at, id] of ids.entries()) estimates.set(id, found[at] ?? null);
    }),
  );
  return tickets.map((ticket) => {
    const { id, provider } = ticket.about;
    return { ticket, context: { estimate: estimates.get(id) ?? null, isUsable: usable.has(provider) } };
  });
}

/** In their order; `null`: it does not wait, or its gate can't say. */
async function estimatesOf(
  gate: ReturnType<Ports["gate"]>,
  ids: readonly string[],
): Promise<readonly (WaitEstimate | null)[]> {
  if (ids.length === 0) return [];
  if (gate.estimates !== undefined) return (await gate.estimates(ids).catch(awayAsNull)) ?? [];
  return Promise.all(ids.map((id) => gate.estimate(id).catch(awayAsNull)));
}

/** For what an answer can do without. */
export function awayAsNull(error: unknown): null {
  if (error instanceof StoreAway) return null;
  throw error;
}
