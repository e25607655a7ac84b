/** When a vendor is ill, in which way, and for whom: for all, or for one model, one tenant's texts, or one text alone. */
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import type { FaultKind } from "./plan.ts";
import type { Random } from "./random.ts";
import { tenants } from "./subjects.ts";
import type { World } from "./world.ts";

/** What it can see of a call. */
export interface Subject {
  readonly model: string;
  readonly tenant: string;
  readonly number: number;
}

/** `null`: whoever it is. */
interface Scope {
  readonly model: string | null;
  readonly tenant: string | null;
  readonly number: number | null;
}

export interface Phase {
  readonly illness: Illness;
  /** Since the start. */
  readonly fromMs: number;
  /** `Infinity`: also when all else has healed. */
  readonly untilMs: number;
  readonly scope: Scope;
}

type Reach = "all" | "model" | "tenant" | "request";

/** For whom each can be: the narrower ones first, so that they show where several come together. */
const reaches = {
  vendor_poisoned: ["request"],
  vendor_throws_for_one: ["request"],
  vendor_limits_one: ["request"],
  vendor_sick_tenant: ["tenant"],
  vendor_sick_model: ["model"],
  vendor_bars_model: ["model"],
  vendor_mute_model: ["model"],
  vendor_doubts: ["model", "tenant", "request"],
  vendor_throws: ["all"],
  vendor_page: ["all"],
  vendor_spent: ["all"],
  vendor_refuses_key: ["all"],
  vendor_outage: ["all"],
  vendor_hang: ["all", "model", "request"],
  vendor_garbage: ["all", "model", "tenant"],
  vendor_429: ["all", "model"],
  vendor_429_named: ["all", "model"],
  vendor_tight: ["all", "model"],
  vendor_at_random: ["all", "model"],
  vendor_brownout: ["all"],
  vendor_slow: ["all"],
} as const satisfies Partial<Record<FaultKind, readonly [Reach, ...Reach[]]>>;
export type Illness = keyof typeof reaches;
const illnesses = Object.keys(reaches) as Illness[];

export interface Phases {
  /** How it is with this call now; `null`: well. */
  at(subject: Subject): Phase | null;
  /** From when on every call for it is answered, since the start; `Infinity`: never. */
  wellFromMs(subject: Subject): number;
  readonly all: readonly Phase[];
}

export function drawPhases(world: World, name: ProviderName): Phases {
  const all = illnesses.flatMap((illness) => phasesOf(world, name, illness));
  const { healMs } = world.plan;
  const endOf = ({ untilMs }: Phase) => (untilMs === Infinity ? Infinity : Math.min(untilMs, healMs));
  return {
    all,
    at(subject) {
      const atMs = world.sinceStartMs();
      return (
        all.find((phase) => phase.fromMs <= atMs && atMs < endOf(phase) && concerns(phase.scope, subject)) ??
        null
      );
    },
    wellFromMs: (subject) => Math.max(0, ...all.filter(({ scope }) => concerns(scope, subject)).map(endOf)),
  };
}

export function told({ illness, scope, fromMs, untilMs }: Phase): string {
  const { model, tenant, number } = scope;
  const whom = model ?? tenant ?? (number === null ? "all" : `request ${number}`);
  return `${illness} for ${whom} ${fromMs}-${untilMs}`;
}

function concerns({ model, tenant, number }: Scope, subject: Subject): boolean {
  return (
    (model === null || model === subject.model) &&
    (tenant === null || tenant === subject.tenant) &&
    (number === null || number === subject.number)
  );
}

const minuteMs = 60_000;
/** A quiet world lives for hours. */
const quietLengths = [8_000, 90_000, 20 * minuteMs, 120 * minuteMs, 210 * minuteMs] as const;

function phasesOf(world: World, name: ProviderName, illness: Illness): readonly Phase[] {
  const { plan } = world;
  if (!plan.rates.has(illness)) return [];
  const random = world.random(`${illness} of ${name}`);
  return Array.from({ length: random.between(1, 2) }, () => {
    const fromMs = random.between(0, plan.busyMs);
    const lengthMs =
      plan.traffic === "one an hour" ? random.pick(quietLengths) : random.between(5_000, 300_000);
    const scope = drawScope(name, random.pick<Reach>(reaches[illness]), plan.requests, random);
    // What is wrong with one text may be wrong with it for ever: to the end of its ticket, if that is near enough to be lived through.
    const isNear = plan.traffic === "one an hour" || plan.policy.ttlMs <= 30 * minuteMs;
    const isForEver = scope.number !== null && random.chance(0.5) && isNear;
    return { illness, fromMs, untilMs: isForEver ? Infinity : fromMs + lengthMs, scope };
  });
}

function drawScope(name: ProviderName, reach: Reach, requests: number, random: Random): Scope {
  const whoever: Scope = { model: null, tenant: null, number: null };
  switch (reach) {
    case "all":
      return whoever;
    case "model":
      return { ...whoever, model: `${name}-${random.pick(["1", "large", "small"])}` };
    case "tenant":
      return { ...whoever, tenant: random.pick(tenants) };
    case "request":
      return { ...whoever, number: random.between(1, requests) };
  }
}
