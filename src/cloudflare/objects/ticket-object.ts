/** One ticket, as a Durable Object named by its id: the row, the alarm and the gate of its keeper (`engine/ticket-keeper.ts`). */
import { DurableObject } from "cloudflare:workers";
import { ticketPolicy } from "../../settings/limits.ts";
import type { AttemptOutcome, Settled } from "../../domain/ticket/moves.ts";
import type { CancelledBy, Spent, Ticket, TicketCopy, TicketEvent } from "../../domain/ticket/ticket.ts";
import type { ClaimAnswer, SeenTicket } from "../../engine/claims.ts";
import { withoutTexts } from "../../engine/ticket-codec.ts";
import { isMissingInIndex } from "../../engine/ticket-index.ts";
import { createTicketKeeper, type TicketKeeper } from "../../engine/ticket-keeper.ts";
import type { AskedRow, Follower, Listener } from "../../engine/ticket-parts.ts";
import { StoreAway, type Created, type Draft } from "../../gateway/ports.ts";
import type { TicketEnded } from "../../telemetry/events.ts";
import { copyWriter } from "../../stores/mirror/copy-writer.ts";
import { clock } from "../clock.ts";
import { configOf, logFault, settingsOf, type Environment } from "../environment.ts";
import { metricsOf } from "../stubs/metrics.ts";
import { askToAdmit, sendNotice, withdrawFrom } from "../stubs/gate.ts";
import { tellIndex } from "../stubs/tenant-index.ts";
import { busListener } from "./bus-listener.ts";
import { ticketSockets, type SocketKind, type TicketSockets } from "./ticket-sockets.ts";
import { askedRow, cursorIn, eventsIn, ticketRow } from "./ticket-row.ts";
import { upstashOf } from "../upstash.ts";

/** After an alarm that came to nothing. */
const againMs = 30_000;

interface Settling {
  ended: TicketEnded | null;
}

export class TicketObject extends DurableObject<Environment> {
  readonly #keeper: TicketKeeper;
  readonly #sockets: TicketSockets;
  #alarmAtMs: number | null = null;
  /** Set by another life, perhaps for the copy: which one it had, this life doesn't know. */
  #inheritedAtMs: number | null = null;
  /** How long the gate was asked whether it admits the ticket. */
  #gateMs = 0;
  /** The settle that is under way. */
  #settling: Settling | null = null;

  constructor(ctx: DurableObjectState, env: Environment) {
    super(ctx, env);
    const asked = askedRow(ctx.storage.sql);
    this.#sockets = ticketSockets(ctx, () => eventsIn(ctx.storage.sql), clock.nowMs);
    const row = ticketRow(ctx.storage, asked, () => {
      this.#alarmAtMs = null;
      this.#sockets.end();
    });
    this.#keeper = createTicketKeeper({
      row,
      setAlarm: (atMs) => this.#setAlarm(atMs),
      gate: this.#gate(asked),
      nowMs: clock.nowMs,
      policy: () => ticketPolicy(configOf(env)),
      random: Math.random,
      later: (work) => ctx.waitUntil(work),
      onMoved: this.#sockets.tell,
      onEnd: (ended) => this.#hasEnded(ended),
      follower: this.#copyFollower(row.read),
      listeners: [
        {
          ...cursorIn(ctx.storage, "index"),
          isMissing: isMissingInIndex,
          tell: (ticket) => tellIndex(env, ticket, ticketPolicy(configOf(env))),
        },
        ...busListener(env, ctx.storage),
      ],
    });
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAtMs = this.#inheritedAtMs = await ctx.storage.getAlarm();
      this.#keeper.wakeUp(this.#alarmAtMs !== null);
    });
  }

  /**
   * @param draft a Worker of older code has a moment in it, and no delay
   * @param saysAll absent: isolates of older code want the ticket alone, and know no other answer
   */
  async create(
    draft: Draft & { readonly notBeforeMs?: number },
    saysAll = false,
  ): Promise<Ticket | { readonly created: Created; readonly gateMs: number }> {
    const { delayMs = Math.max(0, (draft.notBeforeMs ?? 0) - clock.nowMs()) } = draft;
    const created = await this.#keeper.create({ ...draft, delayMs });
    if (saysAll) return { created, gateMs: this.#gateMs };
    if (created.kind === "full") throw new StoreAway("The queue is full");
    return created.ticket;
  }

  /** @param saysWhen absent: isolates of older code want the ticket alone, and know no other answer */
  async load(saysWhen = false): Promise<Ticket | SeenTicket | null> {
    const ticket = await this.#keeper.load();
    return ticket !== null && saysWhen ? { ticket, nowMs: clock.nowMs() } : ticket;
  }

  /** As a list shows it: without its texts, which may be large. */
  async show(): Promise<TicketCopy | null> {
    const ticket = await this.#keeper.load();
    return ticket && withoutTexts(ticket);
  }

  /** What has happened to it, in order. */
  async events(): Promise<readonly TicketEvent[]> {
    return (await this.#keeper.load()) === null ? [] : eventsIn(this.ctx.storage.sql);
  }

  /** An upgrade, by `stubs/live.ts`, for who may listen to it. */
  override async fetch(request: Request): Promise<Response> {
    const [, kind, told] = new URL(request.url).pathname.split("/");
    const ticket = await this.#keeper.load();
    if (ticket === null) return new Response(null, { status: 404 });
    const answer = this.#sockets.take(ticket, kind as SocketKind, Number(told));
    // It is to end in time.
    this.#keeper.arm();
    return answer;
  }

  /** What comes over a socket is not read. Its end is the platform's. */
  override webSocketMessage(): void {}
  override webSocketClose(): void {}
  override webSocketError(): void {}

  claim(permit: string, asProbe: boolean, early?: boolean): Promise<ClaimAnswer | null> {
    return this.#keeper.claim(permit, asProbe, early);
  }

  /** `ended`: the ticket has ended by it, which the caller counts with what it counts else. */
  async settle(fence: number, outcome: AttemptOutcome): Promise<Settled & { readonly ended?: TicketEnded }> {
    const settling: Settling = { ended: null };
    this.#settling = settling;
    const settled = await this.#keeper.settle(fence, outcome);
    if (this.#settling === settling) this.#settling = null;
    return settling.ended === null ? settled : { ...settled, ended: settling.ended };
  }

  giveBack(fence: number, spent?: Spent): Promise<Settled> {
    return this.#keeper.giveBack(fence, spent);
  }

  cancel(by: CancelledBy): Promise<Ticket | null> {
    return this.#keeper.cancel(by);
  }

  /** Tells the gate how the ticket stands, whatever it was told before. @returns false: there is no such ticket */
  remind(): Promise<boolean> {
    return this.#keeper.remind();
  }

  /** Never throws: the platform gives an alarm up that fails seven times. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = null;
    try {
      this.#sockets.endDue();
      await this.#keeper.ring();
    } catch (error) {
      logFault(this.env, "ticket_alarm_failed", error, this.ctx.id.name);
      await this.ctx.storage.setAlarm(clock.nowMs() + againMs);
    }
  }

  #hasEnded(ended: TicketEnded): void {
    settingsOf(this.env).tell(ended);
    if (this.#settling !== null) this.#settling.ended = ended;
    else metricsOf(this.env).count(ended, (work) => this.ctx.waitUntil(work));
  }

  #gate(asked: AskedRow): Listener {
    const { env } = this;
    return {
      kind: "away",
      asked,
      tell: (...told) => sendNotice(env, ...told),
      admit: async (question, notBeforeMs, atMs) => {
        const sinceMs = clock.nowMs();
        const admitted = await askToAdmit(env, question, notBeforeMs, atMs);
        this.#gateMs = Math.max(0, clock.nowMs() - sinceMs);
        return admitted;
      },
      withdraw: (question) => withdrawFrom(env, question),
    };
  }

  /** In the same breath as what is written: the platform stores both or neither. */
  #setAlarm(ticketMs: number): void {
    const dueMs = Math.min(ticketMs, this.#sockets.dueMs());
    // One set to the very present may be lost for a while (workerd issue 6866).
    const atMs = Math.max(Math.ceil(dueMs), clock.nowMs() + 1);
    if (atMs === this.#alarmAtMs) return;
    this.#alarmAtMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }

  /** The copy in the secondary store; what is sent there waits until the ticket is stored. `null`: there is no such store. */
  #copyFollower(read: () => Ticket | null): Follower | null {
    const copies = upstashOf(this.env)?.copies;
    if (copies === undefined) return null;
    const copy = copyWriter(
      read,
      async (ticket) => copies.write(ticket, ticketPolicy(configOf(this.env))),
      clock.nowMs,
      () => this.#keeper.arm(),
    );
    return {
      bring: copy.bring,
      dueMs: () => copy.againAtMs() ?? (copy.isUnsure() ? this.#inheritedMs() : null),
    };
  }

  #inheritedMs(): number | null {
    return this.#inheritedAtMs !== null && this.#inheritedAtMs > clock.nowMs() ? this.#inheritedAtMs : null;
  }
}
