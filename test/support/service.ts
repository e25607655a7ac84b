/** The whole service in memory: settings as an operator gives them, a scripted vendor, a clock that a test moves. */
import { createHash } from "node:crypto";
import type { Hono } from "hono";
import { claimTicket } from "../../src/cloudflare/claim.ts";
import { isEnded } from "../../src/domain/ticket/ticket.ts";
import type { ProviderName } from "../../src/domain/judging/comparison.ts";
import { describeMistakes, parseConfig, type Config } from "../../src/settings/config.ts";
import { err, ok } from "../../src/domain/result.ts";
import type { Clock } from "../../src/gateway/ports.ts";
import { createHub, type Hub } from "../../src/push/hub.ts";
import { createModelLabel } from "../../src/providers/model-label.ts";
import { configuredModels } from "../../src/providers/providers.ts";
import { linesTo } from "../../src/telemetry/lines.ts";
import { createMeter } from "../../src/telemetry/metrics/meter.ts";
import { differencesOf } from "../../src/telemetry/metrics/sums.ts";
import { newRecent, noteEvent } from "../../src/telemetry/recent.ts";
import { createLog } from "../../src/telemetry/log.ts";
import type { Platform } from "../../src/http/platform.ts";
import type { Webhooks } from "../../src/push/webhooks.ts";
import { createService } from "../../src/service.ts";
import { checked, goodBody, post, type Answered } from "./answers.ts";
import { manualClock, type ManualClock } from "./clock.ts";
import { interrupted, memoryStores, type MemoryStores } from "./memory-stores.ts";
import { scriptedVendor, type Script, type ScriptedVendor } from "./scripted-transport.ts";

export const openaiKey = "sk-canary-openai-0123456789";

export interface ServiceOptions {
  /** Beside a key for OpenAI and `LOG_LEVEL=debug`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly steps?: Script;
  /** 0.5 unless told. */
  readonly random?: () => number;
  readonly platform?: Partial<Platform>;
  readonly deployment?: string;
  /** Absent: nobody is told. */
  readonly webhooks?: Webhooks;
  /** As which it is addressed; `http://localhost` unless told. */
  readonly origin?: string;
}

export interface TestService {
  readonly app: Hono;
  readonly clock: ManualClock;
  readonly stores: MemoryStores;
  readonly vendor: ScriptedVendor;
  readonly request: (path: string, init?: RequestInit) => Promise<Answered>;
  /** Asks for a comparison. @param changes of `goodBody`; `undefined` takes a field out */
  readonly compare: (changes?: object, init?: RequestInit) => Promise<Answered>;
  /** How many wait for what happens to tickets, of each kind. */
  readonly listening: Hub["count"];
  /** As SIGTERM: the process must end soon. */
  readonly stop: () => void;
  /** As SIGKILL. @param verb the one that it does not come to any more; otherwise at once */
  readonly kill: (verb?: string) => void;
  /** Another process over the same stores; this one is dead. */
  readonly restarted: (next?: ServiceOptions) => TestService;
  /** Parsed lines of the log, of one event where it is named. */
  readonly logged: (event?: string) => readonly Record<string, unknown>[];
  /** The log as it was written. */
  readonly written: () => string;
}

/** What outlives a process. */
interface World {
  readonly clock: ManualClock;
  readonly stores: MemoryStores;
  readonly newId: () => string;
}

/** A service of its own for one test. Every answer to `request` is held against the OpenAPI document. */
export function testService(options: ServiceOptions = {}): TestService {
  const config = configOf(options);
  const { random = () => 0.5 } = options;
  const clock = manualClock();
  const stores = memoryStores(clock, random, config);
  let ids = 0;
  const newId = () => `0000000a-b00c-4d0e-8f00-${String(++ids).padStart(12, "0")}`;
  return serviceIn({ clock, stores, newId }, config, options);
}

function serviceIn(world: World, config: Config, options: ServiceOptions): TestService {
  const {
    steps = [],
    random = () => 0.5,
    platform = {},
    deployment = null,
    origin = "http://localhost",
  } = options;
  const { stores, newId } = world;
  let diesAt: string | null = null;
  let isDead = false;
  const stopping = new AbortController();
  const lines: string[] = [];

  /** A dead process hears no answer and runs no timer. */
  const orDead = (verb: string) => {
    isDead ||= verb === diesAt;
    return isDead ? new Promise<never>(() => {}) : null;
  };
  const clock: Clock = {
    nowMs: world.clock.nowMs,
    monotonicMs: world.clock.monotonicMs,
    after: (delayMs, then) => world.clock.after(delayMs, () => (isDead ? undefined : then())),
  };
  const vendor = scriptedVendor(steps, clock.after);
  const gate = (name: ProviderName) => interrupted(stores.gate(name), "gate", orDead);
  const tickets = interrupted(stores.tickets, "tickets", orDead);
  const writeLine = linesTo(createLog(config.logLevel, (line) => lines.push(line), clock.nowMs));
  const modelLabel = createModelLabel(configuredModels(config));
  const meter = createMeter(modelLabel);
  const recent = newRecent();
  const hub = createHub({ clock, looksInSilence: false });
  stores.onMoved(({ about, state }) => {
    hub.ticketMoved(about.id);
    if (isEnded(state)) hub.feedGrew(about.tenant);
  });
  const { app, gateway } = createService(config, {
    live: hub,
    stores: {
      ...stores,
      gate,
      tickets,
      keys: interrupted(stores.keys, "keys", orDead),
      stopping: stopping.signal,
    },
    platform: { ...webPlatform, ...platform },
    transport: vendor.transport,
    clock,
    newId,
    random,
    sha256: (text) => createHash("sha256").update(text).digest("hex"),
    tell(event) {
      writeLine(event);
      meter.count(event);
      noteEvent(recent, event, clock.nowMs());
    },
    metrics: {
      counted: async () => differencesOf(meter.sums),
      ofPlatform: () => [],
      recent: async () => recent,
    },
    modelLabel,
    isStopping: () => stopping.signal.aborted,
    deployment,
    webhooks: options.webhooks,
  });
  stores.workWith(async (ticketId) => {
    const claimed = await claimTicket(
      { gate, tickets, clock, newId, random, askAfter: async () => {} },
      ticketId,
    );
    if (claimed !== null) await gateway.run(claimed);
  });

  async function request(path: string, init: RequestInit = {}): Promise<Answered> {
    const method = init.method ?? "GET";
    const isKeyed = new Headers(init.headers).has("idempotency-key");
    return checked(method, path, await app.request(origin + path, init), isKeyed);
  }

  return {
    app: app as unknown as Hono,
    clock: world.clock,
    stores,
    vendor,
    request,
    compare: (changes = {}, init = {}) =>
      request("/api/v1/comparison", post({ ...goodBody, ...changes }, init)),
    listening: hub.count,
    stop() {
      hub.close();
      stopping.abort();
    },
    kill(verb) {
      if (verb === undefined) isDead = true;
      else diesAt = verb;
    },
    restarted(next = {}) {
      isDead = true;
      return serviceIn(world, configOf(next), next);
    },
    logged: (event) =>
      lines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter((line) => event === undefined || line["event"] === event),
    written: () => lines.join("\n"),
  };
}

function configOf({ env = {} }: ServiceOptions): Config {
  const parsed = parseConfig({ OPENAI_API_KEY: openaiKey, LOG_LEVEL: "debug", ...env }, "node");
  if (!parsed.ok) throw new Error(describeMistakes(parsed.error));
  return parsed.value;
}

const webPlatform: Platform = {
  name: "node",
  async readBody(c, maxBytes) {
    const bytes = new Uint8Array(await c.req.raw.arrayBuffer());
    if (bytes.byteLength > maxBytes) return err("too_large");
    try {
      return ok(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    } catch {
      return err("not_utf8");
    }
  },
  onHangUp(c, then) {
    const { signal } = c.req.raw;
    signal.addEventListener("abort", then);
    return () => signal.removeEventListener("abort", then);
  },
  sockets: {
    kind: "here",
    isAsked: () => false,
    take() {
      throw new Error("there are no sockets here");
    },
  },
  finishLater: (_c, work) => void work.catch(() => {}),
};
