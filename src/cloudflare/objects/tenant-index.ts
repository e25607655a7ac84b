/** Which tickets a tenant has, as a Durable Object named after the tenant. Each ticket tells it that there is one, and how it has ended. */
import { DurableObject } from "cloudflare:workers";
import type { KnownEndpoint } from "../../domain/push/endpoint.ts";
import { eventIdOf } from "../../domain/ticket/ticket-end.ts";
import type { TicketCopy } from "../../domain/ticket/ticket.ts";
import type { IndexQuery } from "../../engine/index-list.ts";
import { clocksApartMs, type IndexEntry } from "../../engine/ticket-index.ts";
import type {
  DeliveryPage,
  DeliveryQuery,
  EndpointChange,
  EndpointHealth,
  Redelivered,
} from "../../gateway/delivery-store.ts";
import type { FeedPage, ListPosition } from "../../gateway/ports.ts";
import type { Receivers } from "../../push/receivers.ts";
import type { TelemetryEvent } from "../../telemetry/events.ts";
import { clock } from "../clock.ts";
import { logFault, settingsOf, type Environment } from "../environment.ts";
import { askObject } from "../stubs/ask-object.ts";
import { metricsOf } from "../stubs/metrics.ts";
import { noteTenant } from "../stubs/operator.ts";
import { post, receiversIn, signing } from "../webhooks.ts";
import { indexDeliveries, type IndexDeliveries } from "./index-deliveries.ts";
import { indexFeed, type IndexFeed } from "./index-feed.ts";
import type { TicketObject } from "./ticket-object.ts";

/** After an alarm that came to nothing. */
const againMs = 30_000;
/** Entries are forgotten so late at most, many at a time: each alarm costs. Until then nobody is shown them. */
const forgetEveryMs = 600_000;
const mostForgotten = 1_000;
/** Of Workers that wait. */
const mostSockets = 1_000;
const dayMs = 86_400_000;

export class TenantIndex extends DurableObject<Environment> {
  readonly #feed: IndexFeed;
  readonly #deliveries: IndexDeliveries;
  #alarmAtMs: number | null = null;
  /** Until then operators know of this index; `null`: not looked up yet. */
  #enlistedMs: number | null = null;

  constructor(ctx: DurableObjectState, env: Environment) {
    super(ctx, env);
    const { sql } = ctx.storage;
    sql.exec(
      `CREATE TABLE IF NOT EXISTS tickets (
         id TEXT PRIMARY KEY, provider TEXT NOT NULL, status TEXT NOT NULL, accepted_at INTEGER NOT NULL,
         ended_at INTEGER, forget_at INTEGER NOT NULL, event INTEGER NOT NULL, seq INTEGER
       ) WITHOUT ROWID`,
    );
    // Of an object that older code has made.
    const made = sql.exec<{ sql: string }>("SELECT sql FROM sqlite_master WHERE name = 'tickets'").one();
    if (!made.sql.includes("seq INTEGER")) {
      sql.exec("ALTER TABLE tickets ADD COLUMN seq INTEGER");
    }
    this.#feed = indexFeed(sql);
    this.#deliveries = this.#deliveriesIn(ctx.storage);
    sql.exec(
      "CREATE TABLE IF NOT EXISTS enlisted (only INTEGER PRIMARY KEY CHECK (only = 1), until INTEGER NOT NULL)",
    );
    sql.exec("CREATE INDEX IF NOT EXISTS by_age ON tickets (accepted_at)");
    sql.exec("CREATE INDEX IF NOT EXISTS by_end ON tickets (forget_at)");
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAtMs = await ctx.storage.getAlarm();
    });
  }

  /**
   * In any order, and any number of times.
   *
   * @param tenant whose index this is, for operators, who look at all; absent: isolates of older code don't say
   * @param ended what the feed is to say of its end, as JSON; absent: it has not ended, or its object is of older code
   * @throws {StoreAway} it is noted, but operators would not find it: to be said again
   */
  async note(entry: IndexEntry, tenant?: string, ended?: string): Promise<void> {
    const receivers = ended === undefined ? null : await receiversIn(this.env);
    // From here on without a pause: all of it is stored, or nothing.
    const enters = ended !== undefined && !this.#hasEntered(entry.id);
    const forgetAtMs = enters ? entry.forgetAtMs - clocksApartMs : entry.forgetAtMs;
    this.#keep(entry, enters ? this.#feed.enter(ended, forgetAtMs) : null);
    if (enters && tenant !== undefined && receivers !== null) this.#tellEndpoints(entry, tenant, receivers);
    // An end comes before what was noted at its acceptance. Moving the alarm costs a row, so it is moved seldom.
    if (this.#alarmAtMs === null || forgetAtMs < this.#alarmAtMs - forgetEveryMs) this.#arm(forgetAtMs);
    if (enters) this.#hint();
    if (tenant !== undefined) await this.#enlist(tenant, entry.forgetAtMs);
  }

  /** A bug of ours in telling must not cost the index its entry. */
  #tellEndpoints(entry: IndexEntry, tenant: string, receivers: Receivers): void {
    const { id, status, event, endedAtMs, callback } = entry;
    const forgetAtMs = entry.forgetAtMs - clocksApartMs;
    const told = { eventId: eventIdOf(id, event), type: `ticket.${status}`, tenant, ticketId: id };
    try {
      const ended = { ...told, endedAtMs: endedAtMs ?? clock.nowMs(), forgetAtMs };
      if (this.#deliveries.enter(ended, callback, receivers)) this.#armBy(clock.nowMs());
    } catch (error) {
      logFault(this.env, "index_alarm_failed", error, id);
    }
  }

  /** A Worker's, which waits for the feed to grow (`stubs/live.ts`): this object sleeps meanwhile. */
  override fetch(_request: Request): Response {
    if (this.ctx.getWebSockets().length >= mostSockets) return new Response(null, { status: 503 });
    const { 0: theirs, 1: ours } = new WebSocketPair();
    this.ctx.acceptWebSocket(ours);
    return new Response(null, { status: 101, webSocket: theirs });
  }

  override webSocketMessage(): void {}
  override webSocketClose(): void {}
  override webSocketError(): void {}

  /** The feed has grown. Nothing leaves an object before what it has written is stored. */
  #hint(): void {
    for (const socket of this.ctx.getWebSockets()) if (socket.readyState === WebSocket.OPEN) socket.send("");
  }

  /** Told twice, it has one number. */
  #hasEntered(id: string): boolean {
    const { sql } = this.ctx.storage;
    return sql.exec("SELECT 1 FROM tickets WHERE id = ? AND seq IS NOT NULL", id).toArray().length > 0;
  }

  /** Once a day at most: it costs a request. */
  async #enlist(tenant: string, forgetAtMs: number): Promise<void> {
    const { sql } = this.ctx.storage;
    this.#enlistedMs ??= sql.exec<{ until: number }>("SELECT until FROM enlisted").toArray()[0]?.until ?? 0;
    if (forgetAtMs <= this.#enlistedMs) return;
    const untilMs = forgetAtMs + dayMs;
    await noteTenant(this.env, tenant, untilMs);
    sql.exec("INSERT OR REPLACE INTO enlisted VALUES (1, ?)", untilMs);
    this.#enlistedMs = untilMs;
  }

  /** @param seq its number in the feed; `null`: it has one, or does not enter */
  #keep(
    { id, provider, status, acceptedAtMs, endedAtMs, forgetAtMs, event }: IndexEntry,
    seq: number | null,
  ): void {
    this.ctx.storage.sql.exec(
      `INSERT INTO tickets (id, provider, status, accepted_at, ended_at, forget_at, event, seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, ended_at = excluded.ended_at, forget_at = excluded.forget_at,
         event = excluded.event, seq = coalesce(excluded.seq, seq) WHERE excluded.event > event OR excluded.seq IS NOT NULL`,
      id,
      provider,
      status,
      acceptedAtMs,
      endedAtMs,
      forgetAtMs,
      event,
      seq,
    );
  }

  /** What its endpoints were told, and are to be. */
  deliveries(query: DeliveryQuery): DeliveryPage {
    return this.#deliveries.there()?.page(query) ?? { deliveries: [], next: null };
  }

  redeliver(tenant: string, id: string): Redelivered {
    const redelivered = this.#deliveries.there()?.redeliver(tenant, id) ?? { kind: "unknown" };
    if (redelivered.kind === "redelivered") this.#armBy(clock.nowMs());
    return redelivered;
  }

  /** Of these, in their order. */
  endpointHealth(endpoints: readonly KnownEndpoint[]): readonly EndpointHealth[] {
    return this.#deliveries.made().health(endpoints);
  }

  testedWell(endpoint: KnownEndpoint): EndpointChange | null {
    const change = this.#deliveries.there()?.testedWell(endpoint) ?? null;
    if (change !== null) this.#armBy(clock.nowMs());
    return change;
  }

  /** A page of the tenant's feed. */
  feedPage(after: number | null, most: number): FeedPage {
    return this.#feed.page(after, most, clock.nowMs());
  }

  /** Those behind a position that may be meant: of one that has not ended only the ticket knows how it is now. */
  page({ provider, status, after, most }: IndexQuery): readonly ListPosition[] {
    const lastMs = after?.acceptedAtMs ?? Number.MAX_SAFE_INTEGER;
    return this.ctx.storage.sql
      .exec<{ id: string; accepted_at: number }>(
        `SELECT id, accepted_at FROM tickets
         WHERE accepted_at <= ?1 AND (accepted_at < ?1 OR id < ?2) AND forget_at > ?3
           AND (?4 IS NULL OR provider = ?4) AND (?5 IS NULL OR status IN (?5, 'queued'))
         ORDER BY accepted_at DESC, id DESC LIMIT ?6`,
        lastMs,
        after?.id ?? "",
        clock.nowMs(),
        provider,
        status === "processing" ? "queued" : status,
        most,
      )
      .toArray()
      .map(({ id, accepted_at: acceptedAtMs }) => ({ id, acceptedAtMs }));
  }

  /** Those of these that it has not heard of. */
  unheard(ids: readonly string[]): readonly string[] {
    return this.ctx.storage.sql
      .exec<{ id: string }>(
        "SELECT value AS id FROM json_each(?) WHERE value NOT IN (SELECT id FROM tickets)",
        JSON.stringify(ids),
      )
      .toArray()
      .map(({ id }) => id);
  }

  /** Never throws: the platform gives an alarm up that fails seven times. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = null;
    try {
      this.#forget();
      const receivers = await receiversIn(this.env);
      const nextMs = await this.#deliveries.send(receivers);
      if (nextMs !== null) this.#armBy(nextMs);
    } catch (error) {
      logFault(this.env, "index_alarm_failed", error);
      this.#arm(clock.nowMs() + againMs);
    }
  }

  #forget(): void {
    const { sql } = this.ctx.storage;
    const nowMs = clock.nowMs();
    sql.exec(
      "DELETE FROM tickets WHERE id IN (SELECT id FROM tickets WHERE forget_at <= ? ORDER BY forget_at LIMIT ?)",
      nowMs,
      mostForgotten,
    );
    const { first } = sql.exec<{ first: number | null }>("SELECT min(forget_at) AS first FROM tickets").one();
    const nextMs = Math.min(first ?? Infinity, this.#feed.forget(nowMs) ?? Infinity);
    if (nextMs < Infinity) this.#armBy(nextMs <= nowMs ? nowMs + 1 : Math.max(nextMs, nowMs + forgetEveryMs));
  }

  #deliveriesIn(storage: DurableObjectStorage): IndexDeliveries {
    const { env } = this;
    return indexDeliveries({
      storage,
      post,
      signing,
      load: (id) =>
        askObject<TicketObject, TicketCopy | null>(env.TICKET_OBJECTS, id, (ticket) => ticket.show()),
      eventOf: (id) => this.#feed.eventOf(id),
      tell: (event: TelemetryEvent) => {
        settingsOf(env).tell(event);
        metricsOf(env).count(event, (work) => this.ctx.waitUntil(work));
      },
      onFault: (error, id) => logFault(env, "index_alarm_failed", error, id),
    });
  }

  /** Not later than at this moment. */
  #armBy(atMs: number): void {
    if (this.#alarmAtMs === null || atMs < this.#alarmAtMs) this.#arm(atMs);
  }

  #arm(atMs: number): void {
    this.#alarmAtMs = Math.max(Math.ceil(atMs), clock.nowMs() + 1);
    void this.ctx.storage.setAlarm(this.#alarmAtMs);
  }
}
