/** Looks at every verb of a gate: at what it answered, and at what its state and places were before and are after. */
import type { Whose } from "../../../src/domain/gate/breaker.ts";
import type { Admission, GateState } from "../../../src/domain/gate/gate.ts";
import type { GateOrder } from "../../../src/domain/gate/halt.ts";
import type { Start, Starter } from "../../../src/domain/gate/queue.ts";
import type { Snapshot } from "../../../src/domain/gate/snapshot.ts";
import type { Exchanged } from "../../../src/domain/gate/report.ts";
import type { CallReport } from "../../../src/domain/gate/call-report.ts";
import type { Admitted } from "../../../src/domain/gate/view.ts";
import type { Look } from "../../../src/engine/gate-keeper.ts";
import type { Place, QueueItem } from "../../../src/domain/gate/places.ts";
import { createBreakerReference } from "./breaker-reference.ts";
import { createCapacityReference } from "./capacity-reference.ts";
import { earlier, outOfReach, setBackMs } from "./set-back-reference.ts";
import { watchOrder } from "./watch-order.ts";
import type { World } from "./world.ts";

export interface GateWatch {
  before(state: GateState, rows: ReadonlyMap<string, Place>): void;
  after(
    what: string,
    given: readonly unknown[],
    reply: unknown,
    state: GateState,
    rows: ReadonlyMap<string, Place>,
  ): void;
  /** All that could be sent has been. @param alarmAtMs when the gate will look again by itself; `null`: never */
  served(state: GateState, rows: ReadonlyMap<string, Place>, alarmAtMs: number | null): void;
  /** All its places are gone, and with them what their tenants' lines have come to. */
  lost(): void;
  /** It lives anew, with this of what it knew. */
  restarted(state: GateState): void;
}

export function watchGate(world: World, name: string): GateWatch {
  const { scheduler } = world;
  const broken = (promise: string, sentence: string, about: string | null = null) =>
    world.violate(promise, `${name}: ${sentence}`, about);
  const breaker = createBreakerReference(world, broken);
  const capacity = createCapacityReference(world, broken);
  const order = watchOrder(world, breaker, broken);
  let stateBefore: GateState | null = null;
  /** As it was read; `stateBefore`: by the present clock. */
  let storedBefore: GateState | null = null;
  let rowsBefore: ReadonlyMap<string, Place> = new Map();
  let verbs = 0;
  let isHalted = false;

  function noteVerb(what: string, given: readonly unknown[], reply: unknown): void {
    switch (what) {
      case "enter":
        return world.note(name, `enter: ${(reply as { admission: Admission }).admission.kind}`);
      case "exchange": {
        const callReports = given[1] as readonly CallReport[];
        return world.note(
          name,
          `hears ${callReports.map(({ finding }) => finding.kind).join(", ") || "nothing"}`,
        );
      }
      case "look": {
        const { send, silent } = reply as Look;
        for (const id of silent) world.note(name, `asks after ${id.slice(0, 8)}`);
        for (const id of send) world.note(name, `sends ${id.slice(0, 8)}`);
        return;
      }
      case "start": {
        const start = reply as Start;
        const why = start.kind === "wait" ? start.why : "";
        return world.note(
          name,
          `start of ${(given[0] as QueueItem).ticketId.slice(0, 8)}: ${start.kind} ${why}`,
        );
      }
      case "remove":
        return world.note(name, `release of ${(given[0] as string).slice(0, 8)}`);
      case "started":
        return world.note(name, what);
      case "order":
        return world.note(name, `is told to ${(given[0] as GateOrder).kind}`);
      default:
        return world.note(name, `${what} of ${(given[0] as QueueItem).ticketId.slice(0, 8)}`);
    }
  }

  /** From an operator's halt until a resume nothing is let through, and nothing else ends it. */
  function checkHalt(what: string, given: readonly unknown[], reply: unknown, state: GateState): void {
    if (what === "order") {
      const { kind } = given[0] as GateOrder;
      if (kind !== "ask_now") isHalted = kind === "halt";
    }
    if ((state.halt !== undefined) !== isHalted)
      broken("halts", `${isHalted ? "not halted any more" : "still halted"} after ${what}`);
    switch (what) {
      case "enter": {
        const { admission, snapshot } = reply as { admission: Admission; snapshot: Snapshot };
        const { breaker } = stateBefore ?? state;
        const isAgain = breaker.state === "half_open" && breaker.probe?.permit === given[0];
        if (isHalted && admission.kind === "call" && !isAgain) broken("halts", "a live call is let in");
        if (!isHalted && admission.kind === "wait" && admission.why === "paused")
          broken("halts", "a call waits for an operator, though nothing is halted");
        if ((snapshot.halted === true) !== isHalted) broken("halts", "its snapshot says otherwise");
        return;
      }
      case "exchange":
        if (((reply as Exchanged).halted === true) !== isHalted)
          broken("halts", "its snapshot says otherwise");
        return;
      case "start": {
        const { ticketId } = given[0] as QueueItem;
        const { permit } = given[1] as Starter;
        const known = rowsBefore.get(ticketId)?.standing;
        const isAgain = known?.state === "running" && known.permit === permit;
        if (isHalted && (reply as Start).kind === "call" && !isAgain)
          broken("halts", "a ticket is called for", ticketId);
        return;
      }
      case "look":
        if (isHalted && (reply as Look).send.length > 0) broken("halts", "a ticket is sent");
        return;
    }
  }

  /** Its state under 8 KB, as it is stored. Looked at now and then: it is a long text. */
  function checkSize(state: GateState): void {
    if (++verbs % 50 !== 0) return;
    const { length } = JSON.stringify(state);
    if (length >= mostBytes) broken("bounded", `its state has ${length} characters`);
  }

  function checkPlaces(rows: ReadonlyMap<string, Place>): void {
    const nowMs = scheduler.nowMs();
    for (const { ticketId, standing } of rows.values()) {
      if (standing.state === "waiting") continue;
      if (standing.untilMs <= nowMs) broken("9 places", `${standing.state} past its end`, ticketId);
    }
  }

  /** It knows what time it is, and nothing of it is further away than it can be, however the clock was set. */
  function checkClock(state: GateState, rows: ReadonlyMap<string, Place>): void {
    const nowMs = scheduler.nowMs();
    const wrong = outOfReach(world, state, rows.values(), nowMs);
    if (wrong !== null) broken("clocks", wrong);
    if (state !== storedBefore && nowMs - (state.seenMs ?? 0) > 0)
      broken("clocks", "it was changed, and does not know when");
  }

  /** "When a breaker closes or a hold ends, its tickets' waits end too." */
  function checkWaits(before: GateState, after: GateState, rows: ReadonlyMap<string, Place>): void {
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

  return {
    before(state, rows) {
      const byMs = setBackMs(state, scheduler.nowMs());
      storedBefore = state;
      stateBefore = byMs > 0 ? earlier(state, byMs) : state;
      rowsBefore = byMs > 0 ? earlierRows(rows, byMs) : new Map(rows);
      if (byMs > 0) {
        world.note(name, `its clock is ${byMs} ms behind`);
        breaker.setBack(byMs);
      }
      capacity.before(rowsBefore);
    },
    after(what, given, reply, state, rows) {
      if (stateBefore === null) return;
      noteVerb(what, given, reply);
      checkPlaces(rows);
      checkClock(state, rows);
      checkHalt(what, given, reply, state);
      switch (what) {
        case "enter": {
          // Who is told to wait for an operator has moved nothing.
          const { admission } = reply as { admission: Admission };
          if (admission.kind === "wait" && admission.why === "paused") {
            breaker.unmoved(stateBefore, state, what);
            break;
          }
          const [permit, whose] = given as readonly [string, Whose];
          breaker.entered(stateBefore, state, permit, whose, admission);
          break;
        }
        case "exchange":
          breaker.exchanged(
            stateBefore,
            state,
            ...(given as [string, readonly CallReport[]]),
            reply as Exchanged,
          );
          checkWaits(stateBefore, state, rows);
          break;
        case "start": {
          const [item, starter] = given as readonly [QueueItem, Starter];
          breaker.started(stateBefore, state, item, starter, reply as Start);
          order.started(rows);
          break;
        }
        case "look": {
          const { send } = reply as Look;
          order.sends(stateBefore, rowsBefore, send);
          breaker.dispatched(stateBefore, state, rows, send);
          order.sent(rows, send);
          break;
        }
        case "admit":
          capacity.asked(given[0] as QueueItem, rowsBefore, (reply as Admitted).kind);
          breaker.unmoved(stateBefore, state, what);
          break;
        case "withdraw":
          capacity.withdrawn(given[0] as QueueItem);
          breaker.unmoved(stateBefore, state, what);
          break;
        case "order":
          breaker.ordered(stateBefore, state, given[0] as GateOrder);
          break;
        case "started":
          breaker.begun(stateBefore, state);
          break;
        default:
          breaker.unmoved(stateBefore, state, what);
      }
      checkSize(state);
      order.left(rows);
      capacity.after(rows);
    },
    served(state, rows, alarmAtMs) {
      const lapses = [...rows.values()].some(({ standing }) => standing.state !== "waiting");
      if (lapses && alarmAtMs === null) broken("4 ends", "nothing will wake it, though places lapse");
      if (!isHalted) order.served(state, rows);
    },
    lost: () => order.left(new Map()),
    restarted(state) {
      order.restarted();
      breaker.restarted(state);
    },
  };
}

const mostBytes = 8_192;

function earlierRows(rows: ReadonlyMap<string, Place>, byMs: number): ReadonlyMap<string, Place> {
  return new Map([...rows].map(([id, place]) => [id, earlier(place, byMs)]));
}
