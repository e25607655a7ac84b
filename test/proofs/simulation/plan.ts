/** What a seed decides before anything happens: the shape of the world, its settings, and which faults it knows. */
import { hash } from "node:crypto";
import { parseConfig } from "../../../src/settings/config.ts";
import type { ProviderName } from "../../../src/domain/judging/comparison.ts";
import { gateLimits, ticketPolicy, type QueueSettings } from "../../../src/settings/limits.ts";
import { createRandom, type Random } from "./random.ts";
import { tenants } from "./subjects.ts";

export const faultKinds = [
  "slow_network",
  "away_before",
  "away_after",
  "queue_loses",
  "queue_doubles",
  "queue_delays",
  "queue_refuses",
  "alarm_late",
  "alarm_doubled",
  "crash_anytime",
  "crash_at_effect",
  "pause",
  "object_dies",
  "gate_forgets",
  "stop",
  "deploy",
  "skewed_clock",
  "vendor_outage",
  "vendor_brownout",
  "vendor_hang",
  "vendor_garbage",
  "vendor_429",
  "vendor_429_named",
  "vendor_refuses_key",
  "vendor_slow",
  "vendor_page",
  "vendor_at_random",
  "vendor_tight",
  "vendor_spent",
  "vendor_bars_model",
  "vendor_mute_model",
  "vendor_sick_model",
  "vendor_sick_tenant",
  "vendor_poisoned",
  "vendor_limits_one",
  "vendor_doubts",
  "vendor_throws",
  "vendor_throws_for_one",
  "unknown_models",
  "gated_models",
  "steady_traffic",
  "unconfigured",
  "hang_up",
  "repeats",
  "twins",
  "cancels",
  "store_away",
  "store_hangs",
  "store_restarts",
  "everysec",
  "memory_full",
  "answer_lost",
  "wake_lost",
  "wake_late",
  "store_clocks",
  "index_away",
  "lists",
  "halts",
  "asks_now",
  "told",
  "receiver_down",
  "receiver_drips",
  "receiver_busy",
  "receiver_loses",
  "receiver_gone",
  "bus_away",
  "rolls_back",
] as const;
export type FaultKind = (typeof faultKinds)[number];

/**
 * `objects`: instances beside objects that live and die on their own. `process`: one process that holds all, and loses all it has in memory.
 * `shared`: processes that share a store, each with one of its own behind it.
 */
type Shape = "objects" | "process" | "shared";

/** `busy`: all requests within minutes. `one an hour`: a ticket each hour, in default settings. */
type Traffic = "busy" | "one an hour";

export interface Plan {
  readonly seed: number;
  readonly shape: Shape;
  readonly traffic: Traffic;
  readonly instances: number;
  readonly providers: readonly ProviderName[];
  readonly settings: QueueSettings;
  /** In-request retries. */
  readonly liveRetries: number;
  readonly limits: ReturnType<typeof gateLimits>;
  readonly policy: ReturnType<typeof ticketPolicy>;
  readonly requests: number;
  /** Requests come within this time. */
  readonly busyMs: number;
  /** From here on nothing fails any more. */
  readonly healMs: number;
  /** How often each kind strikes, 0 to 1. Kinds that are missing don't. */
  readonly rates: ReadonlyMap<FaultKind, number>;
  /** Nothing fails but vendors, and nobody stops: what is promised holds to the second. */
  readonly isCalm: boolean;
}

/** What of a plan is left out, to find out what a failure needs. */
export interface Cut {
  readonly without: readonly FaultKind[];
  /** Requests at most. */
  readonly requests: number;
}

export const nothingCut: Cut = { without: [], requests: Infinity };
const minuteMs = 60_000;

export function drawPlan(seed: number, cut: Cut = nothingCut): Plan {
  const random = createRandom(seed, "plan");
  const shape = drawShape(seed, random);
  const traffic = createRandom(seed, "traffic").chance(0.1) ? "one an hour" : "busy";
  const isBusy = traffic === "busy";
  const theme = isBusy ? drawTheme(seed, shape) : null;
  const drawn = drawSettings(shape, random);
  const rates = drawRates(seed, shape, theme, cut);
  const settings = withRetention(
    isBusy ? (theme?.settings(drawn) ?? drawn) : defaultSettings,
    shape === "process" && rates.has("told") ? drawRetentionMs(seed) : null,
  );
  const minutes = random.between(1, 6);
  const busyMs = minutes * (isBusy ? minuteMs : 60 * minuteMs);
  return {
    seed,
    shape,
    traffic,
    instances: drawInstances(shape, random),
    providers: random.chance(0.5) ? ["openai"] : ["openai", "google"],
    settings,
    liveRetries: random.between(0, 2),
    limits: { ...gateLimits(settings), ...drawWeights(seed) },
    policy: ticketPolicy(settings),
    requests: Math.min(isBusy ? random.between(5, 40) : minutes, cut.requests),
    busyMs,
    healMs: busyMs + random.between(1, 6) * (isBusy ? minuteMs : 30 * minuteMs),
    rates,
    isCalm: disturbances.every((kind) => !rates.has(kind)),
  };
}

/** In half of the worlds one tenant weighs more than the others. */
function drawWeights(seed: number): { readonly weights?: Readonly<Record<string, number>> } {
  const random = createRandom(seed, "weights");
  return random.chance(0.5) ? { weights: { [tenantKey(random.pick(tenants))]: random.pick([0.5, 3]) } } : {};
}

/** As gates know it. */
function tenantKey(tenant: string): string {
  return hash("sha256", `tenant ${tenant}`, "hex").slice(0, 16);
}

/** Every fifth world has a shared store. */
function drawShape(seed: number, random: Random): Shape {
  const shape = random.chance(0.7) ? "objects" : "process";
  return seed % 5 === 0 ? "shared" : shape;
}

function drawInstances(shape: Shape, random: Random): number {
  switch (shape) {
    case "objects":
      return random.between(1, 4);
    case "process":
      return 1;
    case "shared":
      return random.between(2, 3);
  }
}

function drawSettings(shape: Shape, random: Random): QueueSettings {
  // Where a store is shared, calls should last as long as others need to take over from who is cut off.
  const timesOut =
    shape === "shared" ? ([5_000, 20_000, 20_000, 60_000] as const) : ([5_000, 20_000, 60_000] as const);
  return {
    llm: { requestTimeoutMs: random.pick(timesOut) },
    breaker: {
      failureThreshold: random.between(1, 5),
      recoveryMs: random.pick([1_000, 10_000]),
      successThreshold: random.between(1, 3),
      maxOpenMs: random.pick([10_000, 60_000]),
    },
    queue: {
      maxSize: random.pick([6, 20, 1_000]),
      maxBytes: random.pick([40_000, 100_000_000]),
      highWatermark: 0.8,
      lowWatermark: random.pick([0.3, 0.6]),
      ticketTtlMs: random.pick([4 * minuteMs, 30 * minuteMs, 240 * minuteMs]),
      maxRetries: random.between(0, 3),
      concurrency: random.pick([1, 2, 8]),
      retentionMs: 60 * minuteMs,
    },
  };
}

/** What is wrong with those who are told is no matter of the service's. */
const ofTheTold: ReadonlySet<FaultKind> = new Set([
  ...([
    "told",
    "receiver_down",
    "receiver_drips",
    "receiver_busy",
    "receiver_loses",
    "receiver_gone",
  ] as const),
  "bus_away",
]);

/** For so long tickets are kept after their ends, where somebody is told of them: so receivers can be down for days. */
function drawRetentionMs(seed: number): number {
  return createRandom(seed, "retention").pick([1, 24, 24, 24 * 8]) * 60 * minuteMs;
}

/** @returns `null`: it is as likely as others are */
function chanceOfTelling(kind: FaultKind, shape: Shape): number | null {
  if (kind === "told") return 0.7;
  // Elsewhere nothing is told within a transaction, and calm worlds should stay so.
  if (kind === "rolls_back") return shape === "process" ? 0.4 : 0;
  return ofTheTold.has(kind) ? 0.4 : null;
}

function withRetention(settings: QueueSettings, retentionMs: number | null): QueueSettings {
  return retentionMs === null ? settings : { ...settings, queue: { ...settings.queue, retentionMs } };
}

/** Kinds that have few occasions strike more often. */
const mostOften: Partial<Record<FaultKind, number>> = {
  queue_doubles: 0.9,
  gate_forgets: 0.6,
  skewed_clock: 3,
  store_clocks: 3,
};
/** A process that has a store of its own has many, and should live for long enough to need it. */
const mostOftenShared: Partial<Record<FaultKind, number>> = { crash_at_effect: 0.02, slow_network: 0.1 };

/** What a world with a shared store is for. */
const storeFaults: ReadonlySet<FaultKind> = new Set([
  ...(["store_away", "store_hangs", "store_restarts", "memory_full", "answer_lost"] as const),
  ...(["wake_lost", "crash_anytime", "crash_at_effect", "vendor_slow"] as const),
]);

/** What a ticket is charged with needs others that are served meanwhile. */
const together: ReadonlySet<FaultKind> = new Set([
  "steady_traffic",
  "vendor_poisoned",
  "vendor_limits_one",
  "vendor_mute_model",
  "lists",
]);

/** What a world is for, where it is for something: what shows only where several things come together, and then is not rare. */
interface Theme {
  readonly shapes: readonly Shape[];
  readonly kinds: readonly FaultKind[];
  readonly settings: (drawn: QueueSettings) => QueueSettings;
}

const themes: readonly Theme[] = [
  // Whoever stands still comes back when his claim is another's: a short time limit lets claims end while their holders live.
  {
    shapes: ["objects"],
    kinds: ["pause", "vendor_slow", "gate_forgets"],
    settings: (drawn) => ({ ...drawn, llm: { requestTimeoutMs: 5_000 } }),
  },
  // Whoever is cut off has something to tell of a claim that is another's by then. Many calls are under way, and no breaker ends that.
  {
    shapes: ["shared"],
    kinds: ["store_away", "store_hangs", "vendor_slow", "vendor_hang"],
    settings: (drawn) => ({
      llm: { requestTimeoutMs: 20_000 },
      breaker: { ...drawn.breaker, failureThreshold: 1_000 },
      queue: { ...drawn.queue, concurrency: 8 },
    }),
  },
  // One ticket fails again and again while others of its model are served.
  {
    shapes: ["objects", "process"],
    kinds: ["steady_traffic", "vendor_poisoned", "vendor_limits_one", "vendor_mute_model"],
    settings: (drawn) => ({ ...drawn, queue: { ...drawn.queue, maxRetries: 3 } }),
  },
];

/** One busy world in five has one; of those with a shared store, which are fewer, two. */
function drawTheme(seed: number, shape: Shape): Theme | null {
  const random = createRandom(seed, "theme");
  const fitting = themes.filter(({ shapes }) => shapes.includes(shape));
  return random.chance(shape === "shared" ? 0.4 : 0.2)
    ? (fitting[random.between(0, fitting.length - 1)] ?? null)
    : null;
}

/** A swarm: some worlds know hardly a fault, some nearly all of them, each as often as chance will have it; and so for their vendors. */
function drawRates(
  seed: number,
  shape: Shape,
  theme: Theme | null,
  cut: Cut,
): ReadonlyMap<FaultKind, number> {
  const share = createRandom(seed, "swarm").pick([0, 0.1, 0.25, 0.5]);
  const shareOfVendors = createRandom(seed, "swarm of vendors").pick([0.05, 0.1, 0.2, 0.35]);
  const rates = faultKinds.map((kind) => {
    const random = createRandom(seed, `rate of ${kind}`);
    const isOfStores = shape === "shared" && storeFaults.has(kind);
    const most = (shape === "shared" ? mostOftenShared[kind] : null) ?? mostOften[kind] ?? 0.3;
    const usual = isDisturbance(kind) ? share : Math.max(shareOfVendors, together.has(kind) ? 0.2 : 0);
    const isThemes = theme?.kinds.includes(kind) === true;
    const chance = isOfStores ? Math.max(share, 0.35) : (chanceOfTelling(kind, shape) ?? usual);
    const isOn = random.chance(isThemes ? 1 : chance) && !cut.without.includes(kind);
    return [kind, isOn ? most * random.next() ** 2 + 0.005 : 0] as const;
  });
  return new Map(rates.filter(([, rate]) => rate > 0));
}

/** What is wrong here, and not with a vendor or with what clients ask for. */
function isDisturbance(kind: FaultKind): boolean {
  const isOthers =
    kind.startsWith("vendor_") || ["unknown_models", "gated_models", "steady_traffic"].includes(kind);
  return (
    !isOthers && !ofTheTold.has(kind) && !["hang_up", "repeats", "twins", "cancels", "lists"].includes(kind)
  );
}

const disturbances = faultKinds.filter(isDisturbance);

const defaultSettings = (() => {
  const parsed = parseConfig({ OPENAI_API_KEY: "sk-simulated-0123456789" }, "node");
  if (!parsed.ok) throw new Error("the default settings are wrong");
  return parsed.value;
})();
