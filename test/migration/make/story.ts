/**
 * What the old service lives through, the same over each of its stores: three lives, each ended by a kill, after which the store holds a ticket
 * in every state, keys in every state, and gates in trouble.
 */
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Lane } from "../../../tools/fake-upstream/client.ts";
import type { Step, VendorName } from "../../../tools/fake-upstream/script.ts";
import { noncePattern, type Manifest } from "../fixture.ts";
import { startClient, type Client, type Wish } from "./client.ts";
import type { OldStore } from "./stores.ts";

/** Of OpenRouter, which has them all: with an enforced schema, and without one (in JSON's mode, and asked by words alone). */
const schema = "anthropic/claude-sonnet-5.5";
const otherSchema = "openai/gpt-6.1-terra";
const words = "gryphe/mythomax-l2-13b";
const json = "deepseek/deepseek-chat-v3.1";
/** Of Google: one that is held, and one that isn't. */
const heldModel = "gemini-3.8-flash";
const freeModel = "gemini-3.1-pro-preview";

const well: Step = { echo: noncePattern, times: "forever" };
const loneSurrogate = "half a pair: \ud83d";
const emoji = "an owl 🦉 and a family 👩‍👩‍👧";

/** What a ticket is asked with, whatever the settings say later. */
const own = { system: 'Judge as an owl would. "Both" is no answer.', maxTokens: 1_234 };

const tenants = ["maths", "physics"].map((name) => ({ name, key: `lps_fixture-of-${name}` }));

function settingsFor({ baseUrls }: Lane): Record<string, string> {
  const keys = tenants.map(({ name, key }) => `${name}:${createHash("sha256").update(key).digest("hex")}`);
  const vendors = Object.entries(baseUrls).flatMap(([name, url]) => [
    [`${name.toUpperCase()}_API_KEY`, "fake"],
    [`${name.toUpperCase()}_BASE_URL`, url],
  ]);
  return {
    ...(Object.fromEntries(vendors) as Record<string, string>),
    ENVIRONMENT: "test",
    API_KEYS: keys.join(),
    LLM_MAX_RETRIES: "0",
  };
}

/** Nobody is to blame for an outage that all of them meet. */
const everybody: readonly Wish[] = [{}, { model: "gpt-6.1-luna" }].flatMap((wish) => [
  wish,
  { ...wish, tenant: "physics" },
  wish,
  { ...wish, tenant: "physics" },
  wish,
  { ...wish, tenant: "physics" },
]);

/** Longer than any test takes: an open breaker and refused credentials are found as they were left. */
const longSeconds = "600";

/** @param chargesAll the code ends a ticket after four faults in a row or two unreadable answers, as 1df0c65 did */
export async function liveThrough(
  store: OldStore,
  lane: Lane,
  chargesAll: boolean,
): Promise<Omit<Manifest, "commit">> {
  const settings = settingsFor(lane);
  const client = startClient(store.name, tenants);
  const lives: readonly (readonly [settings: Record<string, string>, life: Life])[] = [
    [{ QUEUE_REQUEST_TTL_HOURS: String(6 / 3_600) }, expire],
    [{ CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "1", CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "1" }, end],
    [{ CIRCUIT_BREAKER_RECOVERY_TIMEOUT: longSeconds, CIRCUIT_BREAKER_MAX_OPEN_SECONDS: longSeconds }, wait],
  ];
  // Elsewhere each death is noticed only when a lease is over.
  if (store.name === "sqlite") await crash(store, client, lane, settings);
  for (const [own, life] of lives) {
    const service = await store.start({ ...settings, ...own });
    client.pointAt(service.origin);
    await life(client, lane, chargesAll);
    // Totals are stored every five seconds.
    await pause(6_500);
    await client.lookAt("");
    if (life === wait && store.shutDown !== null) await loseRedis(client, lane, store.shutDown);
    await service.kill();
  }
  const madeAtMs = Date.now();
  return { madeAtMs, settings: { API_KEYS: settings["API_KEYS"] ?? "" }, tenants, ...client.told() };
}

/** A ticket whose process dies three times with it alone in flight. */
async function crash(
  store: OldStore,
  client: Client,
  lane: Lane,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await lane.rescript([{ fault: "stall", times: "forever" }]);
  for (let death = 1; death <= 3; death++) {
    const service = await store.start(settings);
    client.pointAt(service.origin);
    if (death === 1) await client.queue("failed-crashed", { model: words });
    await lane.waitForRequest(death, "judgement");
    await service.kill();
  }
  await lane.clear();
}

type Life = (client: Client, lane: Lane, chargesAll: boolean) => Promise<void>;

/** Tickets whose time ends while their models are held: two that were called for once, and one behind each of them. */
async function expire(client: Client, lane: Lane): Promise<void> {
  await lane.rescript([{ fault: "rateLimited", retryAfter: 20, times: "forever" }]);
  await client.queue("expired-refused-schema", { model: otherSchema });
  await client.queue("expired-refused-json", { model: json });
  await lane.waitForRequest(2, "judgement");
  await client.until("expired-refused-schema", ({ error_type }) => error_type === "RATE_LIMIT");
  await client.queue("expired-fresh-schema", { model: otherSchema });
  await client.queue("expired-fresh-json", { model: json });
  await client.queue("expired-keyed", { model: json, key: "key of what expired" });
  for (const name of ["schema", "json"].flatMap((of) => [`expired-refused-${of}`, `expired-fresh-${of}`])) {
    await client.until(name, ({ status }) => status === "expired");
  }
}

/** Tickets that end, live judgements, and Anthropic's breaker, which opens. */
async function end(client: Client, lane: Lane, chargesAll: boolean): Promise<void> {
  await lane.rescript([well]);
  await client.live("live-maths", { model: schema });
  await client.live("live-physics", { model: words, tenant: "physics" });
  await client.live("live-mock", { provider: "mock" });
  await client.live("answered-key", { model: schema, key: "key of an answer" });
  await client.queue("completed-schema", {
    model: schema,
    priority: 7,
    metadata: { class: "9B", startedAtMs: 1_764_000_000_000 },
  });
  await client.queue("completed-words", { model: words, tenant: "physics" });
  await client.queue("completed-json", {
    model: json,
    temperature: 0.3,
    userId: "user 17",
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  });
  await client.queue("completed-emoji", { provider: "openai", text: emoji, metadata: { note: emoji } });
  await client.queue("completed-lone-surrogate", {
    model: words,
    text: loneSurrogate,
    metadata: { note: loneSurrogate },
  });
  await client.queue("completed-mock", { provider: "mock" });
  await client.queue("completed-google", { provider: "google", model: freeModel });
  await client.queue("completed-keyed", { model: schema, key: "key of a judged ticket" });
  await client.untilAll("completed-", ({ status }) => status === "completed");

  const endings: (readonly [name: string, model: string, steps: readonly Step[]])[] = [
    ["failed-refused-schema", schema, [{ fault: "contextTooLong" }]],
    ["failed-refused-words", words, [{ fault: "contextTooLong" }]],
    ["failed-content-words", words, [{ fault: "refusal" }]],
  ];
  if (chargesAll) {
    // First, so that its faults in a row are over with the next.
    endings.unshift(["failed-attempts-schema", schema, [{ fault: "unavailable", times: 4 }]]);
    endings.push(
      ["failed-unreadable-schema", schema, [{ text: "It is a tie.", times: 2 }]],
      ["failed-unreadable-words", words, [{ text: "It is a tie.", times: 2 }]],
    );
  }
  for (const [name, model, steps] of endings) {
    await lane.rescript([...steps, well]);
    await client.queue(name, { model });
    await client.until(name, ({ status }) => status === "failed");
  }
  await down(client, lane, "anthropic", [{}, {}, {}, {}, {}]);
}

/** Live calls that meet an outage: the fifth fault in a row opens the breaker. Newer code blames who called alone. */
async function down(client: Client, lane: Lane, vendor: VendorName, calls: readonly Wish[]): Promise<void> {
  await lane.rescript([{ fault: "unavailable", vendor, times: "forever" }, well]);
  for (const wish of calls) await client.live(`down-${vendor}`, { ...wish, provider: vendor });
}

/** Tickets that wait, each for something else, and calls that nobody answers. The last that is asked here stays unanswered. */
async function wait(client: Client, lane: Lane, chargesAll: boolean): Promise<void> {
  // Anthropic's breaker is half open; the probe of a live request is under way.
  await lane.clear();
  await lane.rescript([{ fault: "stall", vendor: "anthropic", times: "forever" }, well]);
  client.leave("probing-live", { provider: "anthropic" });
  await lane.waitForRequest(1, "judgement");
  await client.queue("probing-fresh", { provider: "anthropic" });
  await client.queue("probing-fresh-low", { provider: "anthropic", priority: 1, tenant: "physics" });

  await down(client, lane, "openai", chargesAll ? everybody.slice(0, 4) : everybody);
  await client.keep("open-after-failure", { provider: "openai" });
  await client.keep("open-unasked", { provider: "openai" });
  const { system, maxTokens } = own;
  await client.queue("open-fresh", {
    provider: "openai",
    priority: 10,
    system,
    maxTokens,
    effort: "low",
    userId: "user 17",
  });
  await client.queue("open-emoji", {
    provider: "openai",
    text: emoji,
    metadata: { note: emoji },
    tenant: "physics",
  });
  await client.queue("open-lone-surrogate", { provider: "openai", text: loneSurrogate });
  await client.queue("open-odd-model", { provider: "openai", model: "gpt-ä-🦉" });
  await client.queue("open-keyed", { provider: "openai", key: "key of a waiting ticket" });

  await lane.rescript([{ fault: "rateLimited", retryAfter: 600, forModel: heldModel }, well]);
  await client.queue("held-refused", { provider: "google", model: heldModel });
  await client.until("held-refused", ({ error_type }) => error_type === "RATE_LIMIT");
  await client.queue("held-fresh", { provider: "google", model: heldModel });
  await client.queue("held-physics", { provider: "google", model: heldModel, tenant: "physics" });

  await lane.rescript([{ fault: "unavailable", vendor: "openrouter", retryAfter: 600, times: 2 }, well]);
  await client.queue("backoff-schema", { model: schema });
  await client.queue("backoff-words", { model: words, text: loneSurrogate });
  await client.untilAll("backoff-", ({ retry_count: count }) => count === 1);

  // All four are under way before the refusals come. Workers' local queue is busy with the stalled ones from here on.
  await lane.clear();
  await lane.rescript([
    { fault: "stall", forModel: schema, times: "forever" },
    { fault: "stall", forModel: words, times: "forever" },
    { fault: "stall", forModel: freeModel, times: "forever" },
    { fault: "credentialsRefused", forModel: otherSchema, delayMs: 1_500, times: "forever" },
    { fault: "credentialsRefused", forModel: json, delayMs: 1_500, times: "forever" },
    well,
  ]);
  await client.queue("processing-schema", { model: schema });
  await client.queue("processing-words", { model: words });
  await client.queue("refused-schema", { model: otherSchema });
  await client.queue("refused-json", { model: json });
  await lane.waitForRequest(4, "judgement");
  await client.untilAll("refused-", ({ error_type }) => error_type === "INVALID_API_KEY");
  await client.queue("fresh-schema", { model: otherSchema });
  await client.queue("fresh-words", { model: words, text: emoji, tenant: "physics" });
  // Judged at once on Node. On Workers its gate has sent it, and its message is lost with the process.
  await client.queue("sent-mock", { provider: "mock" });
  client.leave("open-key", { provider: "google", model: freeModel, key: "key of an open request" });
  await lane.waitForRequest(5, "judgement");
}

/** Redis goes away: the outcome of a call for a ticket in it, and new tickets, are in the file of the process alone. */
async function loseRedis(client: Client, lane: Lane, shutDown: () => Promise<void>): Promise<void> {
  const slowModel = "gemini-3.7-flash";
  await lane.clear();
  await lane.rescript([
    { ...well, forModel: slowModel, delayMs: 3_000 },
    { fault: "unavailable", vendor: "openai", retryAfter: 600, times: "forever" },
    { fault: "stall", vendor: "openrouter", times: "forever" },
  ]);
  await client.queue("spooled-google", { provider: "google", model: slowModel });
  await lane.waitForRequest(1, "judgement");
  await client.lookAt("spooled-");
  await shutDown();
  await pause(6_000);
  await client.queue("away-completed", { provider: "mock" });
  await client.queue("away-backoff", { provider: "openai", text: loneSurrogate });
  await client.queue("away-processing", { model: words });
  await client.until("away-completed", ({ status }) => status === "completed");
  await client.until("away-backoff", ({ retry_count: count }) => count === 1);
  await client.until("away-processing", ({ status }) => status === "processing");
  await client.lookAt("away-");
}
