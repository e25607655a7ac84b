/** The service on Cloudflare Workers. */
import { waitUntil } from "cloudflare:workers";
import { providerNames, type ProviderName } from "../domain/judging/comparison.ts";
import type { StartingGate } from "../engine/claims.ts";
import type { AdmissionGuard } from "../engine/front/admission.ts";
import { createGateFront } from "../engine/front/front.ts";
import type { Clock, Gate } from "../gateway/ports.ts";
import { problemAnswer } from "../http/errors.ts";
import type { Dependencies } from "../http/health.ts";
import { createModelLabel } from "../providers/model-label.ts";
import { configuredModels } from "../providers/providers.ts";
import { createService } from "../service.ts";
import type { Config } from "../settings/config.ts";
import { troubleOf } from "../stores/redis/trouble.ts";
import type { TelemetryEvent } from "../telemetry/events.ts";
import { claimTicket } from "./claim.ts";
import { timers } from "./clock.ts";
import { inTimeOrThrow } from "./stubs/ask-object.ts";
import { logFault, settingsOf, type Environment } from "./environment.ts";
import { fetchTransport } from "./fetch-transport.ts";
import { remoteGate, haveAskedAfter, lookAtGate } from "./stubs/gate.ts";
import { metricsOf } from "./stubs/metrics.ts";
import { remoteLive } from "./stubs/live.ts";
import { remoteKeys } from "./stubs/keys.ts";
import { remoteActions } from "./stubs/operator.ts";
import { workersPlatform } from "./platform.ts";
import { workersWebhooks } from "./webhooks.ts";
import { consume } from "./queue.ts";
import { sha256 } from "./sha256.ts";
import { sideBySide } from "./side-by-side.ts";
import { remoteFeed } from "./stubs/tenant-index.ts";
import { remoteTickets, remindTicket } from "./stubs/tickets.ts";
import { asWork, markSpan, platformTracer } from "./tracing.ts";
import { remoteTotals } from "./stubs/totals.ts";
import { upstashOf } from "./upstash.ts";

export { KeyObject } from "./objects/key-object.ts";
export { MetricsObject } from "./objects/metrics-object.ts";
export { OperatorObject } from "./objects/operator-object.ts";
export { ProviderGate } from "./objects/gate-object.ts";
export { TenantIndex } from "./objects/tenant-index.ts";
export { TicketObject } from "./objects/ticket-object.ts";
export { TotalsObject } from "./objects/totals-object.ts";

/** Made at an isolate's first event: an isolate's settings never change. It holds nothing of any request. */
let made: ReturnType<typeof make> | undefined;

/** Dead letters come from here; see wrangler.toml. */
const deadQueue = "llm-provider-service-tickets-dead";
/** How long work lasts for tickets that Queues has refused, at each tick of the clock. */
const lookForMs = 50_000;
/** At once, of those in the secondary store. */
const mostFetched = 50;
/** Beyond the time limit of an attempt: to find the ticket, and to store what came of it. */
const workMarginMs = 20_000;

export default {
  async fetch(request, env, context) {
    if (made === undefined) made = make(env);
    if (made !== null) return made.app.fetch(request, env, context);
    return problemAnswer(
      { status: 503, type: "SERVICE_UNAVAILABLE", sentence: "This service is not set up." },
      crypto.randomUUID(),
    );
  },

  async queue(batch, env) {
    if (made === undefined) made = make(env);
    if (made === null) return batch.retryAll({ delaySeconds: 60 });
    const { work, workMs, totals, metrics } = made;
    await consume(
      batch.messages,
      // A dead letter's ticket tells its gate how it stands, and the gate sends it again.
      batch.queue === deadQueue ? (id) => remindTicket(env, id) : work,
      workMs,
      (event, error, id) => logFault(env, event, error, id),
    );
    await Promise.all([totals.flush(), metrics.flushUnlessDue()]);
  },

  async scheduled(_controller, env) {
    if (made === undefined) made = make(env);
    if (made === null) return;
    const { work, metrics } = made;
    const endsAtMs = performance.now() + lookForMs;
    await Promise.all([
      ...providerNames.map((name) => workRefused(env, name, work, endsAtMs)),
      workNoted(env, work, endsAtMs),
    ]);
    await metrics.flushUnlessDue();
  },
} satisfies ExportedHandler<Environment>;

/** @returns `null`: some setting is wrong */
function make(env: Environment) {
  const { config, tell: writeLine } = settingsOf(env);
  if (config === null) return null;
  const metrics = metricsOf(env);
  const modelLabel = createModelLabel(configuredModels(config));
  const fronts = new Map<ProviderName, Gate & StartingGate & AdmissionGuard>();
  const gate = (name: ProviderName) => {
    const known = fronts.get(name);
    if (known) return known;
    const remote = remoteGate(env, name);
    const front = { ...createGateFront({ remote, clock, newId, later }), start: remote.start };
    fronts.set(name, front);
    return front;
  };
  const tickets = remoteTickets(env, gate, (ended) => metrics.count(ended, null));
  const totals = remoteTotals(env, clock, later);
  function tell(event: TelemetryEvent): void {
    writeLine(event);
    metrics.count(event, later);
    markSpan(event);
  }
  const { app, gateway } = createService(config, {
    platform: workersPlatform,
    transport: fetchTransport,
    clock,
    newId,
    random: Math.random,
    sha256,
    tell,
    webhooks: isAnybodyTold(config) ? workersWebhooks(env, { clock, newId, tell }) : undefined,
    metrics: { counted: metrics.read, ofPlatform: () => [], recent: metrics.recent },
    modelLabel,
    // A Worker isn't told that it will be stopped.
    isStopping: () => false,
    tracer: platformTracer,
    deployment: env.VERSION.id === "" ? null : env.VERSION.id,
    live: remoteLive(env),
    stores: {
      gate,
      tickets,
      copyOf: upstashOf(env)?.copyOf,
      keys: remoteKeys(env),
      actions: remoteActions(env),
      feed: remoteFeed(env),
      totals,
      stopping: null,
      dependencies: (asked) => dependencies(env, config.defaultProvider, asked),
      queueType: "cloudflare-queues",
    },
  });
  /** One step for one ticket, whose id a message or the clock has brought. */
  async function work(ticketId: string): Promise<void> {
    const claimed = await claimTicket(
      {
        gate,
        tickets,
        clock,
        newId,
        random: Math.random,
        askAfter: (id, provider) => askAfter(env, id, provider),
      },
      ticketId,
    );
    if (claimed !== null) await gateway.run(claimed);
  }
  return {
    app,
    totals,
    metrics,
    work: (id: string) => asWork(() => work(id)),
    workMs: config.llm.requestTimeoutMs + workMarginMs,
  };
}

function isAnybodyTold({ webhooks }: Config): boolean {
  return webhooks.endpoints.length + webhooks.prefixes.length > 0;
}

/** @param provider `null`: whichever gate has a place for the ticket */
async function askAfter(env: Environment, ticketId: string, provider: ProviderName | null): Promise<void> {
  const providers = provider === null ? providerNames : [provider];
  await sideBySide(providers, (name) =>
    haveAskedAfter(env, name, ticketId).catch((error: unknown) =>
      logFault(env, "gate_away", error, ticketId),
    ),
  );
}

/** Looks after one gate, and works the tickets that Queues has refused and it has noted. */
function workRefused(env: Environment, provider: ProviderName, work: Work, endsAtMs: number): Promise<void> {
  return workAll(env, () => lookAtGate(env, provider), work, endsAtMs);
}

/** Works those that are noted in the secondary store. What is taken there and lost is offered again by its gate. */
async function workNoted(env: Environment, work: Work, endsAtMs: number): Promise<void> {
  const undelivered = upstashOf(env)?.undelivered;
  if (undelivered === undefined) return;
  await workAll(env, () => undelivered.fetch(mostFetched).catch(() => []), work, endsAtMs);
}

type Work = (ticketId: string) => Promise<void>;

/** For as long as there are any and there is time. Never throws. */
async function workAll(
  env: Environment,
  fetch: () => Promise<readonly string[]>,
  work: Work,
  endsAtMs: number,
): Promise<void> {
  try {
    do {
      const undelivered = await fetch();
      if (undelivered.length === 0) return;
      await sideBySide(undelivered, async (id) => {
        await work(id).catch((error: unknown) => logFault(env, "ticket_failed", error, id));
      });
    } while (performance.now() < endsAtMs);
  } catch (error) {
    logFault(env, "gate_away", error);
  }
}

async function dependencies(
  env: Environment,
  provider: ProviderName,
  asked: "all" | "needed",
): Promise<Dependencies> {
  if (asked === "needed") return { durable_objects: await objectsAre(env, provider) };
  const upstash = upstashOf(env);
  const [objects, queues, mirror] = await Promise.all([
    objectsAre(env, provider),
    look(() => env.TICKETS.metrics()),
    upstash && look(upstash.ping),
  ]);
  return {
    durable_objects: objects,
    queues: { ...queues, needed: false },
    ...(mirror && { upstash: { ...mirror, needed: false } }),
  };
}

async function objectsAre(env: Environment, provider: ProviderName) {
  return { ...(await look(() => remoteGate(env, provider).status())), needed: true };
}

const lookMs = 2_000;

async function look(ask: () => Promise<unknown>) {
  const startedAtMs = performance.now();
  try {
    await inTimeOrThrow(lookMs, ask());
    return { status: "up", latencyMs: Math.round(performance.now() - startedAtMs) } as const;
  } catch (error) {
    return { status: "down", error: troubleOf(error).error } as const;
  }
}

function later(work: Promise<unknown>): void {
  waitUntil(work);
}

function newId(): string {
  return crypto.randomUUID();
}

const clock: Clock = { nowMs: Date.now, monotonicMs: () => Math.round(performance.now()), ...timers };
