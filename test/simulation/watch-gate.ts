/** Looks at every verb of a gate: at what it answered, and at what its core and places were before and are after. */
import type { Admission, GateCore } from "../../src/domain/gate.ts";
import type { Start, Starter } from "../../src/domain/gate-queue.ts";
import type { Outcome } from "../../src/domain/outcome.ts";
import type { Place, Seat } from "../../src/domain/places.ts";
import { createBreakerReference } from "./breaker-reference.ts";
import { createCapacityReference } from "./capacity-reference.ts";
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
  let coreBefore: GateCore | null = null;
  let rowsBefore: ReadonlyMap<string, Place> = new Map();

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
    const left = [...rows.values()].filter((place) => isReady(core, place) && !place.suspect);
    for (const id of ids) {
      const sent = rows.get(id);
      const overtaken = left.find((place) => sent && !sent.suspect && comesBefore(place, sent));
      if (overtaken) broken("order", `${id} is sent before ${overtaken.ticketId}`, id);
    }
  }

  function isReady(core: GateCore, { standing, notBeforeMs, model }: Place): boolean {
    const nowMs = scheduler.nowMs();
    const isHeld = core.holds.some((hold) => hold.model === model && nowMs < hold.untilMs);
    return standing.state === "waiting" && notBeforeMs <= nowMs && !isHeld;
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
          breaker.exchanged(coreBefore, core, ...(given as [string, readonly Outcome[]]));
          break;
        case "start": {
          const [seat, starter] = given as readonly [Seat, Starter];
          breaker.started(coreBefore, core, seat, starter, reply as Start);
          checkInFlight(rows);
          break;
        }
        case "dispatch":
          breaker.dispatched(coreBefore, core, rows, reply as readonly string[]);
          checkOrder(core, reply as readonly string[], rows);
          checkInFlight(rows);
          break;
        case "reserve":
          capacity.reserved(given[0] as Seat, rowsBefore, reply as "held" | "full");
          breaker.unmoved(coreBefore, core, what);
          break;
        default:
          breaker.unmoved(coreBefore, core, what);
      }
      capacity.after(rows);
    },
    served(core, rows, wakeAtMs) {
      const all = [...rows.values()];
      const flying = all.filter(isInFlight);
      if (all.length > 0 && wakeAtMs === null && all.some(({ standing }) => standing.state !== "waiting"))
        broken("4 ends", "nothing will wake it, though places lapse");
      if (!breaker.hasTurn(core) || core.ramp !== null || flying.length >= concurrency) return;
      const hasSuspect = flying.some(({ suspect }) => suspect);
      const idle = all.find((place) => isReady(core, place) && !(place.suspect && hasSuspect));
      if (idle) broken("4 ends", "a ticket lies ready though it could be sent", idle.ticketId);
    },
    restarted(core) {
      breaker.restarted(core);
    },
  };
}

/** Started by priority, then age. */
function comesBefore(a: Place, b: Place): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.acceptedAtMs < b.acceptedAtMs);
}

function isInFlight({ standing }: Place): boolean {
  return standing.state === "dispatched" || standing.state === "running";
}
