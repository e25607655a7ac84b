/** Looks at every write of every ticket, and holds it against what a ticket may do. Knows nothing of how `src` decides. */
import type { Acceptance, Place } from "../../../src/domain/gate/places.ts";
import type { AdmissionQuestion } from "../../../src/engine/ticket-parts.ts";
import type { Claimed, Settled } from "../../../src/domain/ticket/moves.ts";
import type { Texts, Ticket, TicketEvent } from "../../../src/domain/ticket/ticket.ts";
import { latestMs } from "./alarm.ts";
import { createChargesReference, type ChargesReference } from "./charges-reference.ts";
import { arrows, told, type Status } from "./ticket-arrows.ts";
import { walks, type Sent } from "./walk.ts";
import type { Stopwatch, WallClock } from "./wall-clock.ts";
import type { World } from "./world.ts";

export interface TicketWatch {
  /** @param clock of the ticket's store */
  written(
    verb: string,
    before: Ticket | null,
    after: Ticket,
    events: readonly TicketEvent[],
    clock: WallClock,
  ): void;
  claimed(id: string, permit: string, claimed: Claimed | null): void;
  settled(id: string, fence: number, settled: Settled): void;
  /** Whoever asked for a claim, or with its token, has had no answer. */
  unanswered(id: string, holder: { readonly permit: string } | { readonly fence: number }): void;
  forgotten(ticket: Ticket): void;
  /** Its gate has heard what it had to say after that event. */
  heard(id: string, event: number): void;
  /** Its gate has a place for it. */
  admitted(acceptance: Acceptance): void;
  /** It has begun to withdraw what it has asked. */
  withdrawn(acceptance: Acceptance): void;
  /** Nothing is left of what it has asked. @param places of its gate */
  gone(asked: AdmissionQuestion, places: ReadonlyMap<string, Place>): void;
  known(id: string): KnownTicket | undefined;
  all(): Iterable<KnownTicket>;
}

/** What calls and answers are held against. */
export interface SeenTickets {
  known(id: string): SeenTicket | undefined;
  /** A client was told of it. */
  promised?(id: string): void;
}

export type SeenTicket = Readonly<
  Pick<KnownTicket, "ticket" | "about" | "texts" | "expected" | "endedAtMs">
> & {
  readonly status: Status | "none";
  /** By its store's clock, where that is another than the world's. */
  readonly ended?: Stopwatch | null;
  /** A store has lost it, and had said that it might. */
  readonly isExcused?: boolean;
  /** From the claim before this one to this one; from its acceptance to its first. In milliseconds, by its store's clock. */
  readonly sincePreviousMs?: (fence: number) => number | undefined;
};

export interface KnownTicket {
  readonly id: string;
  /** As it is stored; `null`: forgotten. */
  ticket: Ticket | null;
  /** But when it expires, which a clock that is set back makes earlier. */
  about: Ticket["about"];
  readonly texts: Texts;
  /** What an immediate call would have sent when it was accepted. */
  readonly expected: Sent | null;
  /** Of its store. */
  readonly clock: WallClock;
  /** Since it was kept. */
  readonly age: Stopwatch;
  /** What it had left then of its time. */
  readonly leftMs: number;
  /** When it was kept, and when something last happened to it; by nobody's clock. */
  readonly keptAtMs: number;
  changedAtMs: number;
  status: Status;
  events: number;
  /** The latest claim that was given. */
  claim: Claim | null;
  readonly charges: ChargesReference;
  /** From the claim before each claim to it, by its token. */
  readonly gapsMs: Map<number, number>;
  readonly sincePreviousMs: (fence: number) => number | undefined;
  startedAtMs: number;
  /** By the permit of its claim: how many asks of the holder have had no answer. */
  readonly unanswered: Map<string, number>;
  endedAtMs: number | null;
  /** Since then. */
  ended: Stopwatch | null;
}

interface Claim {
  readonly fence: number;
  readonly permit: string;
  /** Since it was given. */
  readonly since: Stopwatch;
  isLive: boolean;
}

const ends: readonly string[] = ["completed", "failed", "expired", "cancelled"];

/** @param onExpired hears of each ticket that has, at that moment */
export function watchTickets(world: World, onExpired: (ticket: KnownTicket) => void): TicketWatch {
  const { scheduler, plan } = world;
  const tickets = new Map<string, KnownTicket>();
  /** Acceptances that came to nothing: of which that has begun, and is over. */
  const withdrawals = new Set<string>();
  const isGone = new Set<string>();
  /** The latest event of each ticket that its gate has heard of. */
  const heardOf = new Map<string, number>();
  /** A gate that loses what it had forgets what was withdrawn, too. */
  const forgets = plan.rates.has("gate_forgets");
  /** The ticket of each key that led to one. */
  const keyed = new Map<string, string>();
  const isDownAtTimes = plan.shape === "process" && downtimes.some((kind) => plan.rates.has(kind));
  const isUnsure = stops.some((kind) => plan.rates.has(kind));
  const canCrash = deaths.some((kind) => plan.rates.has(kind));

  function written(
    verb: string,
    before: Ticket | null,
    after: Ticket,
    events: readonly TicketEvent[],
    clock: WallClock,
  ): void {
    const { id } = after.about;
    for (const event of events) world.note(`ticket ${id.slice(0, 8)}`, `${verb}: ${told(event)}`);
    const known = tickets.get(id) ?? accept(after, clock);
    const broken = (promise: string, sentence: string) => world.violate(promise, `${verb}: ${sentence}`, id);

    if (before !== null) setBack(known, before.progress.updatedAtMs - clock.nowMs());
    if (events.length > 0) known.changedAtMs = scheduler.nowMs();

    let status: Status | "none" = before === null ? "none" : known.status;
    for (const event of events) {
      if (event.number !== known.events + 1)
        broken("6 events", `event ${event.number} follows ${known.events}`);
      known.events = event.number;
      const arrow = arrows[event.kind];
      if (!arrow.from.includes(status)) broken("2 states", `${event.kind} from ${status}`);
      if (ends.includes(status)) broken("6 events", `${event.kind} after its end`);
      if (event.kind === "expired" && known.age.mostMs() < known.leftMs)
        broken("2 states", "expired before its time");
      // Its owner may end it at any time; the call that is under way goes on.
      const isOwners = event.kind === "cancelled";
      if (status === "processing" && !isOwners && !isHolders(verb) && holdsNow(known.claim))
        broken("3 one holder", `${event.kind} while its claim lives`);
      const walk = verb === "settle" || verb === "give back" ? walks.getStore() : undefined;
      const hasThrown = walk?.calls.at(-1)?.hasThrown === true;
      if (event.kind === "failed" && event.reason === "crashed" && !canCrash && !hasThrown)
        broken("3 true", "nothing has crashed");
      if (event.kind === "started") {
        known.gapsMs.set(event.fence, Math.max(0, event.atMs - known.startedAtMs));
        known.startedAtMs = event.atMs;
      }
      const wrong = known.charges.happened(event, after, walk);
      if (wrong !== null) broken("5 attempts", wrong);
      if (event.kind === "returned" && event.why === "died") died(known, broken);
      status = arrow.to;
    }
    if (status !== after.state.status)
      broken("2 states", `${status} by its events, ${after.state.status} stored`);
    if (after.progress.events !== known.events) broken("6 events", `${after.progress.events} counted`);
    if (after.progress.gateHeard > (heardOf.get(id) ?? 0))
      broken("9 places", "takes for heard what its gate has not heard");
    known.status = after.state.status;
    known.ticket = after;
    if (after.about !== known.about && JSON.stringify(after.about) !== JSON.stringify(known.about))
      broken("7 as accepted", "what is fixed has changed");
    if (after.progress.attempts > plan.policy.maxAttempts)
      broken("5 attempts", `${after.progress.attempts} attempts`);
    if (ends.includes(after.state.status)) end(known, after, events, broken);
    if (events.at(-1)?.kind === "expired") onExpired(known);
    if (ends.includes(after.state.status)) return;
    if (JSON.stringify("texts" in after.state && after.state.texts) !== JSON.stringify(known.texts))
      broken("7 as accepted", "its texts have changed");
  }

  /** Whoever lives asks for his claim, or with its token, until he is answered: only where nearly all is lost for long is a claim left alone. */
  function died(known: KnownTicket, broken: (promise: string, sentence: string) => void): void {
    if (canCrash) return;
    const lost = known.unanswered.get(known.claim?.permit ?? "") ?? 0;
    if (lost < leastLost) broken("3 true", `its process lives, and has missed ${lost} answers`);
  }

  function holdsNow(claim: Claim | null): boolean {
    return claim !== null && claim.isLive && claim.since.mostMs() < plan.policy.leaseMs;
  }

  /**
   * "Where the clock is behind that, all moments of the ticket lie as much earlier from then on." So what it waited for already it waits for once
   * more, at the most; nobody could know how long it is since.
   */
  function setBack(known: KnownTicket, byMs: number): void {
    if (byMs < clockSlackMs) return;
    world.note(`ticket ${known.id.slice(0, 8)}`, `its clock is ${byMs} ms behind`);
    known.about = { ...known.about, expiresAtMs: known.about.expiresAtMs - byMs };
    known.startedAtMs -= byMs;
    known.charges.setBack(byMs);
  }

  function accept(ticket: Ticket, clock: WallClock): KnownTicket {
    const { about, state } = ticket;
    if (withdrawals.has(nameOf({ ticketId: about.id, acceptedAtMs: about.acceptedAtMs })))
      world.violate("1 kept", "kept, though it was withdrawn", about.id);
    const walk = walks.getStore();
    if (walk) {
      walk.ticketId = about.id;
      const other = walk.key === null ? undefined : keyed.get(walk.key);
      const isFreed = other !== undefined && tickets.get(other)?.status === "cancelled";
      if (other !== undefined && !isFreed)
        world.violate("idempotency", `a second ticket for ${walk.key}`, about.id);
      if (walk.key !== null) keyed.set(walk.key, about.id);
    }
    const gapsMs = new Map<number, number>();
    const known: KnownTicket = {
      id: about.id,
      ticket,
      about,
      texts: "texts" in state ? state.texts : { systemPrompt: "", userPrompt: "", essayA: "", essayB: "" },
      expected: walk?.expected ?? null,
      clock,
      age: clock.stopwatch(),
      leftMs: Math.min(about.expiresAtMs - clock.nowMs(), plan.policy.ttlMs),
      keptAtMs: scheduler.nowMs(),
      changedAtMs: scheduler.nowMs(),
      status: "queued",
      events: 0,
      claim: null,
      charges: createChargesReference(plan.policy.maxAttempts, isUnsure),
      gapsMs,
      sincePreviousMs: (fence) => gapsMs.get(fence),
      startedAtMs: about.acceptedAtMs,
      unanswered: new Map(),
      endedAtMs: null,
      ended: null,
    };
    tickets.set(about.id, known);
    scheduler.after(known.leftMs + slackMs(), () => checkTime(known));
    return known;
  }

  function end(
    known: KnownTicket,
    after: Ticket,
    events: readonly TicketEvent[],
    broken: (promise: string, sentence: string) => void,
  ): void {
    known.endedAtMs ??= scheduler.nowMs();
    known.ended ??= known.clock.stopwatch();
    const stored = JSON.stringify([after, events]);
    if (stored.includes(known.texts.essayA) || stored.includes(known.texts.essayB))
      broken("11 erased", `${known.status}, and its texts are still stored`);
  }

  /** In its time it has expired by itself, or is called for under a claim that lives. */
  function checkTime(known: KnownTicket): void {
    const { ticket } = known;
    if (known.endedAtMs !== null || ticket === null) return;
    const earlyMs = known.leftMs + slackMs() - known.age.leastMs();
    if (earlyMs > 0) return void scheduler.after(earlyMs, () => checkTime(known));
    if (ticket.state.status === "processing") {
      const leftMs = plan.policy.leaseMs + slackMs() - (known.claim?.since.leastMs() ?? 0);
      if (leftMs < 0) world.violate("4 ends", "processing long after its lease", known.id);
      else scheduler.after(leftMs + 1, () => checkTime(known));
    } else if (isDownAtTimes && !world.hasHealed())
      scheduler.after(plan.healMs - world.sinceStartMs() + slackMs(), () => checkTime(known));
    else world.violate("4 ends", `${known.status} after its time`, known.id);
  }

  function slackMs(): number {
    return (
      1_000 +
      (plan.rates.has("alarm_late") ? latestMs : 0) +
      (plan.rates.has("object_dies") ? cutShortMs : 0) +
      (isDownAtTimes ? downMs : 0)
    );
  }

  function claimed(id: string, permit: string, answer: Claimed | null): void {
    const known = tickets.get(id);
    const walk = walks.getStore();
    if (answer?.kind === "early" && walk?.leave?.isEarly)
      world.violate("4 ends", "its gate has ended its wait, and it waits on", id);
    if (known === undefined || answer?.kind !== "claimed") return;
    const { fence, leaseEndsAtMs } = answer;
    const { claim } = known;
    const isSame = claim !== null && claim.permit === permit && claim.fence === fence;
    if (!isSame) {
      if (holdsNow(claim)) world.violate("3 one holder", `claimed while ${claim?.permit} has it`, id);
      if (claim && fence <= claim.fence)
        world.violate("3 one holder", `fence ${fence} after ${claim.fence}`, id);
      if (leaseEndsAtMs > known.clock.nowMs() + plan.policy.leaseMs)
        world.violate("3 one holder", "a lease without end", id);
      known.claim = { fence, permit, since: known.clock.stopwatch(), isLive: true };
    }
    if (walk) walk.claim = { fence, asProbe: walk.leave?.isTurn ?? false };
  }

  function settled(id: string, fence: number, answer: Settled): void {
    const known = tickets.get(id);
    if (known === undefined) return;
    const { claim } = known;
    const isIts = claim !== null && claim.fence === fence;
    const holds = isIts && holdsNow(claim);
    // By a clock that was set back a claim lasts for as much longer.
    const mayHold = isIts && claim.isLive && claim.since.leastMs() < plan.policy.leaseMs;
    if (answer.kind === "stored" && !mayHold)
      world.violate("3 one holder", `settled with fence ${fence}, which is not the claim's`, id);
    if (answer.kind === "stale" && holds) world.violate("3 one holder", "the holder's settle is stale", id);
    if (answer.kind === "stored" && claim) claim.isLive = false;
  }

  return {
    written,
    claimed,
    settled,
    unanswered(id, holder) {
      const known = tickets.get(id);
      const permit = "permit" in holder ? holder.permit : known?.claim?.permit;
      if (known === undefined || permit === undefined) return;
      if ("fence" in holder && known.claim?.fence !== holder.fence) return;
      known.unanswered.set(permit, (known.unanswered.get(permit) ?? 0) + 1);
    },
    forgotten(ticket) {
      const known = tickets.get(ticket.about.id);
      if (known === undefined) return;
      if ((known.ended?.mostMs() ?? 0) < plan.policy.retentionMs)
        world.violate("1 kept", "removed before its retention was over", known.id);
      known.ticket = null;
    },
    heard(id, event) {
      heardOf.set(id, Math.max(event, heardOf.get(id) ?? 0));
    },
    admitted(acceptance) {
      this.heard(acceptance.ticketId, 1);
      if (!forgets && isGone.has(nameOf(acceptance)))
        world.violate(
          "9 places",
          "a place for what was withdrawn, or refused, and is gone",
          acceptance.ticketId,
        );
    },
    withdrawn: (acceptance) => void withdrawals.add(nameOf(acceptance)),
    gone({ item }, places) {
      isGone.add(nameOf(item));
      if (!forgets && places.get(item.ticketId)?.acceptedAtMs === item.acceptedAtMs)
        world.violate("9 places", "it is gone, and its place is left", item.ticketId);
    },
    known: (id) => tickets.get(id),
    all: () => tickets.values(),
  };
}

function nameOf({ ticketId, acceptedAtMs }: Acceptance): string {
  return `${ticketId} ${acceptedAtMs}`;
}

/** Less is no matter. */
const clockSlackMs = 2_000;

/** Said by who holds the claim, or for whom it is known that he is dead. */
function isHolders(verb: string): boolean {
  return verb === "settle" || verb === "give back" || verb === "its process died";
}

/** What leaves a claim without its holder. So does a network so slow that nobody waits for the claim any more. */
const deaths = [
  "crash_anytime",
  "crash_at_effect",
  "pause",
  "stop",
  "deploy",
  "unconfigured",
  "slow_network",
  "rolls_back",
] as const;

/** Answers that a holder misses before the claim is left alone: as many asks as there is time for, at the least. */
const leastLost = 3;

/** What makes a process give back what it had begun. */
const stops = ["stop", "deploy", "unconfigured"] as const;

/** While one process that holds all is down, nothing happens. */
const downtimes = [
  "crash_anytime",
  "crash_at_effect",
  "stop",
  "deploy",
  "unconfigured",
  "rolls_back",
] as const;
const downMs = 60_000;
/** An alarm whose work was cut short rings again, perhaps more than once. */
const cutShortMs = 30_000;
