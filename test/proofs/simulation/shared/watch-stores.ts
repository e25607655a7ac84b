/**
 * Looks at every write of every ticket in every store, and holds it against what a ticket may do and where it may be. Knows nothing of how `src`
 * decides: one history for each id, whoever keeps it; one owner at a time; nothing lost that was promised.
 */
import { isEnded, type Ticket, type TicketEvent } from "../../../../src/domain/ticket/ticket.ts";
import { root } from "../../../../src/stores/redis/redis.ts";
import { ticketInRecord } from "../../../../src/stores/redis/ticket-record.ts";
import type { Row } from "../../../support/failover/engine.ts";
import { createChargesReference, type ChargesReference } from "../charges-reference.ts";
import type { Life } from "../life.ts";
import { arrows, told, type Status } from "../ticket-arrows.ts";
import { walks, type Sent, type Walk } from "../walk.ts";
import type { Calls } from "../watch-calls.ts";
import type { Stopwatch, WallClock } from "../wall-clock.ts";
import type { SeenTicket, SeenTickets } from "../watch-tickets.ts";
import { shortOf, type World } from "../world.ts";
import type { RedisData } from "./redis-data.ts";
import type { RedisServer } from "./redis-server.ts";

export interface StoreWatch extends SeenTickets {
  promised(id: string): void;
  /** A ticket of this id is about to be kept for this walk. */
  drafted(id: string, walk: Walk | undefined): void;
  /** A process says that a ticket which nobody was told of had been worked on. */
  judgedForNobody(): void;
  /** Tickets in Redis whose clients have another one, but for those that a process has told of. */
  forNobody(): readonly string[];
  /** A script or a command of Redis is over. */
  redisWrote(keys: readonly string[], by: Life | null): void;
  /** Redis has lost what was written to these. */
  redisLost(keys: ReadonlySet<string>): void;
  localWrote(slot: number, by: Life | null, id: string, before: Row | null, after: Row | null): void;
  all(): Iterable<KnownHere>;
  /** As Redis has them; without those that it only remembers not to have. */
  /**
   * Is the latest claim of it alive? One that is over waits in its place at once, and in its record when somebody looks. `null`: nobody can say,
   * for the clock was set: place and record notice that one after the other.
   */
  isClaimed(id: string): boolean | null;
  inRedis(): ReadonlyMap<string, Ticket>;
  hasLost(): boolean;
}

interface KnownHere extends SeenTicket {
  readonly id: string;
  ticket: Ticket | null;
  status: Status | "none";
  /** A client was told its id. */
  isPromised: boolean;
  /** Redis has lost some of it, as its settings allow. */
  isExcused: boolean;
}

interface Known extends Omit<KnownHere, "about"> {
  /** But when it expires, which is of the clock of the store that has it. */
  about: Ticket["about"];
  readonly walk: Walk | undefined;
  charges: ChargesReference;
  /** From the claim before each claim to it, by its token. */
  readonly gapsMs: Map<number, number>;
  startedAtMs: number;
  events: readonly string[];
  claim: {
    readonly fence: number;
    readonly by: Life | null;
    readonly atMs: number;
    readonly isRedis: boolean;
    /** By the clock of its store. */
    readonly since: Stopwatch;
  } | null;
  endedAtMs: number | null;
  ended: Stopwatch | null;
  /** Since its time was last looked at, by the clock of the store that had it then. */
  dated: Dated;
}

interface Dated {
  readonly age: Stopwatch;
  readonly leftMs: number;
  /** For so long at most it stands still, until somebody reads the ticket: so far its clock was behind. */
  readonly stillMs: number;
}

const requests = `${root}queue:requests:`;
const eventLists = `${root}queue:events:`;
/** How far two clocks may be apart, and what a process knows of Redis' one. */
const skewMs = 5_000;
/** Less is no matter. */
const clockSlackMs = 2_000;
/** From the loss of an answer until what it said is asked for again, and some more. */
const recoverMs = 10_000;

export function watchStores(
  world: World,
  clocks: { readonly redis: WallClock; readonly slots: readonly WallClock[] },
  data: () => RedisData,
  server: () => RedisServer,
  calls: () => Calls,
  slotOf: (life: Life) => number,
): StoreWatch {
  const { scheduler, plan } = world;
  const tickets = new Map<string, Known>();
  const drafts = new Map<string, Walk | undefined>();
  const inRedis = new Map<string, Ticket>();
  /** Of each id the slots that have a row of it. */
  const rows = new Map<string, Map<number, Row>>();
  /** The id that the client of a walk was told. */
  const answers = new WeakMap<Walk, string>();
  let toldForNobody = 0;
  let hasLost = false;

  function clockAt(where: string): WallClock {
    return where === "redis" ? clocks.redis : (clocks.slots[Number(where.slice(-1)) - 1] ?? clocks.redis);
  }

  /**
   * What it has left of its time goes on as it was, wherever it is and however the clock is set: by the clocks of both stores where it moves. What
   * passed before a clock was set back may come once more, for nobody knows of it; what it was set forward by is gone.
   */
  function checkTime(where: string, known: Known, { about, progress }: Ticket): void {
    const clock = clockAt(where);
    // As whoever reads it sees it, by a clock that was set back since it was written, or moved.
    const behindMs = progress.updatedAtMs - clock.nowMs();
    const stillMs = behindMs < clockSlackMs ? 0 : behindMs;
    const leftMs = about.expiresAtMs - clock.nowMs() - stillMs;
    const { age, leftMs: beforeMs, stillMs: stoodMs } = known.dated;
    const mostMs = Math.min(plan.policy.ttlMs, beforeMs - (age.leastMs() - stoodMs));
    if (leftMs < beforeMs - age.mostMs() - skewMs || leftMs > mostMs + skewMs)
      broken("clocks", `${where}: ${leftMs} ms are left of its time, after ${beforeMs}`, known.id);
    const laterMs = about.expiresAtMs - known.about.expiresAtMs;
    known.startedAtMs += laterMs;
    known.charges.setBack(-laterMs);
    known.about = about;
    known.dated = { age: clock.stopwatch(), leftMs, stillMs };
  }

  function broken(promise: string, sentence: string, id: string): void {
    if (tickets.get(id)?.isExcused) return;
    world.violate(promise, sentence, id);
  }

  function redisWrote(keys: readonly string[], by: Life | null): void {
    const ids = new Set(keys.map(idIn).filter((id) => id !== null));
    for (const id of ids) readRedis(id, by);
  }

  function readRedis(id: string, by: Life | null): void {
    const row = data().hash(`${requests}${id}`);
    const fields = ["record", "texts", "revision", "claim"].map((field) => row.get(field) ?? "");
    const ticket = ticketInRecord(fields, plan.policy)?.ticket ?? null;
    if (ticket === null) inRedis.delete(id);
    else inRedis.set(id, ticket);
    const events = data().list(`${eventLists}${id}`);
    written("redis", id, ticket, events, by);
    if (ticket !== null && isEnded(ticket.state) && row.get("texts") !== undefined)
      broken("11 erased", `${ticket.state.status} in Redis, and its texts are still there`, id);
  }

  function localWrote(
    slot: number,
    by: Life | null,
    id: string,
    before: Row | null,
    after: Row | null,
  ): void {
    const here = rows.get(id) ?? new Map<number, Row>();
    rows.set(id, here);
    if (after === null) here.delete(slot);
    else here.set(slot, after);
    const where = `process ${slot + 1}`;
    if (before?.isMoving && after !== null && after.ticket !== before.ticket)
      broken("moving", `${where} has touched it while it was moving`, id);
    if (after?.isMoving && !before?.isMoving) world.note(where, `${shortOf(id)} is moving`);
    if (after?.isMoving && "claim" in after.ticket.state && after.ticket.state.claim !== null)
      broken("moving", `${where} moves it while it is called for`, id);
    if (after === null) world.note(where, `${shortOf(id)} is deleted`);
    // Marked again: what has become of it at Redis is another story.
    const isFrozen = before?.isMoving && after?.ticket === before.ticket;
    written(
      where,
      id,
      isFrozen ? null : (after?.ticket ?? null),
      after?.events.map((event) => JSON.stringify(event)) ?? [],
      by,
    );
    const { ticket } = after ?? {};
    if (ticket && isEnded(ticket.state) && JSON.stringify(ticket).includes("Essay one of"))
      broken("11 erased", `${ticket.state.status}, and its texts are still there`, id);
  }

  function written(
    where: string,
    id: string,
    ticket: Ticket | null,
    events: readonly string[],
    by: Life | null,
  ): void {
    const known = tickets.get(id) ?? (ticket && accept(where, ticket));
    if (!known) return;
    if (ticket !== null) history(where, known, ticket, events, by);
    checkOwners(known);
  }

  function accept(where: string, ticket: Ticket): Known {
    const clock = clockAt(where);
    const { about, state } = ticket;
    const walk = drafts.get(about.id) ?? walks.getStore();
    if (walk) walk.ticketId = about.id;
    const expected: Sent | null = walk?.expected ?? null;
    const texts =
      "texts" in state ? state.texts : { systemPrompt: "", userPrompt: "", essayA: "", essayB: "" };
    const gapsMs = new Map<number, number>();
    const known: Known = {
      id: about.id,
      ticket,
      about,
      texts,
      walk,
      expected,
      status: "none",
      isPromised: false,
      isExcused: false,
      charges: newCharges(),
      gapsMs,
      sincePreviousMs: (fence) => (tickets.get(about.id)?.isExcused ? undefined : gapsMs.get(fence)),
      startedAtMs: about.acceptedAtMs,
      events: [],
      claim: null,
      endedAtMs: null,
      ended: null,
      dated: {
        age: clock.stopwatch(),
        leftMs: ticket.about.expiresAtMs - clock.nowMs(),
        stillMs: 0,
      },
    };
    tickets.set(about.id, known);
    return known;
  }

  function history(
    where: string,
    known: Known,
    ticket: Ticket,
    events: readonly string[],
    by: Life | null,
  ): void {
    const { id } = known;
    const shared = Math.min(events.length, known.events.length);
    if (known.events.slice(0, shared).some((event, at) => event !== events[at]))
      broken("6 events", `${where} tells another history`, id);
    if (events.length < known.events.length) broken("2 states", `${where} has an older one back`, id);
    if (
      JSON.stringify({ ...ticket.about, expiresAtMs: 0 }) !==
      JSON.stringify({ ...known.about, expiresAtMs: 0 })
    )
      broken("7 as accepted", `${where} has changed what is fixed`, id);
    if (events.length >= known.events.length) checkTime(where, known, ticket);
    for (const stored of events.slice(shared)) {
      const event = JSON.parse(stored) as TicketEvent;
      world.note(where, `${shortOf(id)} ${told(event)}`);
      happened(where, known, ticket, event, by);
    }
    if (events.length >= known.events.length) {
      known.events = [...events];
      known.ticket = ticket;
    }
    if (ticket.progress.events !== events.length)
      broken("6 events", `${where} counts ${ticket.progress.events} of ${events.length}`, id);
    if (events.length >= known.events.length && known.status !== ticket.state.status)
      broken("2 states", `${where}: ${known.status} by its events, ${ticket.state.status} stored`, id);
    if (ticket.progress.attempts > plan.policy.maxAttempts)
      broken("5 attempts", `${ticket.progress.attempts} attempts`, id);
    if ("texts" in ticket.state && JSON.stringify(ticket.state.texts) !== JSON.stringify(known.texts))
      broken("7 as accepted", `${where} has changed its texts`, id);
  }

  function happened(where: string, known: Known, ticket: Ticket, event: TicketEvent, by: Life | null): void {
    const { id } = known;
    const arrow = arrows[event.kind];
    if (!arrow.from.includes(known.status))
      broken("2 states", `${where}: ${event.kind} from ${known.status}`, id);
    if (known.endedAtMs !== null) broken("6 events", `${where}: ${event.kind} after its end`, id);
    known.status = arrow.to;
    const holder = known.claim === null ? undefined : calls().holderOf(id, known.claim.fence);
    const wrong = known.charges.happened(event, ticket, holder);
    if (wrong !== null) broken("5 attempts", `${where}: ${wrong}`, id);
    switch (event.kind) {
      case "started":
        if (known.claim !== null && event.fence <= known.claim.fence)
          broken("3 one holder", `${where}: fence ${event.fence} after ${known.claim.fence}`, id);
        if ([...(rows.get(id)?.values() ?? [])].some(({ isMoving }) => isMoving) && !inRedis.has(id))
          broken("moving", `${where}: claimed while it is moving`, id);
        known.gapsMs.set(event.fence, Math.max(0, event.atMs - known.startedAtMs));
        known.startedAtMs = event.atMs;
        known.claim = {
          fence: event.fence,
          by,
          atMs: scheduler.nowMs(),
          isRedis: where === "redis",
          since: clockAt(where).stopwatch(),
        };
        return;
      case "returned":
        if (event.why === "died") died(known);
        return;
      case "completed":
      case "failed":
      case "expired":
      case "cancelled":
        known.endedAtMs = scheduler.nowMs();
        known.ended = clockAt(where).stopwatch();
        if (event.kind === "expired" && known.dated.leftMs - known.dated.age.mostMs() > skewMs)
          broken("2 states", `${where}: expired before its time`, id);
        if (event.kind === "failed" && event.reason === "crashed" && !hasThrown(holder)) died(known);
        if (ticket.state.status === "completed")
          judged(where, known, ticket.state.result.judgement.justification);
        return;
      case "accepted":
        return;
    }
  }

  /** By the call that was made with the claim that it had. */
  function judged(where: string, known: Known, justification: string): void {
    const call = calls().whose(known.about.provider, justification);
    if (call?.walk.name !== known.id)
      return broken("10 fresh", `${where}: judged by a call for another`, known.id);
    if (call.walk.claim?.fence !== known.claim?.fence)
      broken(
        "3 one holder",
        `${where}: judged by claim ${call.walk.claim?.fence} of ${known.claim?.fence}`,
        known.id,
      );
  }

  /** Whoever lives, and could tell what came of its claim, must have told. */
  function died({ id, claim }: Known): void {
    if (claim?.by === null || claim === null) return;
    const { by, atMs, isRedis } = claim;
    if (!by.isAlive || by.pausedUntilMs > 0) return;
    if (claim.since.mostMs() !== claim.since.leastMs()) return;
    const leaseEndsAtMs = atMs + plan.policy.leaseMs;
    const couldTell = !isRedis || server().reachableSinceMs(slotOf(by)) <= leaseEndsAtMs - recoverMs;
    if (couldTell && scheduler.nowMs() >= leaseEndsAtMs - skewMs)
      broken("3 true", `${by.name} has not died, nor told what came of claim ${claim.fence}`, id);
  }

  function checkOwners(known: Known): void {
    const { id } = known;
    const here = [...(rows.get(id) ?? [])];
    const owners = here.filter(([, { isMoving }]) => !isMoving).map(([slot]) => `process ${slot + 1}`);
    if (inRedis.has(id)) owners.push("redis");
    if (owners.length > 1) broken("3 one holder", `${owners.join(" and ")} have it at once`, id);
    if (here.length > 1) broken("3 one holder", "two files have it", id);
    if (owners.length > 0 || here.length > 0 || !known.isPromised) return;
    const isOver = known.ended !== null && known.ended.mostMs() >= plan.policy.retentionMs - 2 * skewMs;
    if (!isOver) broken("1 kept", `nobody has it any more, and it is ${known.status}`, id);
  }

  return {
    known: (id) => tickets.get(id),
    promised(id) {
      const known = tickets.get(id);
      if (known === undefined) return;
      known.isPromised = true;
      if (known.walk) answers.set(known.walk, id);
      checkOwners(known);
    },
    judgedForNobody() {
      toldForNobody++;
    },
    drafted: (id, walk) => void drafts.set(id, walk),
    forNobody() {
      const ids = [...tickets.values()].filter(({ id, walk }) => {
        const answer = walk && answers.get(walk);
        return answer !== undefined && answer !== id && inRedis.has(id);
      });
      return ids.length <= toldForNobody ? [] : ids.map(({ id }) => id);
    },
    redisWrote,
    redisLost(keys) {
      hasLost = true;
      for (const id of new Set([...keys].map(idIn).filter((id) => id !== null))) {
        const known = tickets.get(id);
        if (known === undefined) continue;
        known.isExcused = true;
        readRedis(id, null);
        forget(known);
      }
    },
    localWrote,
    all: () => tickets.values(),
    inRedis: () => inRedis,
    isClaimed(id) {
      const { since } = tickets.get(id)?.claim ?? {};
      const { leaseMs } = plan.policy;
      if (since === undefined || since.leastMs() >= leaseMs) return false;
      return since.mostMs() < leaseMs ? true : null;
    },
    hasLost: () => hasLost,
  };

  /** What was lost has not happened. */
  function forget(known: Known): void {
    const stored = inRedis.get(known.id);
    known.events = stored ? [...data().list(`${eventLists}${known.id}`)] : [];
    known.status = stored?.state.status ?? "none";
    known.claim = null;
    known.charges = newCharges();
    known.endedAtMs = null;
    known.ended = null;
  }

  function newCharges(): ChargesReference {
    // Whoever is closed gives its calls back, and a store that is away has them given back later.
    return createChargesReference(plan.policy.maxAttempts, true);
  }
}

function hasThrown(holder: Walk | undefined): boolean {
  return holder?.calls.at(-1)?.hasThrown === true;
}

function idIn(key: string): string | null {
  for (const prefix of [requests, eventLists]) if (key.startsWith(prefix)) return key.slice(prefix.length);
  return null;
}
