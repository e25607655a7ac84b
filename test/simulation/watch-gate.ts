/** Looks at every verb of a gate: at what it answered, and at what its core and places were before and are after. */
import type { Admission, GateCore } from "../../src/domain/gate.ts";
import type { Start, Starter } from "../../src/domain/gate-queue.ts";
import type { Exchanged } from "../../src/domain/gate-report.ts";
import type { Outcome } from "../../src/domain/outcome.ts";
import type { Place, Seat } from "../../src/domain/places.ts";
import { createBreakerReference } from "./breaker-reference.ts";
import { createCapacityReference } from "./capacity-reference.ts";
import { allowedBy } from "./holds-reference.ts";
import { createTurnsReference } from "./turns-reference.ts";
import type { World } from "./world.ts";

export interface GateWatch {
  before(core: GateCore, rows: ReadonlyMap<string, Place>): void;
  after(
    what: string,
    given: readonly unknown[],
    reply: unknown,
    core: GateCore,
    rows: ReadonlyMap<string, Place>,
  ): void;
  /** All that could be sent has been. */
  served(core: GateCore, rows: ReadonlyMap<string, Place>, wakeAtMs: number | null): void;
  /** It lives anew, with this of what it knew. */
  restarted(core: GateCore): void;
}

export function watchGate(world: World, name: string): GateWatch {
  const { scheduler, plan } = world;
  const { concurrency } = plan.limits;
  const broken = (promise: string, sentence: string, about: string | null = null) =>
    world.violate(promise, `${name}: ${sentence}`, about);
  const breaker = createBreakerReference(world, broken);
  const capacity = createCapacityReference(world, broken);
  const turns = createTurnsReference(broken);
  let coreBefore: GateCore | null = null;
  let rowsBefore: ReadonlyMap<string, Place> = new Map();
  let verbs = 0;

  function noteVerb(what: string, given: readonly unknown[], reply: unknown): void {
    switch (what) {
      case "enter":
        return world.note(name, `enter: ${(reply as { admission: Admission }).admission.kind}`);
      case "exchange": {
        const outcomes = given[1] as readonly Outcome[];
        return world.note(
          name,
          `hears ${outcomes.map(({ finding }) => finding.kind).join(", ") || "nothing"}`,
        );
      }
      case "dispatch":
        for (const id of reply as readonly string[]) world.note(name, `sends ${id.slice(0, 8)}`);
        return;
      case "start": {
        const start = reply as Start;
        const why = start.kind === "wait" ? start.why : "";
        return world.note(name, `start of ${(given[0] as Seat).ticketId.slice(0, 8)}: ${start.kind} ${why}`);
      }
      case "release":
        return world.note(name, `release of ${(given[0] as string).slice(0, 8)}`);
      case "started":
        return world.note(name, what);
      case "ask after":
        for (const id of reply as readonly string[]) world.note(name, `asks after ${id.slice(0, 8)}`);
        return;
      default:
        return world.note(name, `${what} of ${(given[0] as Seat).ticketId.slice(0, 8)}`);
    }
  }

  /** Its state under 8 KB, as it is stored. Looked at now and then: it is a long text. */
  function checkSize(core: GateCore): void {
    if (++verbs % 50 !== 0) return;
    const { length } = JSON.stringify(core);
    if (length >= mostBytes) broken("bounded", `its state has ${length} characters`);
  }

  function checkPlaces(rows: ReadonlyMap<string, Place>): void {
    const nowMs = scheduler.nowMs();
    for (const { ticketId, standing } of rows.values()) {
      if (standing.state === "waiting") continue;
      if (standing.untilMs <= nowMs) broken("9 places", `${standing.state} past its end`, ticketId);
      if (standing.state === "held" && standing.untilMs > nowMs + 30_000)
        broken("9 places", "a hold of more than 30 s", ticketId);
    }
  }

  function checkInFlight(rows: ReadonlyMap<string, Place>): void {
    const flying = [...rows.values()].filter(isInFlight);
    if (flying.length > concurrency) broken("order", `${flying.length} tickets in flight of ${concurrency}`);
    const suspects = flying.filter(({ suspect }) => suspect);
    if (suspects.length > 1)
      broken("order", `${suspects.length} suspects in flight`, suspects[0]?.ticketId ?? null);
  }

  function checkOrder(core: GateCore, ids: readonly string[], rows: ReadonlyMap<string, Place>): void {
    if (ids.length === 0 || breaker.isProbing(core)) return;
    const left = [...rows.values()].filter(
      (place) => isReady(core, place) && !place.suspect && !hasOwnPace(core, place),
    );
    for (const id of ids) {
      const sent = rows.get(id);
      const isPlain = sent && !sent.suspect && !hasOwnPace(core, sent);
      const overtaken = left.find((place) => isPlain && comesBefore(place, sent));
      if (overtaken) broken("order", `${id} is sent before ${overtaken.ticketId}`, id);
    }
  }

  /** Who was sent, of all that could have been. */
  function checkTurns(before: GateCore, ids: readonly string[]): void {
    const ready = [...rowsBefore.values()].filter(
      (place) => isReady(before, place) && flyingOf(rowsBefore, place.model) < roomFor(before, place.model),
    );
    const asked = new Set<string>();
    for (const id of ids) {
      const sent = rowsBefore.get(id);
      if (sent === undefined) continue;
      const { model } = sent;
      if (breaker.isProbing(before)) turns.probes(sent, ready);
      const hold = breaker.hold(model);
      if (hold?.isFresh && !breaker.isProbing(before)) turns.firstAfterHold(sent, hold, ready);
      if (asked.has(model)) broken("8 breaker", `${model} is asked twice at a time`, id);
      if (breaker.isAsked(model)) asked.add(model);
    }
  }

  /** "A ramp of that model alone." */
  function checkRamps(rows: ReadonlyMap<string, Place>, ids: readonly string[]): void {
    for (const id of ids) {
      const { model = "" } = rows.get(id) ?? {};
      // Whose tickets ask, one at a time, has no ramp yet.
      if (breaker.isAsked(model)) continue;
      const allowed = allowedBy(breaker.hold(model), scheduler.nowMs());
      const flying = flyingOf(rows, model);
      if (flying > allowed)
        broken("13 whose", `${flying} of ${model} in flight, ${allowed} after its hold`, id);
    }
  }

  /** "When a breaker closes or a hold ends, its tickets' waits end too." */
  function checkWaits(before: GateCore, after: GateCore, rows: ReadonlyMap<string, Place>): void {
    const nowMs = scheduler.nowMs();
    const isForAll =
      (before.breaker.state !== "closed" && after.breaker.state === "closed") ||
      (before.credentials !== null && after.credentials === null);
    for (const { ticketId, model, standing, notBeforeMs } of rows.values()) {
      if (standing.state !== "waiting" || notBeforeMs <= nowMs) continue;
      if (isForAll) broken("4 ends", "waits on, though what it waited for is over", ticketId);
      else if (breaker.hasJustEnded(model))
        broken("4 ends", `waits on, though ${model} has answered`, ticketId);
    }
  }

  function isReady(core: GateCore, place: Place): boolean {
    const nowMs = scheduler.nowMs();
    const { standing, notBeforeMs, model, tenant } = place;
    const isPaced = core.paces.some(
      (pace) => pace.model === model && pace.tenant === tenant && nowMs < pace.nextAtMs,
    );
    return (
      standing.state === "waiting" && notBeforeMs <= nowMs && !isPaced && !breaker.isHeldBack(core, model)
    );
  }

  /** It goes by its model's ramp, or its tenant's pace, or is asked before others. */
  function hasOwnPace({ holds, paces }: GateCore, { model }: Place): boolean {
    return [...holds, ...paces].some((one) => one.model === model);
  }

  function flyingOf(rows: ReadonlyMap<string, Place>, model: string): number {
    return [...rows.values()].filter((place) => isInFlight(place) && place.model === model).length;
  }

  /** How many of a model may be in flight now, by the gate itself. */
  function roomFor({ holds }: GateCore, model: string): number {
    const hold = holds.find((one) => one.model === model);
    const isOver = hold === undefined || hold.why === undefined || breaker.isAsked(model);
    return isOver ? Infinity : (hold.ramp?.allowed ?? 1);
  }

  return {
    before(core, rows) {
      coreBefore = core;
      rowsBefore = new Map(rows);
      capacity.before(rowsBefore);
    },
    after(what, given, reply, core, rows) {
      if (coreBefore === null) return;
      noteVerb(what, given, reply);
      checkPlaces(rows);
      switch (what) {
        case "enter": {
          const [permit, model] = given as readonly [string, string];
          breaker.entered(coreBefore, core, permit, model, (reply as { admission: Admission }).admission);
          break;
        }
        case "exchange":
          breaker.exchanged(coreBefore, core, ...(given as [string, readonly Outcome[]]), reply as Exchanged);
          checkWaits(coreBefore, core, rows);
          break;
        case "start": {
          const [seat, starter] = given as readonly [Seat, Starter];
          breaker.started(coreBefore, core, seat, starter, reply as Start);
          checkInFlight(rows);
          break;
        }
        case "dispatch":
          checkTurns(coreBefore, reply as readonly string[]);
          breaker.dispatched(coreBefore, core, rows, reply as readonly string[]);
          checkRamps(rows, reply as readonly string[]);
          checkOrder(core, reply as readonly string[], rows);
          checkInFlight(rows);
          break;
        case "reserve":
          capacity.reserved(given[0] as Seat, rowsBefore, reply as "held" | "full");
          breaker.unmoved(coreBefore, core, what);
          break;
        case "started":
          breaker.begun(coreBefore, core);
          break;
        default:
          breaker.unmoved(coreBefore, core, what);
      }
      checkSize(core);
      capacity.after(rows);
    },
    served(core, rows, wakeAtMs) {
      const all = [...rows.values()];
      const flying = all.filter(isInFlight);
      if (all.length > 0 && wakeAtMs === null && all.some(({ standing }) => standing.state !== "waiting"))
        broken("4 ends", "nothing will wake it, though places lapse");
      const most = breaker.isProbing(core)
        ? concurrency
        : Math.min(core.ramp?.allowed ?? concurrency, concurrency);
      if (!breaker.hasTurn(core) || flying.length >= most) return;
      const hasSuspect = flying.some(({ suspect }) => suspect);
      const idle = all.find(
        (place) =>
          isReady(core, place) &&
          !(place.suspect && hasSuspect) &&
          flyingOf(rows, place.model) < roomFor(core, place.model),
      );
      if (idle) broken("4 ends", "a ticket lies ready though it could be sent", idle.ticketId);
    },
    restarted(core) {
      turns.restarted();
      breaker.restarted(core);
    },
  };
}

const mostBytes = 8_192;

/** Started by priority, then age. */
function comesBefore(a: Place, b: Place): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.acceptedAtMs < b.acceptedAtMs);
}

function isInFlight({ standing }: Place): boolean {
  return standing.state === "dispatched" || standing.state === "running";
}
