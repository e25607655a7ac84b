/**
 * One client's requests, to all routes and to most ends that a request can have, in an order that makes each answer certain. What is answered
 * is compared with a recording, so a step is added at the end of its chapter, and the recording made anew (`main.ts`).
 */
import type { Lane } from "../../tools/fake-upstream/client.ts";
import type { Step } from "../../tools/fake-upstream/script.ts";
import { asOperator, OPERATOR_KEYS } from "../support/operators.ts";
import { startTeller, type Teller, type Ticket } from "./teller.ts";

/** What a ticket has to expire in. The tickets that are to be judged are judged long before. */
const ticketTtlMs = 6_000;

/** Addresses, keys and vendors aside. Small limits, so that each is met; breaker and holds stay until the end. */
export const recordedSettings: Readonly<Record<string, string>> = {
  ENVIRONMENT: "test",
  LOG_LEVEL: "debug",
  LLM_MAX_RETRIES: "0",
  LLM_REQUEST_TIMEOUT_SECONDS: "2",
  MAX_BODY_BYTES: "4000",
  CIRCUIT_BREAKER_FAILURE_THRESHOLD: "3",
  CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "600",
  CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "600",
  QUEUE_MAX_SIZE: "5",
  OPERATOR_KEYS,
  QUEUE_REQUEST_TTL_HOURS: String(ticketTtlMs / 3_600_000),
};

/** Of OpenRouter's models: one that takes a schema, and one whose key is refused. */
const schema = "anthropic/claude-sonnet-5.5";
const refused = "openai/gpt-6.1-terra";
/** Of OpenAI's models: one that is not the default. */
const other = "gpt-6.1-luna";
/** Of Google's models: one that is held, and one that isn't. */
const limited = "gemini-3.8-flash";
const unlimited = "gemini-3.1-pro-preview";

const well: Step = { times: "forever" };

/** @returns every request with its answer, in the order of asking, as text that holds nothing of the hour and the place */
export async function recordedStory(origin: string, lane: Lane): Promise<string> {
  const teller = startTeller(origin);
  await lane.clear();
  await lane.rescript([well]);
  await meta(teller);
  await refusals(teller);
  await judgements(teller, lane);
  await keyed(teller, lane);
  await faults(teller, lane);
  const waiting = await outage(teller, lane);
  await tickets(teller, lane);
  await operating(teller);
  await expiry(waiting);
  await meta(teller, "after all of that, ");
  return teller.recording();
}

/** What is asked of the service itself. */
async function meta(teller: Teller, when = ""): Promise<void> {
  await teller.get(`${when}health`, "/healthz");
  await teller.get(`${when}the providers`, "/api/v1/providers");
  if (when !== "") return;
  await teller.get("the models of one provider", "/api/v1/models?provider=mock");
  await teller.sum("all models", "/api/v1/models");
  await teller.sum("the document", "/openapi.json");
  await teller.sum("the page", "/docs");
  await teller.ask("health, without its body", "HEAD", "/healthz");
}

/** What is refused before a provider is asked. */
async function refusals(teller: Teller): Promise<void> {
  const { ask, get, compare } = teller;
  await get("a path that is not there", "/api/v1/comparisons");
  await ask("a method that the path doesn't take", "DELETE", "/api/v1/comparison");
  await ask("no key", "POST", "/api/v1/comparison", { authorization: "" }, "{}");
  await ask("an unknown key", "POST", "/api/v1/comparison", { authorization: "Bearer lps_nobody" }, "{}");
  await ask("a text", "POST", "/api/v1/comparison", { "content-type": "text/plain" }, "A or B?");
  await ask("more than the body's limit", "POST", "/api/v1/comparison", {}, " ".repeat(4_001));
  await ask("no JSON", "POST", "/api/v1/comparison", {}, '{"user_prompt": "Which one?", }');
  await ask("a name twice", "POST", "/api/v1/comparison", {}, '{"essay_a":"A","essay_a":"B"}');
  await compare("much that is wrong at once", {
    user_prompt: "{essay_a} {essay_a}",
    essay_a: "",
    essay_b: 7,
    priority: 11,
    processing_mode: "later",
    metadata: [],
  });
  await compare("an override that nobody knows", { llm_config_overrides: { top_p: 0.5 } });
  await compare("a provider that nobody knows", { llm_config_overrides: { provider_override: "acme" } });
  await compare("half a surrogate pair", { essay_a: "\ud800" });
  await compare("a file in place of a text", { essay_b: "%PDF-1.7" });
  await compare("a key without a character", {}, { "idempotency-key": "" });
  await get("a ticket's status by an id that is none", "/api/v1/status/17");
  await get("the status of a ticket that nobody has", "/api/v1/status/01a22b01-2743-7e44-b048-d4bd663b1dec");
  await get("models of a provider that nobody knows", "/api/v1/models?provider=acme");
}

async function judgements(teller: Teller, lane: Lane): Promise<void> {
  const { compare, ask } = teller;
  await compare("a judgement of the default provider", { llm_config_overrides: null });
  await compare("a judgement of the mock", by("mock"));
  await compare("a judgement of Anthropic, with all that may be said", {
    ...by("anthropic", undefined, {
      temperature_override: 0.3,
      system_prompt_override: "Judge as an owl would.",
      max_tokens_override: 1_234,
      reasoning_effort: "low",
    }),
    priority: 7,
    user_id: "user 17",
    metadata: { class: "9B", pairs: [1, 2.5, null] },
    language: "en",
  });
  await compare("a judgement of OpenAI, in a trace", by("openai"), {
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  });
  await compare("a judgement of Google, under the client's own id", {
    ...by("google"),
    correlation_id: "6f2e7c1a-3b0d-4c5e-8f9a-0b1c2d3e4f5a",
  });
  await compare("a judgement of OpenRouter", by("openrouter", schema));
  await lane.rescript([{ text: "It is a tie." }, well]);
  await compare("a judgement at the second asking", by("openrouter", schema));
  await compare("a judgement in the other order", { ...by("openai"), presentation: "swapped" });
  const series = { presentation: "counterbalanced", presentation_key: "series-1" };
  await compare("a judgement in a series", { ...by("openai"), ...series });
  await compare("the next one of its pair", { ...by("openai"), ...series, presentation_index: 1 });
  await teller.preview("a preview", { ...by("openai"), presentation: "swapped", language: "en" });
  await teller.preview("a preview of what chance will decide", {
    ...by("mock"),
    presentation: "random",
  });
  await ask("a trial of the mock", "POST", "/api/v1/providers/mock/test");
  await ask("a trial of OpenAI", "POST", "/api/v1/providers/openai/test");
  await ask("a trial of nobody", "POST", "/api/v1/providers/acme/test");
}

async function keyed(teller: Teller, lane: Lane): Promise<void> {
  const { compare } = teller;
  const key = (name: string) => ({ "idempotency-key": name });
  await compare("a keyed request", by("openai"), key("one"));
  await compare("a keyed request again", by("openai"), key("one"));
  await compare("another request under that key", by("google"), key("one"));
  await compare("that key of another tenant", by("openai"), { ...key("one"), ...teller.as("two") });
  await lane.clear();
  await lane.rescript([{ fault: "delay", delayMs: 700 }, well]);
  const first = compare("a keyed request that takes its time", by("openai"), key("two"));
  await lane.waitForRequest(1, "judgement");
  await compare("a keyed request meanwhile", by("openai"), key("two"));
  await first;
}

/** Live calls that the vendor doesn't answer well: each a reason of its own. */
async function faults(teller: Teller, lane: Lane): Promise<void> {
  const told: readonly (readonly [string, object, Step])[] = [
    ["a text too long for the model", by("anthropic"), { fault: "contextTooLong" }],
    ["a model that says no", by("anthropic"), { fault: "refusal" }],
    ["a model that ends in mid-sentence", by("anthropic"), { fault: "truncatedAnswer" }],
    ["a model without a verdict", by("openrouter", schema), { text: "It is a tie.", times: 2 }],
    ["a model that isn't there", by("google", "gemini-none"), { fault: "modelNotFound" }],
    ["a rate that is limited", by("google", limited), { fault: "rateLimited", retryAfter: 600 }],
    ["a web page", by("openrouter", schema), { fault: "html" }],
    // On Node a call over a connection that was used before is sent once more.
    ["a connection that breaks", by("openrouter", schema), { fault: "cut", times: 2 }],
    ["our key refused", by("openrouter", refused), { fault: "credentialsRefused" }],
  ];
  for (const [name, request, step] of told) {
    await lane.rescript([step, well]);
    await teller.compare(name, { ...request, processing_mode: "immediate" });
  }
}

/** An outage, and tickets that wait for its end. */
async function outage(teller: Teller, lane: Lane): Promise<Waiting> {
  const { compare, queue } = teller;
  await lane.rescript([{ fault: "unavailable", vendor: "openai", times: "forever" }, well]);
  // Of two tenants and two models: it is nobody's fault but the provider's.
  for (const model of [undefined, other, undefined, other]) {
    for (const tenant of ["one", "two"] as const) {
      await compare("a live call in an outage", live(by("openai", model)), teller.as(tenant));
    }
  }
  const kept = await queue("a ticket in place of a call", by("openai"), {}, "queue_if_unavailable");
  const held = await queue("a ticket for a model that is held", by("google", limited));
  await kept.look("a ticket that waits for a provider");
  await held.look("a ticket that waits for a model");
  const others: Ticket[] = [];
  for (const which of ["second", "third", "fourth"]) {
    others.push(await queue(`a ${which} ticket that waits`, by("openai")));
  }
  await compare("a ticket for a full queue", queued(by("openai")));
  return { kept, held, others };
}

interface Waiting {
  readonly kept: Ticket;
  readonly held: Ticket;
  readonly others: readonly Ticket[];
}

/** The end of their time. */
async function expiry({ kept, held, others }: Waiting): Promise<void> {
  for (const ticket of [kept, held, ...others]) await ticket.until("expired");
  await kept.look("a ticket that nobody called for");
  await held.look("a ticket of a model that was held");
}

/** Tickets that come to their end by a call, and meanwhile a live call that is not answered. */
async function tickets(teller: Teller, lane: Lane): Promise<void> {
  const { get, compare } = teller;
  const queue = teller.queueAtOnce;
  await lane.rescript([
    { fault: "contextTooLong", vendor: "anthropic" },
    { fault: "stall", vendor: "google" },
    well,
  ]);
  const stalled = compare("a call that is never answered", live(by("google", unlimited)));
  const good = await queue("a ticket", {
    ...by("mock"),
    priority: 3,
    metadata: { pair: 17 },
    language: "en",
  });
  const bad = await queue("a ticket for what the vendor refuses", by("anthropic"));
  const keyed = await queue("a keyed ticket", by("mock"), { "idempotency-key": "three" });
  const swapped = await queue("a ticket in the other order", { ...by("mock"), presentation: "swapped" });
  await good.until("completed");
  await bad.until("failed");
  await keyed.until("completed");
  await swapped.until("completed");
  await good.look("a completed ticket");
  await swapped.look("a completed ticket in the other order");
  await bad.look("a failed ticket");
  await compare("a keyed ticket's request again", queued(by("mock")), { "idempotency-key": "three" });
  await keyed.look("a keyed ticket");
  await get("another tenant's ticket", good.statusUrl, teller.as("two"));
  await get("another tenant's result", good.resultsUrl, teller.as("two"));
  await stalled;
}

/** What an operator does, and what becomes of it for clients. */
async function operating(teller: Teller): Promise<void> {
  const { ask, get, compare } = teller;
  const { headers } = asOperator("ops");
  const order = (verb: string, provider = "mock") =>
    ask(`an operator's ${verb}`, "POST", `/api/v1/operator/providers/${provider}/${verb}`, headers);
  const list = "/api/v1/operator/tickets";
  await get("no operator", list);
  await ask(
    "an operator who may only look",
    "POST",
    "/api/v1/operator/providers/mock/pause",
    asOperator("reader").headers,
  );
  await order("pause", "nobody");
  await order("pause");
  await compare("a live call that is paused", live(by("mock")));
  const kept = await compare("a comparison that is paused", by("mock"));
  const id = String(kept["queue_id"]);
  await get("the status of a ticket that is paused", `/api/v1/status/${id}`);
  await get("all tenants' newest ticket", `${list}?limit=2&provider=mock&status=queued`, headers);
  await order("probe");
  await ask("an operator's cancellation", "DELETE", `${list}/${id}`, headers);
  await get("the result of a ticket that an operator has cancelled", `/api/v1/results/${id}`);
  await order("resume");
  await get("what operators did", "/api/v1/operator/actions?limit=4", headers);
  // Four have ended before.
  await get("the feed behind them", "/api/v1/events?after=MSA0");
  await get("the feed of another tenant", "/api/v1/events", teller.as("two"));
  await get("a cursor of what has not happened", "/api/v1/events?after=MSAxMDA");
  await get("a cursor that is none", "/api/v1/events?after=17");
}

function by(provider: string, model?: string, more: object = {}): object {
  return {
    llm_config_overrides: {
      provider_override: provider,
      ...(model !== undefined && { model_override: model }),
      ...more,
    },
  };
}

const live = (request: object) => ({ ...request, processing_mode: "immediate" });
const queued = (request: object) => ({ ...request, processing_mode: "queue" });
