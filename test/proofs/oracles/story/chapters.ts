/**
 * A story in which everything moves that an operator can see: judgements, answers that are none, retries, keys, a vendor that is away while its
 * queue fills up, refused credentials behind which a ticket expires, limits, tickets that fail and one that is cancelled. Each chapter has a
 * vendor of its own, so all go on at once.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { ProviderName } from "../../../../src/domain/judging/comparison.ts";
import type { Lane } from "../../../../tools/fake-upstream/client.ts";
import type { Step, VendorName } from "../../../../tools/fake-upstream/script.ts";
import { throwingText } from "../../../stories/throwing-text.ts";
import { expectAnswer, type Asked, type Heard, type Ledger } from "./ledger.ts";

/** What makes the story short. */
export const storySettings = {
  ENVIRONMENT: "test",
  LOG_LEVEL: "debug",
  MOCK_ENABLED: "false",
  LLM_MAX_RETRIES: "1",
  LLM_REQUEST_TIMEOUT_SECONDS: "3",
  CIRCUIT_BREAKER_FAILURE_THRESHOLD: "3",
  CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "0.5",
  CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "1",
  QUEUE_MAX_SIZE: "10",
  QUEUE_MAX_RETRIES: "1",
  QUEUE_POLL_INTERVAL_SECONDS: "0.2",
  // 16 seconds.
  QUEUE_REQUEST_TTL_HOURS: "0.00444",
  OPENROUTER_LIVE_CONCURRENCY: "1",
} as const;

export interface Scene {
  readonly ledger: Ledger;
  readonly lanes: Readonly<Record<VendorName, Lane>>;
  /** Whether a text can be made to throw in an adapter there. */
  readonly canThrow: boolean;
  /** How long a state must last so that whoever looks each second has seen it, and alerts by it. */
  readonly seenMs: number;
}

export interface Ticket {
  readonly id: string;
  readonly provider: ProviderName;
}

/** @returns every ticket, each of which has ended as its client has seen */
export async function tell(scene: Scene): Promise<readonly (Ticket & { readonly end: string })[]> {
  const chapters = [judging(scene), outage(scene), credentials(scene), limits(scene)];
  const tickets = (await Promise.all(chapters)).flat();
  return Promise.all(tickets.map((ticket) => endOf(scene, ticket)));
}

const untold = { usage: null } as const;

/** Judgements and what is none, at once. */
async function judging({ ledger, lanes, canThrow, seenMs }: Scene): Promise<readonly Ticket[]> {
  const says = (...steps: Step[]) => lanes.openai.rescript(steps);
  const live = (more: Partial<Asked>, status: number, errorType?: string) =>
    ledger.compare({ provider: "openai", mode: "immediate", ...more }, status, errorType);

  for (let at = 0; at < 21; at++) await live({ tenant: at % 3 === 0 ? "art" : "maths" }, 200);
  await says(
    { judgement: { winner: "Essay B" } },
    { judgement: { confidence: 9 } },
    { usage: { cachedTokens: 100 } },
    { model: "gpt-5.4-nano" },
  );
  for (let at = 0; at < 4; at++) await live({}, 200);
  await live({ model: "a-model-that-nobody-knows" }, 200);

  // Asked once more: in vain, and with success.
  await says({ text: "It is a tie.", times: 2, ...untold });
  await live({}, 502, "INVALID_RESPONSE");
  await says({ text: "It is a tie.", ...untold });
  await live({}, 200);
  await says({ fault: "refusal", ...untold });
  await live({}, 502, "CONTENT_REFUSED");
  await says({ fault: "truncatedAnswer", ...untold });
  await live({}, 502, "RESPONSE_TRUNCATED");
  await says({ fault: "contextTooLong" });
  await live({}, 422, "INVALID_REQUEST");

  await says({ fault: "unavailable" });
  await live({}, 200);
  // Sooner, on a kept connection, it would be nobody's fault, and asked again at once.
  await says({ fault: "cut", delayMs: 1_300 });
  await live({}, 200);
  await says({ fault: "stall" });
  await live({}, 503, "TIMEOUT");

  await keyed(live, says);
  await says({ ...untold });
  expectAnswer(await ledger.tryOut("openai"), 200);
  await live({ more: { output_verbosity: "high" } }, 200);
  // What is counted for the first time makes its series: only from then on it is seen to grow, and on Workers seconds later.
  await pause(seenMs * 2);
  await says({ text: "It is a tie.", times: 2, ...untold });
  await live({}, 502, "INVALID_RESPONSE");
  await says(
    { text: "It is a tie.", ...untold },
    { judgement: { confidence: 9 }, usage: { cachedTokens: 100 } },
  );
  await live({}, 200);
  await live({ model: "a-model-that-nobody-knows" }, 200);
  if (canThrow) await live({ text: throwingText }, 500, "INTERNAL_ERROR");
  expectAnswer(await ledger.send({ essay_a: 1 }, "maths"), 400, "VALIDATION_ERROR");
  expectAnswer(await ledger.send({}, null), 401, "AUTHENTICATION_ERROR");
  expectAnswer(await ledger.ask("unmatched", "/nowhere", null, { method: "PUT" }), 404);
  expectAnswer(await ledger.providers(), 200);
  return [];
}

async function keyed(
  live: (more: Partial<Asked>, status: number, errorType?: string) => Promise<Heard>,
  says: (...steps: Step[]) => Promise<void>,
): Promise<void> {
  await says({ delayMs: 1_500 });
  const first = live({ key: "one" }, 200);
  await pause(700);
  await live({ key: "one" }, 409, "IDEMPOTENCY_CONFLICT");
  await first;
  await live({ key: "one" }, 200);
  await live({ key: "one", text: "another" }, 422, "IDEMPOTENCY_MISMATCH");
}

/** A vendor is away; its breaker opens, its queue fills up. One ticket is cancelled, the others are judged when it is back. */
async function outage({ ledger, lanes, seenMs }: Scene): Promise<readonly Ticket[]> {
  const ask = (mode: Asked["mode"], status: number, errorType?: string) =>
    ledger.compare({ provider: "anthropic", mode }, status, errorType);
  await ask("immediate", 200);
  await lanes.anthropic.rescript([{ fault: "unavailable", times: "forever" }]);
  // Two calls each, of which the third opens it.
  await ask("immediate", 503, "SERVICE_UNAVAILABLE");
  await ask("immediate", 503);
  // Each probe is a call, for whomever it is.
  while ((await ask("immediate", 503)).body["error_type"] !== "CIRCUIT_BREAKER_OPEN") await pause(50);
  const kept = [await ask("queue_if_unavailable", 202)];
  while (kept.length < 8) kept.push(await ask("queue", 202));
  await ask("queue", 503, "QUEUE_FULL");
  const tickets = kept.map(({ body }) => ticketOf(body));
  await Promise.all([
    pause(seenMs),
    ...tickets.slice(0, 1).map(({ id }) => ledger.waitFor(id, Math.ceil(seenMs / 1000))),
  ]);
  const [, , , cancelled] = tickets;
  if (cancelled !== undefined) expectAnswer(await ledger.cancel(cancelled.id), 200);
  // Slow enough to be seen at it.
  await lanes.anthropic.rescript([{ delayMs: 1_300, times: 3 }]);
  return tickets;
}

/** Our key is refused. One ticket waits until its time is over, another one until the key is taken again. */
async function credentials({ ledger, lanes, seenMs }: Scene): Promise<readonly Ticket[]> {
  const ask = (mode: Asked["mode"], status: number, errorType?: string) =>
    ledger.compare({ provider: "google", mode }, status, errorType);
  await ask("immediate", 200);
  await lanes.google.rescript([{ fault: "credentialsRefused", times: "forever" }]);
  await ask("immediate", 502, "INVALID_API_KEY");
  const lost = ticketOf((await ask("queue", 202)).body);
  await pause(seenMs);
  await untilEnded(ledger, lost, 30_000);
  const patient = ticketOf((await ask("queue", 202)).body);
  await lanes.google.rescript([]);
  await ask("immediate", 200);
  return [lost, patient];
}

/** The vendor limits our rate, refuses three requests for good, and has one call at a time of us. */
async function limits({ ledger, lanes, seenMs }: Scene): Promise<readonly Ticket[]> {
  const ask = (mode: Asked["mode"], status: number, errorType?: string) =>
    ledger.compare({ provider: "openrouter", mode }, status, errorType);
  await ask("immediate", 200);
  await lanes.openrouter.rescript([{ delayMs: 1_000 }]);
  const slow = ask("immediate", 200);
  await pause(400);
  await ask("immediate", 503, "SERVICE_UNAVAILABLE");
  await slow;

  await lanes.openrouter.rescript([{ fault: "contextTooLong", times: 3 }]);
  const failing = [await ask("queue", 202), await ask("queue", 202), await ask("queue", 202)].map(
    ({ body }) => ticketOf(body),
  );
  for (const ticket of failing) await untilEnded(ledger, ticket, 20_000);

  await lanes.openrouter.rescript([
    { fault: "rateLimited", retryAfter: 1, times: 3 },
    { fault: "rateLimited", retryAfter: 4, times: "forever" },
  ]);
  for (let at = 0; at < 3; at++) {
    await ask("immediate", 503, "RATE_LIMIT");
    await pause(1_300);
  }
  await ask("immediate", 503, "RATE_LIMIT");
  await ask("immediate", 503, "RATE_LIMIT");
  const limited = ticketOf((await ask("queue_if_unavailable", 202)).body);
  await pause(seenMs);
  await lanes.openrouter.rescript([]);
  await untilEnded(ledger, limited, 30_000);
  return [...failing, limited, ...(await operator({ ledger, seenMs }))];
}

/** An operator pauses a provider, cancels what waits, and lets it go on. Who is none is refused. */
async function operator({ ledger, seenMs }: Pick<Scene, "ledger" | "seenMs">): Promise<readonly Ticket[]> {
  const ask = async () =>
    ticketOf((await ledger.compare({ provider: "openrouter", mode: "queue_if_unavailable" }, 202)).body);
  expectAnswer(await ledger.operate("pause", "openrouter"), 200);
  const [cancelled, patient] = [await ask(), await ask()];
  await pause(seenMs);
  expectAnswer(await ledger.operate("cancel", cancelled.id), 200);
  expectAnswer(await ledger.operate("resume", "openrouter"), 200);
  expectAnswer(await ledger.operate("probe", "openrouter"), 200);
  expectAnswer(await ledger.operate("actions", ""), 200);
  expectAnswer(await ledger.operate("pause", "openrouter", "maths"), 401, "AUTHENTICATION_ERROR");
  return [cancelled, patient];
}

export function ticketOf(body: Heard["body"]): Ticket {
  return { id: String(body["queue_id"]), provider: body["provider"] as ProviderName };
}

/** As its client sees it, who fetches its result where it has one. */
export async function endOf({ ledger }: Pick<Scene, "ledger">, ticket: Ticket) {
  const end = await untilEnded(ledger, ticket, 40_000);
  if (end === "completed") expectAnswer(await ledger.result(ticket.id), 200);
  return { ...ticket, end };
}

export async function untilEnded(
  ledger: Ledger,
  { id, provider }: Ticket,
  withinMs: number,
): Promise<string> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const { body } = await ledger.status(id);
    const status = String(body["status"]);
    if (["completed", "failed", "expired", "cancelled"].includes(status)) return status;
    if (performance.now() > deadline)
      throw new Error(`A ticket of ${provider} is ${status} after ${withinMs} ms.`);
    await pause(250);
  }
}
