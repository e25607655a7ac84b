/** The real gate in a Durable Object of which is assumed only how long it takes for a verb, and how far away it is. */
import { parseConfig } from "../../../src/settings/config.ts";
import { newGate, type GateState } from "../../../src/domain/gate/gate.ts";
import { gateLimits } from "../../../src/settings/limits.ts";
import type { QueueItem } from "../../../src/domain/gate/places.ts";
import type { Admitted } from "../../../src/domain/gate/view.ts";
import type { RemoteGate } from "../../../src/engine/front/front.ts";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { createGateKeeper } from "../../../src/engine/gate-keeper.ts";
import { memoryPlaces } from "../../../src/engine/memory-places.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Assumed, in milliseconds: there and back between isolate and gate, the gate's time for a verb whose answer waits for the disk, and for others. */
const hopMs = 50;
const writeMs = 2;
const readMs = 1;
/** A caller's patience with the gate: `src/cloudflare/stubs/ask-object.ts`. */
const patienceMs = 5_000;

const nothing = { enter: 0, exchange: 0, admit: 0 };
type Verb = keyof typeof nothing;

export interface VirtualGate {
  readonly remote: Pick<RemoteGate, "enter" | "exchange">;
  /** What a new ticket asks it. */
  admit(item: QueueItem): Promise<Admitted>;
  state(): GateState;
  /** When it opened for the first time. */
  openedAtMs(): number | null;
  /** Verbs asked of it in each second. */
  askedIn(second: number, ...verbs: readonly Verb[]): number;
  /** The longest that a verb waited for its turn among those that came in these seconds. */
  longestWaitMs(fromMs: number, untilMs: number): number;
}

export function virtualGate(time: VirtualTime, random: () => number): VirtualGate {
  let state: GateState = newGate;
  let isWritten = false;
  let openedAtMs: number | null = null;
  let busyUntilMs = 0;
  const waiting: (() => void)[] = [];
  const asked: Record<Verb, number>[] = [];
  const waits: number[] = [];

  const places = memoryPlaces();
  const keeper = createGateKeeper({
    places: {
      ...places,
      put(place) {
        isWritten = true;
        places.put(place);
      },
    },
    limits: gateLimits(settings()),
    readState: () => state,
    writeState(next, mustLast) {
      if (mustLast) isWritten = true;
      if (state.breaker.state === "closed" && next.breaker.state === "open") openedAtMs ??= time.nowMs();
      state = next;
    },
    atomically: (work) => work(),
    nowMs: time.nowMs,
    random,
  });

  /** It takes one verb after another. Whoever has lost patience is not waited for, but its verb is done. */
  function ask<Reply>(verb: Verb, work: () => Reply): Promise<Reply> {
    const second = Math.floor(time.nowMs() / 1000);
    const counts = (asked[second] ??= { ...nothing });
    counts[verb]++;
    return new Promise((resolve, reject) => {
      time.after(patienceMs, () => reject(new StoreAway("too late")));
      time.after(hopMs / 2, () => {
        const cameAtMs = time.nowMs();
        const begin = () => {
          const nowMs = time.nowMs();
          waits[second] = Math.max(waits[second] ?? 0, nowMs - cameAtMs);
          isWritten = false;
          const reply = work();
          busyUntilMs = nowMs + (isWritten ? writeMs : readMs);
          time.at(busyUntilMs + hopMs / 2, () => resolve(reply));
          waiting.shift();
          const next = waiting[0];
          if (next) time.at(busyUntilMs, next);
        };
        waiting.push(begin);
        if (waiting.length === 1) time.at(busyUntilMs, begin);
      });
    });
  }

  return {
    remote: {
      enter: (permit, whose) => ask("enter", () => keeper.enter(permit, whose)),
      exchange: (reportId, callReports) => ask("exchange", () => keeper.exchange(reportId, callReports)),
    },
    admit: (item) => ask("admit", () => keeper.admit(item, time.nowMs())),
    state: () => state,
    openedAtMs: () => openedAtMs,
    askedIn: (second, ...verbs) => verbs.reduce((sum, verb) => sum + (asked[second]?.[verb] ?? 0), 0),
    longestWaitMs: (fromMs, untilMs) =>
      Math.max(
        0,
        ...Array.from(waits.slice(Math.floor(fromMs / 1000), Math.ceil(untilMs / 1000)), (ms) => ms ?? 0),
      ),
  };
}

function settings() {
  const parsed = parseConfig({}, "cloudflare");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}
