/** What a story says and hears at one vendor. */
import { expect } from "vitest";
import { goodBody, post, type Answered } from "../support/answers.ts";
import type { RecordedRequest, Step, VendorName } from "../../tools/fake-upstream/script.ts";
import { keyOf, operatorKey, type StoryWorld, type Tenant } from "./world.ts";

export type Desk = ReturnType<typeof deskAt>;

export interface Ask {
  /** `one` unless told. */
  readonly tenant?: Tenant;
  /** The vendor's default unless told. */
  readonly model?: string;
  /** Put into an essay, which is unlike every other in any case. */
  readonly text?: string;
  readonly metadata?: object;
}

export interface Ticket {
  readonly id: string;
  readonly tenant: Tenant;
}

/** A provider's entry in `GET /api/v1/providers`, as far as stories look at it. */
export interface Row {
  readonly circuit_breaker_state: string;
  readonly credentials: string;
  readonly paused: boolean;
  readonly retry_at: string | null;
  readonly models_held: readonly { readonly model: string; readonly reason: string }[];
  readonly others_held: number;
  readonly queue: {
    readonly size: number;
    readonly size_bytes: number;
    readonly max_bytes: number;
    readonly accepting: boolean;
  };
}

type Mode = "immediate" | "queue" | "queue_if_unavailable";

/** A moment's work on a quiet machine. On a busy one a process may take its Redis for dead, and what it did then is found after a lease. */
const patienceMs = 100_000;
const betweenLooksMs = 100;

let comparisons = 0;

export function deskAt(world: StoryWorld, vendor: VendorName) {
  const lane = world.lanes[vendor];

  function ask(mode: Mode, { tenant = "one", model, text = "", metadata }: Ask): Promise<Answered> {
    const body = {
      ...goodBody,
      essay_a: `Essay number ${++comparisons}. ${text}`,
      processing_mode: mode,
      llm_config_overrides: {
        provider_override: vendor,
        ...(model !== undefined && { model_override: model }),
      },
      ...(metadata !== undefined && { metadata }),
    };
    return world.ask("/api/v1/comparison", post(body, as(tenant)));
  }

  async function queue(asked: Ask = {}): Promise<Ticket> {
    const { status, body } = await ask("queue", asked);
    expect([status, body["error_type"] ?? null]).toEqual([202, null]);
    return { id: String(body["queue_id"]), tenant: asked.tenant ?? "one" };
  }

  /** Asked again where its store can't be reached. */
  async function status({ id, tenant }: Ticket): Promise<Answered["body"]> {
    const { body } = await until(
      () => world.ask(`/api/v1/status/${id}`, as(tenant)),
      (answered) => answered.status !== 503,
    );
    return body;
  }

  /** Asked again where its gate can't be reached, which leaves nulls. */
  async function row(tenant: Tenant = "one"): Promise<Row> {
    return until(
      async () => {
        const { body } = await world.ask("/api/v1/providers", as(tenant));
        const rows = (body["providers"] ?? []) as readonly (Row & { readonly name: string })[];
        const found = rows.find(({ name }) => name === vendor);
        if (found === undefined) throw new Error(`${vendor} is not listed`);
        return found;
      },
      ({ queue }) => queue !== null,
    );
  }

  return {
    vendor,
    /** The vendor answers so from now on; with no steps it is well. */
    vendorSays: (...steps: Step[]) => lane.rescript(steps),
    calls: (): Promise<RecordedRequest[]> => lane.requests("judgement"),
    /** A live call that nobody keeps. */
    live: (asked: Ask = {}) => ask("immediate", asked),
    /** As clients ask that name no mode. */
    ask: (asked: Ask = {}) => ask("queue_if_unavailable", asked),
    /** As written. */
    send: (body: unknown) => world.ask("/api/v1/comparison", post(body, as("one"))),
    preview: (body: unknown) => world.ask("/api/v1/comparison/preview", post(body, as("one"))),
    /** Asks for a ticket, which may be refused. */
    tryToQueue: (asked: Ask = {}) => ask("queue", asked),
    queue,
    /** So many tickets, in order. */
    async queueAll(count: number, asked: (at: number) => Ask = () => ({})): Promise<Ticket[]> {
      const tickets = [];
      for (let at = 0; at < count; at++) tickets.push(await queue(asked(at)));
      return tickets;
    },
    status,
    /** A page of a tenant's feed. */
    async feed(tenant: Tenant, query: string) {
      const { status, body } = await world.ask(`/api/v1/events${query}`, as(tenant));
      expect(status).toBe(200);
      return body as {
        readonly cursor: string;
        readonly events: readonly { readonly data: Answered["body"] }[];
      };
    },
    /** Whatever there is of a ticket. */
    read: ({ id, tenant }: Ticket, before: string, behind: string) =>
      world.ask(`/api/v1${before}${id}${behind}`, as(tenant)),
    /** Asked again where its store can't be reached. */
    cancel: ({ id, tenant }: Ticket) =>
      until(
        () => world.ask(`/api/v1/tickets/${id}`, { ...as(tenant), method: "DELETE" }),
        (answered) => answered.status !== 503,
      ),
    result: ({ id, tenant }: Ticket) => world.ask(`/api/v1/results/${id}`, as(tenant)),
    row,
    /** What an operator asks. */
    operator: (path: string, method: "GET" | "POST" | "DELETE" = "GET", key = operatorKey) =>
      world.ask(`/api/v1/operator/${path}`, { method, headers: { authorization: `Bearer ${key}` } }),
    health: () => world.ask("/healthz"),
    /** All of them are judged in the end. @throws {Error} as soon as one has ended otherwise */
    async untilJudged(tickets: readonly Ticket[], withinMs?: number): Promise<void> {
      for (const ticket of tickets) await untilEnded(ticket, "completed", withinMs);
    },
    untilFailed: (ticket: Ticket) => untilEnded(ticket, "failed"),
    /** None of them has ended. */
    async expectWaiting(tickets: readonly Ticket[]): Promise<void> {
      for (const ticket of tickets)
        expect(["queued", "processing"]).toContain((await status(ticket))["status"]);
    },
    /** Nothing waits, and nothing is held. */
    untilCalm: () =>
      until(
        () => row(),
        ({ queue, circuit_breaker_state, credentials, models_held, others_held }) =>
          queue.size === 0 &&
          circuit_breaker_state === "closed" &&
          credentials === "ok" &&
          models_held.length + others_held === 0,
      ),
  };

  async function untilEnded(ticket: Ticket, wanted: "completed" | "failed", withinMs?: number) {
    const ended = await until(
      () => status(ticket),
      (body) => ["completed", "failed", "expired"].includes(String(body["status"])),
      withinMs,
    );
    expect([ended["status"], ended["error_type"]]).toEqual([
      wanted,
      wanted === "completed" ? null : expect.any(String),
    ]);
    return ended;
  }
}

function as(tenant: Tenant) {
  return { headers: { authorization: `Bearer ${keyOf(tenant)}` } };
}

/** Asks until the answer is as wanted. @throws {Error} with the last answer, where it does not come to pass */
export async function until<T>(
  ask: () => Promise<T>,
  isIt: (answer: T) => boolean,
  withinMs = patienceMs,
): Promise<T> {
  const endsAtMs = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (isIt(answer)) return answer;
    if (Date.now() > endsAtMs) throw new Error(`It did not come to pass: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, betweenLooksMs));
  }
}
