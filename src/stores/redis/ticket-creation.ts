/** Tickets that come into Redis: new ones, and those that were kept elsewhere. */
import type { WaitEstimate } from "../../domain/gate/view.ts";
import { acceptTicket } from "../../domain/ticket/moves.ts";
import { ticketMoved } from "../../domain/ticket/set-back.ts";
import type { Ticket, TicketEvent, TicketPolicy } from "../../domain/ticket/ticket.ts";
import { StoreAway, type Created, type Draft } from "../../gateway/ports.ts";
import { NotDone, type PrimaryTickets } from "../failover/primary-store.ts";
import { decodeEstimate } from "./codec.ts";
import type { ScriptRunner } from "./script-runner.ts";
import { ticketInRecord, written } from "./ticket-record.ts";
import type { ToldEnds } from "./told-ends.ts";

export function redisCreation(
  script: ScriptRunner,
  policy: TicketPolicy,
  toldEnds: ToldEnds,
): Pick<PrimaryTickets, "create" | "adopt" | "withdraw"> {
  async function create(draft: Draft): Promise<Created> {
    const { about, texts, spent, lastFailure, delayMs } = draft;
    const nowMs = script.nowMs();
    const accepted = acceptTicket(about, texts, spent, lastFailure, delayMs, nowMs, policy);
    const { told, texts: stored } = written(accepted.ticket, accepted.events, true);
    const call = { verb: "create", always: false, atMs: nowMs, ...told } as const;
    const [answer, ...rest] = await script.atGate(about.provider, call, stored);
    switch (answer) {
      case "again":
        return await create(draft);
      case "full":
        return { kind: "full" };
      case "stored":
        return { kind: "kept", ticket: accepted.ticket, estimate: estimateIn(rest[0]) };
      default: {
        const known = ticketInRecord(rest, policy);
        if (known === null) throw new StoreAway("It was withdrawn while it was under way");
        return { kind: "kept", ticket: known.ticket, estimate: null };
      }
    }
  }

  async function adopt(ticket: Ticket, events: readonly TicketEvent[]): Promise<void> {
    const atMs = script.nowMs();
    // Its moments are of this machine's clock.
    const moved = ticketMoved(ticket, script.aheadMs());
    const { told, texts } = written(moved, events, true);
    const ends = toldEnds.of({ ticket: moved, events });
    const call = { verb: "create", always: true, atMs, ...told, ...ends } as const;
    const [answer, ...row] = await script.atGate(ticket.about.provider, call, texts);
    if (answer === "again") return await adopt(ticket, events);
    if (answer === "stored") toldEnds.areStored(call, row[1]);
    if (answer === "there" && ticketInRecord(row, policy) === null) {
      throw new NotDone("refused", "A ticket of this id was withdrawn");
    }
  }

  return {
    create,
    adopt,
    async withdraw(id, provider) {
      const [answer] = await script.atGate(provider, { verb: "withdraw", ticketId: id });
      return answer === "1";
    },
  };
}

function estimateIn(told: unknown): WaitEstimate | null {
  return told === "" ? null : decodeEstimate(JSON.parse(String(told)) as WaitEstimate);
}
