/** The gate of one provider, as a Durable Object named after it. It decides and sends; it never calls a provider. */
import { DurableObject } from "cloudflare:workers";
import { providerNames } from "../../domain/judging/comparison.ts";
import type { GateChange } from "../../domain/gate/changes.ts";
import type { Admission } from "../../domain/gate/gate.ts";
import type { GateOrder } from "../../domain/gate/halt.ts";
import type { Requeueing, Start } from "../../domain/gate/queue.ts";
import type { Exchanged } from "../../domain/gate/report.ts";
import type { Admitted, WaitEstimate, GateStatus } from "../../domain/gate/view.ts";
import type { CallReport } from "../../domain/gate/call-report.ts";
import type { Acceptance, QueueItem } from "../../domain/gate/places.ts";
import type { Weights } from "../../domain/shares.ts";
import { weightsByKey } from "../../gateway/gate-keys.ts";
import { gateLimits } from "../../settings/limits.ts";
import type { Snapshot } from "../../domain/gate/snapshot.ts";
import { createGateKeeper, type GateKeeper } from "../../engine/gate-keeper.ts";
import { look, lookIfDue, type GateOwner } from "../../engine/gate-owner.ts";
import type { UnheardEnd } from "../../engine/ticket-index.ts";
import { momentHere, requeueingHere, starterHere, type DatedStarter } from "../../engine/other-clock.ts";
import { inTimeOrThrow } from "../stubs/ask-object.ts";
import { clock } from "../clock.ts";
import { configOf, logFault, settingsOf, type Environment } from "../environment.ts";
import { gateRow, type GateRow } from "./gate-state.ts";
import { unheardEnds, type UnheardEnds } from "./unheard-ends.ts";
import { sha256 } from "../sha256.ts";
import { sideBySide } from "../side-by-side.ts";
import { sqlPlaces, type SqlPlaces } from "./gate-places.ts";
import type { ListPosition } from "../../gateway/ports.ts";
import { remindTicket } from "../stubs/tickets.ts";
import { upstashOf } from "../upstash.ts";

/** Queues confirms a message when it is on disk. */
const sendLimitMs = 10_000;
/** An alarm that is so late may have been lost. */
const lateMs = 10_000;
/** After an alarm that came to nothing. */
const againMs = 30_000;
const mostUndelivered = 50;

export class ProviderGate extends DurableObject<Environment> {
  readonly #places: SqlPlaces;
  readonly #state: GateRow;
  readonly #unheard: UnheardEnds;
  #keeper: GateKeeper | null = null;
  #weights: Weights = {};
  /** The output gate holds what is done here until the places are stored as they then are. */
  readonly #owner: GateOwner = {
    send: (ids) => this.ctx.waitUntil(this.#send(ids)),
    askAfter: (ids) => this.ctx.waitUntil(sideBySide(ids, (id) => this.askAfter(id))),
    setAlarm: (atMs) => this.#arm(atMs),
  };
  #alarmAtMs: number | null = null;

  constructor(ctx: DurableObjectState, env: Environment) {
    super(ctx, env);
    const { sql } = ctx.storage;
    this.#places = sqlPlaces(sql);
    this.#unheard = unheardEnds(sql, clock.nowMs, () => gateLimits(configOf(env)).retentionMs);
    this.#state = gateRow(sql, clock.nowMs, (delayMs, then) => setTimeout(then, delayMs));
    sql.exec("CREATE TABLE IF NOT EXISTS undelivered (ticket_id TEXT PRIMARY KEY) WITHOUT ROWID");
    sql.exec("CREATE TABLE IF NOT EXISTS version (id TEXT PRIMARY KEY) WITHOUT ROWID");
    void ctx.blockConcurrencyWhile(async () => {
      this.#weights = await weightsIn(env);
      this.#alarmAtMs = await ctx.storage.getAlarm();
      this.#wakeUp();
    });
  }

  /** @param tenant absent: isolates of older code don't say */
  enter(
    permit: string,
    model: string,
    tenant = "",
  ): { readonly admission: Admission; readonly snapshot: Snapshot } {
    return this.#verb((keeper) => keeper.enter(permit, { tenant, model }));
  }

  exchange(reportId: string, callReports: readonly CallReport[]): Exchanged {
    return this.#verb((keeper) => keeper.exchange(reportId, callReports));
  }

  /** Asked by a ticket, once, before it is kept. @param atMs the ticket's clock, here and below; absent: older code doesn't say */
  admit(item: QueueItem, notBeforeMs: number, atMs?: number): Admitted {
    return this.#verb((keeper) => keeper.admit(item, momentHere(notBeforeMs, atMs, clock.nowMs())));
  }

  withdraw(acceptance: Acceptance): void {
    this.#verb((keeper) => keeper.withdraw(acceptance));
  }

  /** Isolates of older code ask this before they make a ticket, which asks for itself. */
  reserve(): boolean {
    return this.#keep().status().queue.accepting;
  }

  confirm(item: QueueItem, notBeforeMs: number, atMs?: number): void {
    this.#verb((keeper) => keeper.enqueue(item, momentHere(notBeforeMs, atMs, clock.nowMs())));
  }

  park(item: QueueItem, requeueing: Requeueing, atMs?: number): void {
    this.#verb((keeper) => keeper.requeue(item, requeueingHere(requeueing, atMs, clock.nowMs())));
  }

  start(item: QueueItem, starter: DatedStarter): Start {
    return this.#verb((keeper) => keeper.start(item, starterHere(starter, clock.nowMs())));
  }

  /** @param unheard the index of its tenant has not heard of it; absent: it has, or older code asks */
  release(ticketId: string, keptBytes?: number, unheard?: UnheardEnd): void {
    if (unheard !== undefined) this.#unheard.note(ticketId, unheard);
    this.#verb((keeper) => keeper.remove(ticketId, keptBytes));
  }

  outlook(ticketId: string): WaitEstimate | null {
    return this.#verb((keeper) => keeper.estimate(ticketId));
  }

  /** Of a list's tickets, in their order. */
  outlooks(ticketIds: readonly string[]): readonly (WaitEstimate | null)[] {
    return this.#verb((keeper) => ticketIds.map((ticketId) => keeper.estimate(ticketId)));
  }

  overview(tenant?: string): GateStatus {
    return this.#verb((keeper) => keeper.status(tenant));
  }

  order(order: GateOrder): GateStatus {
    return this.#verb((keeper) => keeper.order(order));
  }

  /**
   * A tenant's unfinished tickets, and those of whose end the index may not have heard; each the newest first.
   *
   * @param tenant as in `QueueItem`; `null`: of all
   */
  ticketsOf(tenant: string | null, most: number): readonly ListPosition[] {
    return [...this.#places.ticketsOf(tenant, most), ...this.#unheard.of(tenant, most)];
  }

  /**
   * Has a ticket that has a place here say how it stands. One that isn't there loses the place that it had when it was asked. Who can't be reached
   * is asked after again.
   */
  async askAfter(ticketId: string): Promise<void> {
    const place = this.#keep().find(ticketId);
    if (place === null) return;
    try {
      if (!(await remindTicket(this.env, ticketId))) this.withdraw(place);
    } catch (error) {
      logFault(this.env, "ticket_silent", error, ticketId);
    }
  }

  /**
   * Looks, as when its alarm rings.
   *
   * @returns tickets that Queues has refused and that could be noted here only, each named once: the caller works them. Whatever comes of that,
   *   they are offered again.
   */
  tend(): readonly string[] {
    look(this.#keep(), this.#owner);
    return this.ctx.storage.sql
      .exec<{ ticket_id: string }>(
        "DELETE FROM undelivered WHERE ticket_id IN (SELECT ticket_id FROM undelivered LIMIT ?) RETURNING ticket_id",
        mostUndelivered,
      )
      .toArray()
      .map(({ ticket_id: ticketId }) => ticketId);
  }

  /** Never throws: the platform gives an alarm up that fails seven times. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = null;
    try {
      look(this.#keep(), this.#owner);
    } catch (error) {
      logFault(this.env, "gate_alarm_failed", error);
      this.#arm(clock.nowMs() + againMs);
    }
  }

  /** Nothing may depend on an alarm that was set in another life. With wrong settings every verb says so. */
  #wakeUp(): void {
    try {
      const keeper = this.#keep();
      if (this.#isNewVersion()) keeper.started(false);
      look(keeper, this.#owner);
    } catch (error) {
      logFault(this.env, "gate_start_failed", error);
    }
  }

  /** A deploy, or a secret that was changed. Objects themselves start often, and for no reason. */
  #isNewVersion(): boolean {
    const { id } = this.env.VERSION;
    const { sql } = this.ctx.storage;
    if (sql.exec("SELECT id FROM version WHERE id = ?", id).toArray().length > 0) return false;
    sql.exec("DELETE FROM version");
    sql.exec("INSERT INTO version VALUES (?)", id);
    return true;
  }

  #verb<Reply>(work: (keeper: GateKeeper) => Reply): Reply {
    const keeper = this.#keep();
    const reply = work(keeper);
    lookIfDue(keeper, this.#owner);
    return reply;
  }

  /** @throws {Error} some setting is wrong */
  #keep(): GateKeeper {
    return (this.#keeper ??= createGateKeeper({
      places: this.#places,
      limits: gateLimits({ ...configOf(this.env), weights: this.#weights }),
      readState: () => this.#state.read(),
      writeState: (state, mustLast) => this.#state.write(state, mustLast),
      atomically: (work) => this.#atomically(work),
      nowMs: clock.nowMs,
      random: Math.random,
      onChanges: (changes) => this.#tell(changes),
    }));
  }

  /** The object is named after its provider. */
  #tell(changes: readonly GateChange[]): void {
    const { GATES } = this.env;
    const provider = providerNames.find((name) => GATES.idFromName(name).equals(this.ctx.id));
    if (provider === undefined) return;
    for (const change of changes) settingsOf(this.env).tell({ ...change, provider });
  }

  #atomically<T>(work: () => T): T {
    try {
      return this.ctx.storage.transactionSync(work);
    } catch (error) {
      this.#state.forget();
      this.#places.forgetSums();
      throw error;
    }
  }

  /** An alarm that comes too early does no harm, and moving it costs a row. */
  #arm(wakeAtMs: number): void {
    const nowMs = clock.nowMs();
    // One set to the very present may be lost for a while (workerd issue 6866).
    const atMs = Math.max(Math.ceil(wakeAtMs), nowMs + 1);
    const armedMs = this.#alarmAtMs;
    if (armedMs !== null && armedMs <= atMs && armedMs > nowMs - lateMs) return;
    this.#alarmAtMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }

  /** The chain of deliveries. Whatever fails, the places lapse after 30 s and the tickets are sent again. */
  async #send(ids: readonly string[]): Promise<void> {
    try {
      await inTimeOrThrow(sendLimitMs, this.env.TICKETS.sendBatch(ids.map((body) => ({ body }))));
    } catch (error) {
      logFault(this.env, "queue_refused", error, ids.length === 1 ? ids[0] : undefined);
      if (await this.#noteElsewhere(ids)) return;
      const { sql } = this.ctx.storage;
      for (const id of ids) sql.exec("INSERT OR IGNORE INTO undelivered VALUES (?)", id);
    }
  }

  /** @returns false: there is no secondary store, or it may not have them. Noted twice, they are worked once: the claim decides. */
  async #noteElsewhere(ids: readonly string[]): Promise<boolean> {
    const upstash = upstashOf(this.env);
    if (upstash === null) return false;
    return upstash.undelivered.note(ids).then(
      () => true,
      () => false,
    );
  }
}

/** Where some setting is wrong, every verb says so. */
async function weightsIn(env: Environment): Promise<Weights> {
  try {
    return await weightsByKey(configOf(env).tenantWeights, sha256);
  } catch {
    return {};
  }
}
