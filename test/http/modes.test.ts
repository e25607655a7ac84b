/** The three modes of a comparison, crossed with all that can stand in its way: what is answered, and what is kept. */
import { describe, expect, it } from "vitest";
import { refused, said, verdict, type Step } from "../support/scripted-transport.ts";
import { testService, type TestService } from "../support/service.ts";

const once = { LLM_MAX_RETRIES: "0" };
const tooLong = { "retry-after": "120" };

/** How the world is when the comparison comes. */
interface Situation {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly step?: Step;
  /** What happened before, with `LLM_MAX_RETRIES=0`. */
  readonly before?: (service: TestService) => Promise<unknown>;
  readonly modes: Readonly<Record<Mode, Expected>>;
}
type Mode = "queue_if_unavailable" | "immediate" | "queue";

interface Expected {
  readonly status: number;
  readonly type?: string;
  /** In body and header; absent: in neither. */
  readonly retryAfter?: number;
  /** Calls made for it before its answer. */
  readonly calls?: number;
}

const now = { processing_mode: "immediate" };
const judged: Expected = { status: 200, calls: 1 };
const ticket = (retryAfter = 1, calls = 0): Expected => ({ status: 202, retryAfter, calls });
const none = (status: number, type: string, retryAfter?: number, calls = 0): Expected => ({
  status,
  type,
  calls,
  ...(retryAfter === undefined ? {} : { retryAfter }),
});
const ofEach = (expected: Expected): Situation["modes"] => ({
  queue_if_unavailable: expected,
  immediate: expected,
  queue: expected,
});
/** Judged later, told why not now, and told at once. */
const later = (waits: Expected, fails: Expected, queued = ticket()): Situation["modes"] => ({
  queue_if_unavailable: waits,
  immediate: fails,
  queue: queued,
});
const final = (status: number, type: string, calls = 1) => {
  const failed = none(status, type, undefined, calls);
  return later(failed, failed);
};

const openBreaker: Pick<Situation, "env" | "before"> = {
  env: { ...once, CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1" },
  async before({ compare, clock }) {
    await compare(now);
    await clock.advance(3_500);
  },
};
const fullQueue = async ({ compare }: TestService) => {
  for (let n = 0; n < 4; n++) await compare({ processing_mode: "queue" });
};

const situations: readonly Situation[] = [
  { name: "all is well", modes: { queue_if_unavailable: judged, immediate: judged, queue: ticket() } },
  {
    name: "the provider answers 503",
    env: once,
    step: refused(503),
    modes: later(ticket(1, 1), none(503, "SERVICE_UNAVAILABLE", 5, 1)),
  },
  {
    name: "the provider answers 503 and names a time",
    env: once,
    step: refused(503, tooLong),
    modes: later(ticket(120, 1), none(503, "SERVICE_UNAVAILABLE", 120, 1)),
  },
  {
    name: "the retries are spent, too",
    env: { LLM_MAX_RETRIES: "2" },
    step: refused(500),
    modes: later(ticket(1, 3), none(503, "SERVICE_UNAVAILABLE", 5, 3)),
  },
  {
    name: "there is no connection",
    env: once,
    step: { fault: { fault: "connection", code: "ECONNRESET" } },
    modes: later(ticket(1, 1), none(503, "CONNECTION_ERROR", 5, 1)),
  },
  {
    name: "the provider does not answer in time",
    step: "stall",
    modes: later(ticket(1, 1), none(503, "TIMEOUT", 5, 1)),
  },
  {
    name: "a 429 asks for more than fits the request",
    step: refused(429, tooLong),
    modes: later(ticket(120, 1), none(503, "RATE_LIMIT", 120, 1)),
  },
  {
    name: "a 429 names no time, and the retries are spent",
    env: once,
    step: refused(429),
    modes: later(ticket(30, 1), none(503, "RATE_LIMIT", 30, 1)),
  },
  {
    name: "the breaker is open",
    ...openBreaker,
    step: refused(503),
    modes: later(ticket(7), none(503, "CIRCUIT_BREAKER_OPEN", 7), ticket(7)),
  },
  {
    name: "the model is on hold",
    step: refused(429, tooLong),
    async before({ compare, clock }) {
      await compare(now);
      await clock.advance(20_000);
    },
    modes: later(ticket(100), none(503, "RATE_LIMIT", 100), ticket(100)),
  },
  { name: "our credentials are refused", step: refused(401), modes: final(502, "INVALID_API_KEY") },
  { name: "our credit is gone", step: refused(402), modes: final(502, "QUOTA_EXCEEDED") },
  {
    name: "our credentials were refused before",
    step: refused(401),
    before: ({ compare }) => compare(now),
    modes: later(
      none(502, "INVALID_API_KEY", undefined, 1),
      none(502, "INVALID_API_KEY", undefined, 1),
      ticket(10),
    ),
  },
  { name: "the request can never succeed", step: refused(400), modes: final(422, "INVALID_REQUEST") },
  {
    name: "the judge refuses",
    step: verdict({ output: [{ type: "message", content: [{ type: "refusal", refusal: "no" }] }] }),
    modes: final(502, "CONTENT_REFUSED"),
  },
  {
    name: "the answer is cut off",
    step: verdict({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }),
    modes: final(502, "RESPONSE_TRUNCATED"),
  },
  { name: "the answer is no judgement", step: said("tie"), modes: final(502, "INVALID_RESPONSE", 2) },
  {
    name: "the queue is full, and all else well",
    env: { QUEUE_MAX_SIZE: "5", QUEUE_CONCURRENCY: "1" },
    before: fullQueue,
    modes: { queue_if_unavailable: judged, immediate: judged, queue: none(503, "QUEUE_FULL", 30) },
  },
  {
    name: "the queue is full, and the provider down",
    env: { ...once, QUEUE_MAX_SIZE: "5", QUEUE_CONCURRENCY: "1" },
    step: refused(503),
    before: fullQueue,
    modes: later(
      none(503, "QUEUE_FULL", 30, 1),
      none(503, "SERVICE_UNAVAILABLE", 5, 1),
      none(503, "QUEUE_FULL", 30),
    ),
  },
  ...["gate", "tickets"].map((port) => ({
    name: `the store of ${port} is away`,
    before: async ({ stores }: TestService) => stores.away(port),
    modes: { queue_if_unavailable: judged, immediate: judged, queue: none(503, "SERVICE_UNAVAILABLE", 5) },
  })),
  ...["gate", "tickets"].map((port) => ({
    name: `the store of ${port} is away, and the provider down`,
    env: once,
    step: refused(504),
    before: async ({ stores }: TestService) => stores.away(port),
    modes: later(
      none(503, "SERVICE_UNAVAILABLE", 5, 1),
      none(503, "SERVICE_UNAVAILABLE", 5, 1),
      none(503, "SERVICE_UNAVAILABLE", 5),
    ),
  })),
  {
    name: "the provider has no key",
    env: { OPENAI_API_KEY: "", DEFAULT_LLM_PROVIDER: "openai" },
    modes: ofEach(none(400, "CONFIGURATION_ERROR")),
  },
  {
    name: "the provider is not enabled",
    env: { OPENAI_ENABLED: "false", DEFAULT_LLM_PROVIDER: "openai" },
    modes: ofEach(none(400, "CONFIGURATION_ERROR")),
  },
];

const rows = situations.flatMap((situation) =>
  Object.entries(situation.modes).map(([mode, expected]) => ({ ...situation, mode, expected })),
);

describe.each(situations.map(({ name }) => name))("where %s", (name) => {
  it.each(rows.filter((row) => row.name === name))(
    "$mode is $expected.status $expected.type",
    async (row) => {
      const { env = {}, step = verdict(), mode, expected } = row;
      const service = testService({ env, steps: () => step, random: () => 0 });
      const { clock, stores, vendor } = service;
      await row.before?.(service);
      const before = [stores.stored.size, vendor.calls.length] as const;

      const answering = service.compare({ processing_mode: mode });
      // A ticket's own calls come after its 202.
      const calls = answering.then(() => vendor.calls.length - before[1]);
      if (mode !== "queue") await clock.advance(step === "stall" ? 60_000 : 0);
      const { status, body, headers } = await answering;

      expect([status, body["error_type"]]).toEqual([expected.status, expected.type]);
      expect(body["retry_after"]).toBe(expected.retryAfter);
      expect(headers.get("retry-after")).toBe(expected.retryAfter ? String(expected.retryAfter) : null);
      const isKept = expected.status === 202;
      expect(headers.get("location")).toBe(isKept ? `/api/v1/status/${String(body["queue_id"])}` : null);
      expect(stores.stored.size - before[0]).toBe(isKept ? 1 : 0);
      expect(stores.storedKeys.size).toBe(0);
      expect(await calls).toBe(expected.calls);
    },
  );
});

it.each([undefined, null])("a mode that is %s is queue_if_unavailable", async (processing_mode) => {
  const { compare } = testService({ env: once, steps: [refused(503)] });
  expect((await compare({ processing_mode })).status).toBe(202);
});
