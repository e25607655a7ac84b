/** The last that was heard of a gate that is a hop away, and what a call may do by it. */
import type { Admission } from "../../domain/gate/gate.ts";
import type { Whose } from "../../domain/gate/breaker.ts";
import {
  answer,
  isRefreshDue,
  roomIn,
  type KeptSnapshot,
  type Room,
  type Snapshot,
  type SnapshotAnswer,
} from "../../domain/gate/snapshot.ts";
import { haltedMs } from "../../domain/gate/halt.ts";
import type { Clock } from "../../gateway/ports.ts";

export interface LastSnapshot {
  /** @param askedAtMs by the monotonic clock, as are all moments here */
  keep(snapshot: Snapshot, askedAtMs: number): void;
  /** What a call may do; `null`: only the gate can tell. */
  answer(whose: Whose, nowMs: number): Admission | null;
  /**
   * What a call may do without the gate: by the last that was heard of it, for a while; then, as if its breaker were closed. What an operator has
   * halted does not go on by time.
   */
  guess(whose: Whose): Admission;
  /** Is it time to ask for a new one, behind the request? */
  isRefreshDue(nowMs: number): boolean;
  /** Nothing that was heard says that the breaker isn't closed. */
  mayBeClosed(): boolean;
  /** @param fullAtMs when the gate last said to the tenant that asks that its queue is full; `null`: never */
  room(fullAtMs: number | null): Room;
}

/** How long the last snapshot is better than nothing while the gate can't be reached. */
const staticMs = 60_000;
/** After the gate did not answer, calls don't wait for it for so long. */
export const awayMs = 1_000;

export function createLastSnapshot(clock: Clock): LastSnapshot {
  let kept: KeptSnapshot | null = null;

  /** What is known here goes by the monotonic clock; who asks, by the wall's. */
  function ofHere(known: Exclude<SnapshotAnswer, { kind: "ask" }>, nowMs: number): Admission {
    return known.kind === "call" ? { ...known, probe: null } : waitOfHere(known, nowMs, clock);
  }

  return {
    /** The one that was asked for last is the newest. After our clock was set back nothing kept is newer. */
    keep(snapshot, askedAtMs) {
      const isOlder = kept !== null && askedAtMs < kept.askedAtMs && kept.askedAtMs <= clock.monotonicMs();
      if (!isOlder) kept = { snapshot, askedAtMs };
    },

    answer(whose, nowMs) {
      const known = answer(kept, whose, nowMs);
      return known.kind === "ask" ? null : ofHere(known, nowMs);
    },

    guess(whose) {
      const nowMs = clock.monotonicMs();
      if (kept?.snapshot.halted === true)
        return ofHere({ kind: "wait", why: "paused", retryAtMs: nowMs + haltedMs }, nowMs);
      if (kept === null || nowMs - kept.askedAtMs >= staticMs || nowMs < kept.askedAtMs) return unknown;
      const { snapshot, askedAtMs } = kept;
      const last = answer({ askedAtMs, snapshot: { ...snapshot, usableForMs: staticMs } }, whose, nowMs);
      return ofHere(
        last.kind === "ask" ? { kind: "wait", why: "breaker", retryAtMs: nowMs + awayMs } : last,
        nowMs,
      );
    },

    isRefreshDue: (nowMs) => isRefreshDue(kept, nowMs),
    mayBeClosed: () => kept === null || kept.snapshot.state === "closed",
    room: (fullAtMs) => roomIn(kept, fullAtMs, clock.monotonicMs()),
  };
}

const unknown: Admission = { kind: "call", epoch: null, probe: null };

/** A wait that was told by another clock, by which it was `thereMs` then: it is as long by the wall's here. */
export function waitOfHere(admission: Admission, thereMs: number, clock: Clock): Admission {
  if (admission.kind === "call") return admission;
  return { ...admission, retryAtMs: admission.retryAtMs - thereMs + clock.nowMs() };
}
