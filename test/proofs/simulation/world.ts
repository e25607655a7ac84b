/** What everything in a simulated world shares: time, chance, faults, the record of what happened, and the first promise that was broken. */
import { drawPlan, nothingCut, type Cut, type FaultKind, type Plan } from "./plan.ts";
import { createRandom, hashOf, type Random } from "./random.ts";
import { createScheduler, startMs, type Scheduler } from "./scheduler.ts";
import { realParts, type Seams } from "./seams.ts";

export interface Line {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
}

export interface Violation {
  readonly promise: string;
  readonly sentence: string;
  /** The ticket, request or key that it is about; `null`: none in particular. */
  readonly about: string | null;
}

export interface World {
  readonly plan: Plan;
  readonly seams: Seams;
  readonly scheduler: Scheduler;
  /** Milliseconds since the start. */
  sinceStartMs(): number;
  hasHealed(): boolean;
  /** The stream of this name. */
  random(name: string): Random;
  /** Does this fault strike now? */
  strikes(kind: FaultKind): boolean;
  newId(): string;
  note(who: string, what: string): void;
  /** The first one counts: a world that has broken a promise goes on no further. */
  violate(promise: string, sentence: string, about?: string | null): void;
  violation(): Violation | null;
  readonly lines: readonly Line[];
  /** Of all that was noted. */
  traceHash(): number;
}

export interface WorldOptions {
  readonly cut?: Cut;
  readonly seams?: Seams;
  /** Keeps every line. */
  readonly isTold?: boolean;
}

export function createWorld(
  seed: number,
  { cut = nothingCut, seams = realParts, isTold = false }: WorldOptions,
): World {
  const plan = drawPlan(seed, cut);
  const scheduler = createScheduler();
  const streams = new Map<string, Random>();
  const lines: Line[] = [];
  let hash = hashOf("");
  let first: Violation | null = null;

  const sinceStartMs = () => scheduler.nowMs() - startMs;
  const hasHealed = () => sinceStartMs() >= plan.healMs;

  function random(name: string): Random {
    const known = streams.get(name);
    if (known !== undefined) return known;
    const fresh = createRandom(seed, name);
    streams.set(name, fresh);
    return fresh;
  }

  const ids = random("ids");
  return {
    plan,
    seams,
    scheduler,
    sinceStartMs,
    hasHealed,
    random,
    strikes(kind) {
      const rate = plan.rates.get(kind);
      return rate !== undefined && !hasHealed() && random(kind).chance(rate);
    },
    newId() {
      return `${hex(ids)}-0000-4000-8000-0000${hex(ids)}`;
    },
    note(who, what) {
      const line = { atMs: sinceStartMs(), who, what };
      hash = hashOf(`${line.atMs} ${who} ${what}\n`, hash);
      if (isTold) lines.push(line);
    },
    violate(promise, sentence, about = null) {
      first ??= { promise, sentence, about };
    },
    violation: () => first,
    lines,
    traceHash: () => hash >>> 0,
  };
}

/** Of a ticket's id, for people: those that were made in one minute while a shared store was away begin alike. */
export function shortOf(id: string): string {
  return id[14] === "8" ? id.slice(-8) : id.slice(0, 8);
}

function hex(random: Random): string {
  return Math.floor(random.next() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, "0");
}
