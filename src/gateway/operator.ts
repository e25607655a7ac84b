/**
 * What operators see and do, whosever it is. What they do is told (the log) and noted (`Actions`) once it is done; what could not be noted
 * throws, and can be done again.
 */
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { GateOrder } from "../domain/gate/halt.ts";
import type { GateStatus } from "../domain/gate/view.ts";
import type { Ticket, TicketCopy, TicketEvent } from "../domain/ticket/ticket.ts";
import type { OperatorEvent } from "../telemetry/events.ts";
import type { Flow } from "./flow.ts";
import { cancelledBy, findAny } from "./own-tickets.ts";
import { StoreAway, type OperatorAction, type TicketList, type TicketQuery } from "./ports.ts";

export interface OperatorVerbs {
  /** Tickets of a tenant, or of all (`null`), newest first. @throws {StoreAway} nothing can be said; as every verb here does */
  list(query: Omit<TicketQuery, "tenantKey" | "known">): Promise<TicketList>;
  /** Anybody's ticket, or a copy where its store is away. `null`: there is none */
  show(ticketId: string): Promise<TicketHistory | null>;
  /** @returns the ticket as it is then: cancelled, or ended otherwise before; `null`: there is none */
  cancel(ticketId: string, operator: string): Promise<Ticket | null>;
  /** Nothing is called there from now on, until somebody resumes. Each of the three can be said again. @returns how the gate stands then */
  pause(provider: ProviderName, operator: string): Promise<GateStatus>;
  resume(provider: ProviderName, operator: string): Promise<GateStatus>;
  /** What is waited for is asked now: the next ticket or live call is let out. Where nothing is waited for, nothing is asked. */
  probe(provider: ProviderName, operator: string): Promise<GateStatus>;
  /** What operators did, the newest first, at most so many. */
  actions(most: number): Promise<readonly OperatorAction[]>;
}

interface TicketHistory {
  readonly ticket: Ticket | TicketCopy;
  /** In order; `null`: they can't be read now. */
  readonly events: readonly TicketEvent[] | null;
}

/** @param known tenants that have keys */
export function operatorVerbs(flow: Flow, known: readonly string[]): OperatorVerbs {
  const { ports, keysOf } = flow;

  /** Done before: from here on it is told, and noted. */
  async function did(action: OperatorAction): Promise<void> {
    ports.tell({ kind: "operator_action", ...action });
    await ports.actions?.note(action);
  }

  /** A store that is away may have heard it all the same, or hear it when it is back. Then this line alone says whose it was. */
  async function answered<T>(
    work: Promise<T>,
    asked: Pick<OperatorEvent & { kind: "operator_action" }, "operator" | "action" | "provider" | "queueId">,
  ): Promise<T> {
    return await work.catch((error: unknown) => {
      if (error instanceof StoreAway) ports.tell({ kind: "operator_action", ...asked, isUnanswered: true });
      throw error;
    });
  }

  async function order(
    provider: ProviderName,
    operator: string,
    action: ProviderAction,
  ): Promise<GateStatus> {
    const ordered = ports.gate(provider).order(orderOf(action, operator));
    const status = await answered(ordered, { operator, action, provider });
    await did({ atMs: ports.clock.nowMs(), operator, action, provider });
    return status;
  }

  return {
    async list(query) {
      const { tenant } = query;
      const tenantKey = tenant === null ? "" : (await keysOf(tenant, "")).tenant;
      return ports.tickets.list({ ...query, tenantKey, known });
    },

    async show(ticketId) {
      const ticket = await findAny(flow, ticketId);
      if (ticket === null) return null;
      return { ticket, events: await ports.tickets.events(ticketId).catch(awayAsNull) };
    },

    async cancel(ticketId, operator) {
      const cancelling = cancelledBy(flow, ticketId, "operator");
      const ended = await answered(cancelling, { operator, action: "cancel", queueId: ticketId });
      // One that its owner had cancelled before is not what an operator did.
      if (ended?.state.status !== "cancelled" || ended.state.cancelledBy !== "operator") return ended;
      const { provider, tenant } = ended.about;
      const atMs = ports.clock.nowMs();
      await did({ atMs, operator, action: "cancel", provider, queueId: ticketId, tenant });
      return ended;
    },

    pause: (provider, operator) => order(provider, operator, "pause"),
    resume: (provider, operator) => order(provider, operator, "resume"),
    probe: (provider, operator) => order(provider, operator, "probe"),
    actions: async (most) => (await ports.actions?.latest(most)) ?? [],
  };
}

type ProviderAction = Exclude<OperatorAction["action"], "cancel">;

function orderOf(action: ProviderAction, operator: string): GateOrder {
  switch (action) {
    case "pause":
      return { kind: "halt", by: operator };
    case "resume":
      return { kind: "resume" };
    case "probe":
      return { kind: "ask_now" };
  }
}

function awayAsNull(error: unknown): null {
  if (error instanceof StoreAway) return null;
  throw error;
}
