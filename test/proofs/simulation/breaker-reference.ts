/** Who may call, as the contract says it: breaker, holds and credentials, followed from outside and held against what a gate does. */
import type { Blame, Whose } from "../../../src/domain/gate/breaker.ts";
import type { Admission, GateState } from "../../../src/domain/gate/gate.ts";
import type { GateOrder } from "../../../src/domain/gate/halt.ts";
import type { Start, Starter } from "../../../src/domain/gate/queue.ts";
import { othersOf, type Exchanged } from "../../../src/domain/gate/report.ts";
import { asksForOthers, type CallReport } from "../../../src/domain/gate/call-report.ts";
import type { Place, QueueItem } from "../../../src/domain/gate/places.ts";
import {
  afterAskNow,
  afterSent,
  afterStart,
  holdIn,
  isAsked,
  isHeld,
  sparesTicket,
  stopsCalls,
  withAskers,
  type PausedModel,
} from "./held.ts";
import { comparedWith } from "./holds-compared.ts";
import { othersAsTo } from "./others-reference.ts";
import { knownEarlier } from "./set-back-reference.ts";
import { afterBatch, isAnothers, unknown, type Known } from "./outcomes-reference.ts";
import type { World } from "./world.ts";

export type Broken = (promise: string, sentence: string, about?: string | null) => void;
export type BreakerReference = ReturnType<typeof createBreakerReference>;

export function createBreakerReference({ plan, scheduler }: World, broken: Broken) {
  const { limits } = plan;
  const { recoveryMs, maxOpenMs } = limits;
  let known: Known = unknown;
  /** As it was known with each state that was ever written. */
  const byState = new WeakMap<GateState, Known>();
  /** The contract has left it open whether the breaker opens. */
  let mayBeOpen = false;
  let ended: ReadonlySet<string> = new Set();

  /** A turn that was taken moves an open breaker on, in its time. */
  function moved(
    before: GateState,
    after: GateState,
    what: string,
    mayProbe: boolean,
    whose: Whose | null = null,
  ): void {
    const from = before.breaker;
    const to = after.breaker.state;
    if (mayProbe && from.state === "open" && to === "half_open") {
      const isSpared = what === "enter" && whose !== null && isDoubted(whose);
      if (scheduler.nowMs() < from.probeFromMs && !isSpared)
        broken("8 breaker", `${what} before the open time is over`);
      known = { ...known, state: "half_open", good: 0 };
    }
    if (to !== known.state && mayBeOpen) known = { ...known, state: to };
    else if (to !== known.state) broken("8 breaker", `${to} after ${what}, should be ${known.state}`);
    const theirs = blameIn(after);
    const doubt = after.breaker.state === "closed" ? null : (after.breaker.doubt ?? null);
    const isDivided = after.breaker.state !== "closed" && after.breaker.others !== undefined;
    if (mayBeOpen && JSON.stringify(theirs) !== JSON.stringify(known.blame))
      known = { ...known, blame: theirs, doubt, isDivided, heard: isDivided ? [] : known.heard };
    else if (isDivided !== known.isDivided)
      broken("13 whose", `${isDivided ? "" : "not "}divided after ${what}`);
    if (JSON.stringify(theirs) !== JSON.stringify(known.blame))
      broken(
        "13 whose",
        `blames ${JSON.stringify(theirs)} after ${what}, not ${JSON.stringify(known.blame)}`,
      );
    if (JSON.stringify(doubt) !== JSON.stringify(known.doubt))
      broken("13 whose", `doubts ${JSON.stringify(doubt)} after ${what}, not ${JSON.stringify(known.doubt)}`);
    known = { ...known, holds: withAskers(known.holds, after) };
    byState.set(after, known);
  }

  /** Is it closed, or as if it were, for this one? */
  function isFreeFor(whose: Whose): boolean {
    return known.state === "closed" || (known.isDivided && isAnothers(known.blame, whose));
  }

  /** Likewise of a ticket. "Where our account is refused", one asks for all. */
  function isFreeTicket({ credentials }: GateState, whose: Whose): boolean {
    return known.state === "closed" || (credentials === null && isFreeFor(whose));
  }

  /** May this one probe before its time, since another has probed in vain? */
  function isDoubted(whose: Whose): boolean {
    return known.state !== "closed" && !isFreeFor(whose) && isAnothers(known.doubt, whose);
  }

  function blameIn({ breaker }: GateState): Blame | null {
    return breaker.state === "closed" ? null : (breaker.blame ?? null);
  }

  function checkOpenFor(before: GateState, after: GateState): void {
    const { breaker } = after;
    if (breaker.state !== "open") return;
    // Others' faults change whom it spares, and not its time.
    if (before.breaker.state === "open" && before.breaker.probeFromMs === breaker.probeFromMs) return;
    const openForMs = breaker.probeFromMs - scheduler.nowMs();
    if (openForMs < recoveryMs || openForMs > Math.max(recoveryMs, maxOpenMs))
      broken("8 breaker", `open for ${openForMs} ms`);
    // "The doubling taken back by a good one."
    const hadGood = before.breaker.state === "half_open" && before.breaker.goodProbes > 0;
    if (hadGood && openForMs > recoveryMs * 1.1 + 1)
      broken("8 breaker", `open for ${openForMs} ms after a good probe`);
  }

  function checkOthers(callReports: readonly CallReport[], exchanged: Exchanged, after: GateState): void {
    const last = callReports.at(-1);
    if (last?.call === undefined) return;
    const { call, ageMs = 0 } = last;
    const nowMs = scheduler.nowMs();
    const mustKnow = asksForOthers(last);
    if (mustKnow && exchanged.others === undefined) broken("5 attempts", "nobody is told how others fared");
    // Who doesn't ask isn't told. What the gate knows is looked at all the same.
    const others = exchanged.others ?? (mustKnow ? null : othersOf(after, last, nowMs));
    if (others === null) return;
    const held = hold(call.model);
    const expected = {
      ...othersAsTo(known.others, call, nowMs - ageMs, nowMs),
      held: after.credentials !== null || (held !== undefined && isAsked(held)),
    };
    for (const fact of ["served", "mostlyFaults", "held", "judged", "cleanEnd"] as const)
      if (others[fact] !== expected[fact])
        broken("5 attempts", `says ${fact}: ${others[fact]}, not ${expected[fact]} (${call.model})`);
  }

  /** Is it one whose tickets ask, one at a time? */
  function isAsking(model: string): boolean {
    const held = hold(model);
    return held !== undefined && isAsked(held);
  }

  function hold(model: string): PausedModel | undefined {
    return holdIn(known.holds.models, model, scheduler.nowMs());
  }

  function checkTicketHold({ model, tenant }: Whose, about: string): void {
    const nowMs = scheduler.nowMs();
    const held = hold(model);
    if (held !== undefined && isHeld(held, nowMs) && !isAsked(held) && !sparesTicket(held, tenant))
      broken("13 whose", `a ticket's call for ${model}, which is held (${held.why})`, about);
  }

  /** Who has the turn of the probe now; `null`: nobody. */
  function prober({ breaker }: GateState): string | null {
    return breaker.state === "half_open" && breaker.probe && scheduler.nowMs() < breaker.probe.endsAtMs
      ? breaker.probe.permit
      : null;
  }

  function asker({ credentials }: GateState): string | null {
    return credentials?.asker && scheduler.nowMs() < credentials.asker.endsAtMs
      ? credentials.asker.permit
      : null;
  }

  function askerOf({ holds }: GateState, model: string): string | null {
    const asker = holds.find((hold) => hold.model === model)?.asker ?? null;
    return asker !== null && scheduler.nowMs() < asker.endsAtMs ? asker.permit : null;
  }

  return {
    entered(before: GateState, after: GateState, permit: string, whose: Whose, admission: Admission): void {
      const { model } = whose;
      const isFree = isFreeFor(whose);
      const isEarlyTaken =
        before.breaker.state === "half_open" && before.breaker.isEarly === true && prober(before) !== null;
      const isBesideBlamed = isDoubted(whose) && !isEarlyTaken;
      if (admission.kind === "call" && !isAsking(model))
        known = { ...known, holds: afterSent(known.holds, model, scheduler.nowMs()) };
      moved(before, after, "enter", true, whose);
      const nowMs = scheduler.nowMs();
      const isStopped = stopsCalls(hold(model), whose.tenant, nowMs);
      if (admission.kind === "call") {
        if (isStopped) broken("13 whose", `a call for ${model}, which is held`);
        const holder = prober(before);
        if (known.state !== "closed" && admission.probe === null && !isFree)
          broken("8 breaker", "a call past a breaker that isn't closed");
        if (admission.probe && holder !== null && holder !== permit && !isBesideBlamed)
          broken("8 breaker", "two probes at a time");
        if (admission.probe && prober(after) !== permit) broken("8 breaker", "a probe without a lease");
      } else if (admission.why === "breaker") {
        if (isFree || isBesideBlamed) broken("13 whose", "turned away for another's faults");
        const isWaiting = before.breaker.state === "open" && nowMs < before.breaker.probeFromMs;
        if (!isWaiting && prober(before) === null)
          broken("8 breaker", "turned away, though it could be the probe");
      } else if (!isStopped) broken("13 whose", `turned away for ${model}, which nothing holds`);
    },

    exchanged(
      before: GateState,
      after: GateState,
      reportId: string,
      callReports: readonly CallReport[],
      exchanged: Exchanged,
    ): void {
      const held = known.holds.models;
      const taken = afterBatch(known, { reportId, callReports, before, after }, limits, scheduler.nowMs());
      known = taken.known;
      mayBeOpen = taken.isOpen;
      const compared = comparedWith(withAskers(known.holds, after), after, mayBeOpen, scheduler.nowMs());
      known = { ...known, holds: compared.known };
      ended = new Set(
        [...held]
          // What a ticket was told to wait by a 429 is its own: the vendor's word.
          .filter(([, { why, answers }]) => why !== "rate_limit" && answers === null)
          .map(([model]) => model)
          .filter((model) => (hold(model)?.answers ?? null) !== null),
      );
      if (compared.wrong !== null) broken("13 whose", compared.wrong);
      moved(before, after, "exchange", false);
      checkOpenFor(before, after);
      checkOthers(callReports, exchanged, after);
    },

    started(
      before: GateState,
      after: GateState,
      { ticketId, model, tenant }: QueueItem,
      { permit }: Starter,
      start: Start,
    ): void {
      if (start.kind === "call")
        known = { ...known, holds: afterSent(known.holds, model, scheduler.nowMs()) };
      moved(before, after, "start", true, { model, tenant });
      if (start.kind !== "call") return;
      checkTicketHold({ model, tenant }, ticketId);
      const isFree = isFreeTicket(before, { model, tenant });
      const isSingle = !isFree || after.credentials !== null || isAsking(model);
      if (isSingle && !start.asProbe)
        broken("8 breaker", "a ticket's call past what lets one through at a time", ticketId);
      if (!isSingle && start.asProbe) broken("8 breaker", "a probe where everybody may call", ticketId);
      for (const holder of [isFree ? null : prober(before), asker(before), askerOf(before, model)])
        if (holder !== null && holder !== ticketId && holder !== permit)
          broken("8 breaker", "two probes at a time", ticketId);
      if (!isFree && prober(after) !== permit) broken("8 breaker", "a probe without a lease", ticketId);
    },

    dispatched(
      before: GateState,
      after: GateState,
      rows: ReadonlyMap<string, Place>,
      ids: readonly string[],
    ): void {
      const nowMs = scheduler.nowMs();
      for (const id of ids) {
        const { model = "", tenant = "" } = rows.get(id) ?? {};
        checkTicketHold({ model, tenant }, id);
        const held = hold(model);
        if (held !== undefined && isAsked(held)) {
          if (nowMs < held.untilMs && !sparesTicket(held, tenant))
            broken("13 whose", `${model} is asked before its time`, id);
          if (askerOf(before, model) !== null) broken("8 breaker", `${model} is asked twice at a time`, id);
        }
      }
      for (const id of ids)
        known = { ...known, holds: afterSent(known.holds, rows.get(id)?.model ?? "", nowMs) };
      moved(before, after, "look", true, rows.get(ids[0] ?? "") ?? null);
      const singles = ids.filter((id) => {
        const { model = "", tenant = "" } = rows.get(id) ?? {};
        return after.credentials !== null || !isFreeTicket(before, { model, tenant });
      });
      if (singles.length === 0) return;
      if (singles.length > 1) broken("8 breaker", `${singles.length} probes are sent at once`);
      if (prober(before) !== null || asker(before) !== null)
        broken("8 breaker", "a probe is sent beside another");
      if (before.credentials !== null && nowMs < before.credentials.askFromMs)
        broken("credentials", "asked before its time");
    },

    /** Its service has started again. */
    begun(before: GateState, after: GateState): void {
      known = { ...known, holds: afterStart(known.holds, scheduler.nowMs()) };
      moved(before, after, "started", false);
    },

    /** An operator has ordered it. */
    ordered(before: GateState, after: GateState, order: GateOrder): void {
      const nowMs = scheduler.nowMs();
      if (order.kind === "ask_now" && before.halt === undefined) {
        known = { ...known, holds: afterAskNow(known.holds, nowMs) };
        const { breaker, credentials } = after;
        if (breaker.state === "open" && breaker.probeFromMs > nowMs)
          broken("8 breaker", "it waits on, though it is to ask now");
        if (credentials !== null && credentials.askFromMs > nowMs)
          broken("credentials", "it waits on, though it is to ask now");
      }
      moved(before, after, "order", false);
    },

    unmoved(before: GateState, after: GateState, what: string): void {
      moved(before, after, what, false);
    },

    /** The gate's clock is so far behind what it has seen. */
    setBack(byMs: number): void {
      known = knownEarlier(known, byMs);
    },

    /** Counters that were not stored yet are lost with the object's memory. */
    restarted(state: GateState): void {
      known = byState.get(state) ?? unknown;
    },

    /** Only single tickets are sent now, as probes. */
    isProbing: (state: GateState, whose: Whose) => state.credentials !== null || !isFreeTicket(state, whose),

    /** May a ticket be sent now? */
    hasTurn(state: GateState, whose: Whose): boolean {
      const nowMs = scheduler.nowMs();
      const { breaker, credentials } = state;
      if (credentials === null && isFreeFor(whose)) return true;
      if (breaker.state === "open" && nowMs < breaker.probeFromMs) return false;
      if (credentials !== null && nowMs < credentials.askFromMs) return false;
      return prober(state) === null && asker(state) === null;
    },

    hold,

    isAsked: isAsking,

    /** Of the last exchange: an answer has ended what held it. */
    hasJustEnded: (model: string) => ended.has(model),

    /** Does its model keep it from being sent now? */
    isHeldBack(state: GateState, { model, tenant }: Whose): boolean {
      const nowMs = scheduler.nowMs();
      const held = hold(model);
      if (held === undefined || !isHeld(held, nowMs)) return false;
      if (isAsked(held) && askerOf(state, model) !== null) return true;
      return !sparesTicket(held, tenant) && (!isAsked(held) || nowMs < held.untilMs);
    },
  };
}
