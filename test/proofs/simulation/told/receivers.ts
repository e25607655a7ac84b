/**
 * Who is told of the ends of tickets: receivers that are down for days, drip, are busy, answer 410, or take what they are sent and lose the answer.
 * What is wrong with them is theirs alone, and goes on after all else has healed.
 */
import { receiversOf, type Receivers } from "../../../../src/push/receivers.ts";
import { postTimeoutMs, type Post, type PostOutcome, type PushRequest } from "../../../../src/push/post.ts";
import { hash } from "node:crypto";
import { asAlive, type Life } from "../life.ts";
import type { Random } from "../random.ts";
import { tenants } from "../subjects.ts";
import type { World } from "../world.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** `refused`, `silent`: it gets nothing. `drips`, `loses`: it takes what it is sent, and nobody hears so. */
type Trouble = "refused" | "silent" | "drips" | "loses" | "busy";

interface Absence {
  readonly what: Trouble;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Of what it is sent then. */
  readonly share: number;
}

export interface ReceiverPlan {
  readonly tenant: string;
  readonly name: string;
  readonly url: string;
  /** Its troubles, by the time since the start. */
  readonly absences: readonly Absence[];
  /** From then on it answers 410; `null`: never. */
  readonly goneFromMs: number | null;
}

/** From then on it takes all that it is sent, since the start. `Infinity`: never. */
export function wellFromMs({ absences, goneFromMs }: ReceiverPlan): number {
  return goneFromMs === null ? Math.max(0, ...absences.map(({ untilMs }) => untilMs)) : Infinity;
}

/** One tenant has an endpoint, one has two, and one has none. */
export function drawReceivers(world: World): readonly ReceiverPlan[] {
  const [first = "", second = ""] = tenants;
  return [
    [first, "main"],
    [second, "main"],
    [second, "other"],
  ].map(([tenant = "", name = ""]) => drawReceiver(world, tenant, name));
}

function drawReceiver({ plan, random }: World, tenant: string, name: string): ReceiverPlan {
  const dice = random(`receiver ${tenant}/${name}`);
  const absences: Absence[] = [];
  const absent = (what: Trouble, longestMs: number) => {
    for (let count = dice.between(1, 2); count > 0; count--) {
      const fromMs = dice.between(0, plan.healMs);
      const untilMs = fromMs + dice.between(1_000, longestMs);
      absences.push({ what, fromMs, untilMs, share: dice.pick([0.5, 1, 1]) });
    }
  };
  const longest = dice.pick([10 * minuteMs, 3 * hourMs, 3 * dayMs]);
  if (plan.rates.has("receiver_down") && dice.chance(0.7))
    absent(dice.pick(["refused", "silent"] as const), longest);
  if (plan.rates.has("receiver_drips") && dice.chance(0.7)) absent("drips", hourMs);
  if (plan.rates.has("receiver_loses") && dice.chance(0.7)) absent("loses", hourMs);
  if (plan.rates.has("receiver_busy") && dice.chance(0.7)) absent("busy", hourMs);
  const isGone = plan.rates.has("receiver_gone") && dice.chance(0.4);
  const goneFromMs = isGone ? dice.between(0, plan.healMs) : null;
  return { tenant, name, url: `https://${tenant}.example.org/${name}`, absences, goneFromMs };
}

export function settingsOf(plans: readonly ReceiverPlan[]): Promise<Receivers> {
  const endpoints = plans.map(({ tenant, name, url }) => ({
    tenant,
    name,
    url,
    secrets: [`whsec_${hash("sha256", url, "base64")}`],
  }));
  return receiversOf(
    { endpoints, prefixes: [], includeResult: false, allowPrivate: false, maxPending: 1_000 },
    (text) => Promise.resolve(hash("sha256", text)),
  );
}

export interface Posting {
  /** As a process sends it. */
  readonly from: (life: Life) => Post;
  /** As somebody sends it who thinks that nothing can fail: it arrives before anything else happens. */
  readonly atOnce: (request: PushRequest) => void;
}

export interface ReceiverWatch {
  /** A receiver has read it. @param isTaken it will remember */
  arrived(receiver: ReceiverPlan, request: PushRequest, isTaken: boolean): void;
  answered(receiver: ReceiverPlan, request: PushRequest, status: number): void;
}

export function postTo(world: World, plans: readonly ReceiverPlan[], watch: ReceiverWatch): Posting {
  const { scheduler } = world;
  const random = world.random("receivers");
  const byUrl = new Map(plans.map((plan) => [plan.url, plan]));

  /** What becomes of it, and after how long. */
  function arrive(request: PushRequest): readonly [PostOutcome, number] {
    const receiver = byUrl.get(request.url);
    if (receiver === undefined) throw new Error(`nobody listens at ${request.url}`);
    const soonMs = random.between(1, random.pick([50, 50, 14_000]));
    const answer = (status: number, retryAfterMs: number | null) => {
      watch.arrived(receiver, request, status === 200);
      watch.answered(receiver, request, status);
      return [{ kind: "status", status, retryAfterMs }, soonMs] as const;
    };
    if (isGone(receiver, world.sinceStartMs())) return answer(410, null);
    switch (troubleNow(receiver, world.sinceStartMs(), random)) {
      case null:
        return answer(200, null);
      case "refused":
        return [{ kind: "refused" }, 1];
      case "silent":
        return [{ kind: "timeout" }, postTimeoutMs];
      case "drips":
        watch.arrived(receiver, request, true);
        return [{ kind: "timeout" }, postTimeoutMs];
      case "loses":
        watch.arrived(receiver, request, true);
        return [{ kind: "other" }, soonMs];
      case "busy":
        return random.chance(0.5) ? answer(429, random.pick([1_000, 3_600_000])) : answer(503, null);
    }
  }

  return {
    from: (life) => (request, signal) =>
      new Promise((resolve) => {
        signal?.addEventListener("abort", () => resolve({ kind: "other" }));
        scheduler.after(random.between(1, 50), () => {
          const [outcome, afterMs] = arrive(request);
          scheduler.after(afterMs, () => asAlive(scheduler, life, () => resolve(outcome)));
        });
      }),
    atOnce: (request) => void arrive(request),
  };
}

function isGone({ goneFromMs }: ReceiverPlan, sinceStartMs: number): boolean {
  return goneFromMs !== null && sinceStartMs >= goneFromMs;
}

function troubleNow({ absences }: ReceiverPlan, sinceStartMs: number, random: Random): Trouble | null {
  const now = absences.find(({ fromMs, untilMs }) => fromMs <= sinceStartMs && sinceStartMs < untilMs);
  return now === undefined || !random.chance(now.share) ? null : now.what;
}
