/** One ticket, as a Durable Object named by its id: what is stored, and the alarm that brings it to its end and then forgets it. */
import { DurableObject } from "cloudflare:workers";
import { ticketPolicy } from "../../settings/limits.ts";
import {
  acceptTicket,
  claim,
  elapse,
  gateHeard,
  giveBack,
  settle,
  type AttemptOutcome,
  type Claimed,
  type Settled,
} from "../../domain/ticket/moves.ts";
import type { Moved } from "../../domain/ticket/steps.ts";
import {
  errandOf,
  isEnded,
  isForgotten,
  ticketDueMs,
  type Errand,
  type Spent,
  type Ticket,
  type TicketPolicy,
} from "../../domain/ticket/ticket.ts";
import type { Draft } from "../../gateway/ports.ts";
import { copyKeeper, type CopyKeeper } from "../../stores/mirror/copy-keeper.ts";
import { clock } from "../clock.ts";
import { configOf, logFault, type Environment } from "../environment.ts";
import { tellGate } from "../stubs/gate.ts";
import { ticketRow, type TicketRow } from "./ticket-row.ts";
import { upstashOf } from "../upstash.ts";

/** The gate is told again as long after a move as the move is old: 1 s, 2, 4, and so on, up to this. */
const longestSilenceMs = 60_000;
const shortestSilenceMs = 1_000;
/** While it waits it speaks to its gate as often, unasked: the gate may have lost its places, or have been set back to an earlier day. */
const speakUpMs = 600_000;
/** After an alarm that came to nothing. */
const againMs = 30_000;

export class TicketObject extends DurableObject<Environment> {
  readonly #row: TicketRow;
  /** `null`: there is no secondary store. */
  readonly #copy: CopyKeeper | null;
  #alarmAtMs: number | null = null;
  /** Set by another life, perhaps for the copy: which one it had, this life doesn't know. */
  #inheritedAtMs: number | null = null;
  /** The gate is being told; resolves when it has heard all, or can't be reached. */
  #telling: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Environment) {
    super(ctx, env);
    this.#row = ticketRow(ctx.storage);
    this.#copy = this.#keepCopy();
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAtMs = this.#inheritedAtMs = await ctx.storage.getAlarm();
      // An alarm that was given up by the platform would leave the ticket where it is.
      if (this.#alarmAtMs === null) this.#arm(clock.nowMs());
    });
  }

  async create(draft: Draft): Promise<Ticket> {
    const { about, texts, spent, lastFailure, notBeforeMs } = draft;
    const moved = this.#move((known, nowMs, policy) =>
      known === null
        ? acceptTicket(about, texts, spent, lastFailure, notBeforeMs, nowMs, policy)
        : elapse(known, nowMs, policy),
    );
    await this.#tell();
    if (moved === null) throw new Error("a new ticket was not made");
    return this.#row.read() ?? moved.ticket;
  }

  load(): Ticket | null {
    const moved = this.#moveKnown(elapse);
    this.ctx.waitUntil(this.#tell());
    return moved === null ? null : moved.ticket;
  }

  claim(
    permit: string,
    asProbe: boolean,
    early?: boolean,
  ): { readonly claimed: Claimed; readonly ticket: Ticket } | null {
    const moved = this.#moveKnown((known, nowMs, policy) =>
      claim(known, permit, asProbe, nowMs, policy, early),
    );
    this.ctx.waitUntil(this.#tell());
    return moved === null ? null : { claimed: moved.reply, ticket: moved.ticket };
  }

  async settle(fence: number, outcome: AttemptOutcome): Promise<Settled> {
    const moved = this.#moveKnown((known, nowMs, policy) =>
      settle(known, fence, outcome, nowMs, policy, Math.random()),
    );
    await this.#tell();
    return moved === null ? { kind: "stale" } : moved.reply;
  }

  async giveBack(fence: number, spent?: Spent): Promise<Settled> {
    const moved = this.#moveKnown((known, nowMs, policy) => giveBack(known, fence, nowMs, policy, spent));
    await this.#tell();
    return moved === null ? { kind: "stale" } : moved.reply;
  }

  /** Tells the gate how it stands, whatever it has told before. @returns false: there is no such ticket */
  async remind(): Promise<boolean> {
    const moved = this.#moveKnown(elapse);
    if (moved === null) return false;
    this.#forgetTold(moved.ticket);
    await this.#tell();
    return true;
  }

  /** Never throws: the platform gives an alarm up that fails seven times. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = null;
    try {
      const ticket = this.#row.read();
      if (ticket === null) return;
      if (isForgotten(ticket, clock.nowMs())) return await this.#row.erase();
      const present = this.#moveKnown(elapse)?.ticket ?? ticket;
      if (!isEnded(present.state) && silenceOf(present, clock.nowMs()) >= speakUpMs) {
        this.#forgetTold(present);
      }
      await Promise.all([this.#tell(), this.#copy?.bring()]);
    } catch (error) {
      logFault(this.env, "ticket_alarm_failed", error);
      await this.ctx.storage.setAlarm(clock.nowMs() + againMs);
    }
  }

  /** So that the gate is told how it stands, whatever it was told before. */
  #forgetTold(ticket: Ticket): void {
    this.#row.note({ ...ticket, progress: { ...ticket.progress, gateHeard: 0 } });
  }

  #moveKnown<Reply>(
    act: (known: Ticket, nowMs: number, policy: TicketPolicy) => Moved<Reply>,
  ): Moved<Reply> | null {
    return this.#move((known, nowMs, policy) => (known === null ? null : act(known, nowMs, policy)));
  }

  /** One move, stored whole with its events before anybody hears of it. A forgotten ticket isn't there. */
  #move<Reply>(
    act: (known: Ticket | null, nowMs: number, policy: TicketPolicy) => Moved<Reply> | null,
  ): Moved<Reply> | null {
    const nowMs = clock.nowMs();
    const stored = this.#row.read();
    const known = stored !== null && isForgotten(stored, nowMs) ? null : stored;
    const moved = act(known, nowMs, ticketPolicy(configOf(this.env)));
    if (moved !== null && moved.ticket !== stored) {
      this.#row.write(moved.ticket, moved.events);
      this.#bringCopy();
    } else if (nowMs >= (this.#copy?.againAtMs() ?? Infinity)) {
      this.#bringCopy();
    }
    this.#arm(nowMs);
    return moved;
  }

  #keepCopy(): CopyKeeper | null {
    const copies = upstashOf(this.env)?.copies;
    if (copies === undefined) return null;
    return copyKeeper(
      () => this.#row.read(),
      async (ticket) => copies.write(ticket, ticketPolicy(configOf(this.env))),
      () => clock.nowMs(),
      () => this.#arm(clock.nowMs()),
    );
  }

  /** Behind the answer: no verb waits for it, nor fails with it. What it sends waits until the ticket is stored. */
  #bringCopy(): void {
    if (this.#copy !== null) this.ctx.waitUntil(this.#copy.bring());
  }

  /** Tells the gate what it hasn't heard, one thing after another, so that the last one told is the last that happened. */
  async #tell(): Promise<void> {
    if (this.#errand() === null) return;
    await (this.#telling ??= this.#tellAll());
  }

  #errand(): Errand | null {
    const ticket = this.#row.read();
    return ticket === null ? null : errandOf(ticket);
  }

  async #tellAll(): Promise<void> {
    try {
      for (;;) {
        const ticket = this.#row.read();
        const errand = ticket === null ? null : errandOf(ticket);
        if (ticket === null || errand === null) return;
        await tellGate(this.env, ticket, errand);
        const since = this.#row.read();
        if (since !== null) this.#row.note(gateHeard(since, errand.event));
      }
    } catch {
      // The alarm will tell it.
    } finally {
      this.#telling = null;
      this.#arm(clock.nowMs());
    }
  }

  /** In the same breath as what was written: the platform stores both or neither. */
  #arm(nowMs: number): void {
    const ticket = this.#row.read();
    if (ticket === null) return;
    const silenceMs = silenceOf(ticket, nowMs);
    const againAtMs = nowMs + Math.min(Math.max(silenceMs, shortestSilenceMs), longestSilenceMs);
    const speakUpAtMs = nowMs - silenceMs + (Math.floor(silenceMs / speakUpMs) + 1) * speakUpMs;
    const inheritedAtMs = this.#copy?.isUnsure() ? (this.#inheritedAtMs ?? -Infinity) : -Infinity;
    const dueMs = Math.min(
      ticketDueMs(ticket),
      errandOf(ticket) === null ? Infinity : againAtMs,
      isEnded(ticket.state) ? Infinity : speakUpAtMs,
      this.#copy?.againAtMs() ?? Infinity,
      inheritedAtMs > nowMs ? inheritedAtMs : Infinity,
    );
    // One set to the very present may be lost for a while (workerd issue 6866).
    const atMs = Math.max(Math.ceil(dueMs), nowMs + 1);
    if (atMs === this.#alarmAtMs) return;
    this.#alarmAtMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }
}

/** Since something last happened to it. */
function silenceOf({ progress }: Ticket, nowMs: number): number {
  return Math.max(0, nowMs - progress.updatedAtMs);
}
