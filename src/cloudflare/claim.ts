/** How a ticket is claimed whose id a message has brought, where the gate and the ticket are a hop away each. */
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { Claimed } from "../domain/ticket/moves.ts";
import { isEnded, queueItemOf } from "../domain/ticket/ticket.ts";
import type { DistantTickets, StartingGate } from "../engine/claims.ts";
import { noReport } from "../gateway/call-report.ts";
import type { ClaimedTicket, Gate, Ports } from "../gateway/ports.ts";
import { untilAnswered } from "../gateway/until-answered.ts";

export interface ClaimParts extends Pick<Ports, "clock" | "random" | "newId"> {
  readonly tickets: Pick<DistantTickets, "look" | "claim" | "giveBack">;
  readonly gate: (provider: ProviderName) => StartingGate & Pick<Gate, "report">;
  /**
   * A ticket was sent though there is none, or it has ended: has its gate ask after it, so that no place without a ticket is sent again and again.
   * Never rejects. `provider`: whose gate; `null`: not known.
   */
  readonly askAfter: (ticketId: string, provider: ProviderName | null) => Promise<void>;
}

/** How long a worker asks for its claim: well within what a lease has to spare. */
const claimMs = 5_000;
/** How long it goes on asking then, to give the claim back: in default settings about until the lease has ended. */
const withdrawMs = 60_000;

/**
 * Safe to do twice, late, and beside another worker: the claim decides. Where nothing is claimed, the gate will send the ticket again in its
 * turn.
 *
 * @returns `null`: the ticket is not to be called for now, or not by this worker
 */
export async function claimTicket(parts: ClaimParts, ticketId: string): Promise<ClaimedTicket | null> {
  const { clock, tickets } = parts;
  const seen = await tickets.look(ticketId);
  if (seen === null || isEnded(seen.ticket.state)) {
    await parts.askAfter(ticketId, seen?.ticket.about.provider ?? null);
    return null;
  }
  const { ticket, nowMs: atMs } = seen;
  const { about, progress, state } = ticket;
  if (state.status !== "queued") return null;
  const gate = parts.gate(about.provider);
  const permit = parts.newId();
  const { notBeforeMs } = state;
  const { suspect, updatedAtMs: sinceMs } = progress;
  const start = await gate.start(queueItemOf(ticket), { permit, notBeforeMs, suspect, sinceMs, atMs });
  if (start.kind !== "call") return null;

  const { epoch, asProbe, early } = start;
  const giveBack = () => gate.report({ permit, epoch, ...noReport });
  const claim = async () => ({ claim: await tickets.claim(ticketId, permit, asProbe, early) });
  const answer = await untilAnswered(parts, claim, clock.monotonicMs() + claimMs).catch(
    async (error: unknown) => {
      await giveBack();
      throw error;
    },
  );
  if (answer?.claim?.claimed.kind === "claimed") {
    const { claimed, ticket, nowMs } = answer.claim;
    const { fence } = claimed;
    return { ticket, permit, epoch, fence, leaseLeftMs: leftMs(claimed, nowMs ?? clock.nowMs()) };
  }
  await giveBack();
  if (answer === null) await withdraw(parts, ticketId, claim);
  return null;
}

/**
 * A claim that may have been made, though nobody has heard of it, would make the ticket look as if its process had died: it is asked for until
 * the answer comes, and given back.
 */
async function withdraw(
  parts: ClaimParts,
  ticketId: string,
  claim: () => Promise<{ readonly claim: Awaited<ReturnType<DistantTickets["claim"]>> }>,
): Promise<void> {
  const answer = await untilAnswered(parts, claim, parts.clock.monotonicMs() + withdrawMs);
  const { claimed, nowMs = parts.clock.nowMs() } = answer?.claim ?? {};
  if (claimed?.kind !== "claimed") return;
  const untilMs = parts.clock.monotonicMs() + leftMs(claimed, nowMs);
  await untilAnswered(parts, () => parts.tickets.giveBack(ticketId, claimed.fence), untilMs);
}

/** Of a lease, by the clock of whoever has given it. */
function leftMs({ leaseEndsAtMs }: Extract<Claimed, { kind: "claimed" }>, nowMs: number): number {
  return leaseEndsAtMs - nowMs;
}
