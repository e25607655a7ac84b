/** When Redis is in trouble, and for whom. */
import type { FaultKind } from "../plan.ts";
import type { World } from "../world.ts";

export interface Troubles {
  readonly phases: readonly Phase[];
  /** How it is now for a process. */
  stateFor(slot: number): "up" | "away" | "hangs";
  /** What keeps a process from it now. */
  phaseFor(slot: number): Phase | undefined;
  isFull(): boolean;
  /** When the last of them that kept a process from it was over, or will be, since the start. */
  overAtMs(slot: number): number;
}

export interface Phase {
  /** `away`: it refuses connections. `restarts`: as that, and what was under way is gone. `hangs`: nothing is answered. `full`: it adds nothing. */
  readonly kind: "away" | "restarts" | "hangs" | "full";
  /** Since the start. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** The process that can't reach it; `null`: all. */
  readonly slot: number | null;
}

const kinds = [
  ["store_away", "away", 120_000],
  ["store_hangs", "hangs", 60_000],
  ["store_restarts", "restarts", 10_000],
  ["memory_full", "full", 120_000],
] as const satisfies readonly (readonly [FaultKind, Phase["kind"], number])[];

export function drawTroubles(world: World): Troubles {
  const phases = drawPhases(world);

  function phaseFor(slot: number): Phase | undefined {
    const atMs = world.sinceStartMs();
    const present = phases.filter(
      (phase) =>
        phase.kind !== "full" && concerns(phase, slot) && phase.fromMs <= atMs && atMs < phase.untilMs,
    );
    return present.find(({ kind }) => kind !== "hangs") ?? present[0];
  }

  function stateFor(slot: number): "up" | "away" | "hangs" {
    const phase = phaseFor(slot);
    if (phase === undefined) return "up";
    return phase.kind === "hangs" ? "hangs" : "away";
  }

  function isFull(): boolean {
    const atMs = world.sinceStartMs();
    return phases.some(({ kind, fromMs, untilMs }) => kind === "full" && fromMs <= atMs && atMs < untilMs);
  }

  return {
    phases,
    stateFor,
    phaseFor,
    isFull,
    overAtMs(slot) {
      const atMs = world.sinceStartMs();
      const begun = phases.filter(
        (phase) => phase.fromMs <= atMs && phase.kind !== "full" && concerns(phase, slot),
      );
      return Math.max(0, ...begun.map(({ untilMs }) => untilMs));
    },
  };
}

export function concerns(phase: Phase, slot: number): boolean {
  return phase.slot === null || phase.slot === slot;
}

function drawPhases(world: World): readonly Phase[] {
  const { plan } = world;
  return kinds.flatMap(([fault, kind, longestMs]) => {
    if (!plan.rates.has(fault)) return [];
    const random = world.random(fault);
    const lengths = [1_000, 10_000, longestMs] as const;
    return Array.from({ length: random.between(1, 5) }, () => {
      const fromMs = random.between(0, plan.healMs - 2_000);
      const isAlone = (kind === "away" || kind === "hangs") && random.chance(0.6);
      // Others take over from one that is cut off for longer than a claim lasts.
      const mostMs = isAlone ? 90_000 : random.pick(lengths);
      const untilMs = Math.min(plan.healMs - 1_000, fromMs + random.between(300, mostMs));
      return { kind, fromMs, untilMs, slot: isAlone ? random.between(0, plan.instances - 1) : null };
    });
  });
}
