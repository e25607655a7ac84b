/** Whose refusal it is: each vendor's words, and what they mean. Sources of the words: the tables in `src/providers/refusals/`. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Failure } from "../../src/domain/failure.ts";
import { readJudgement } from "../../src/domain/judging/judgement.ts";
import { err } from "../../src/domain/result.ts";
import { anthropicRefusals } from "../../src/providers/refusals/anthropic.ts";
import { googleRefusals, googleWaits } from "../../src/providers/refusals/google.ts";
import { openaiRefusals } from "../../src/providers/refusals/openai.ts";
import { openrouterRefusals } from "../../src/providers/refusals/openrouter.ts";
import { type Refusals, beginsWith, failureIn } from "../../src/providers/refusals/refusal.ts";
import { nowMs, question, type Recorded, replyTo } from "./fixtures/canned.ts";
import { type VendorName, vendorNames, vendors } from "./fixtures/vendors.ts";
import { anyCharacter } from "../support/any-character.ts";

const tables: Readonly<Record<VendorName, Refusals>> = {
  openai: openaiRefusals,
  anthropic: anthropicRefusals,
  google: googleRefusals,
  openrouter: openrouterRefusals,
};

/** The vendors' shapes. */
const openai = (error: object) => ({
  error: { message: "No.", type: "invalid_request_error", param: null, code: null, ...error },
});
const anthropic = (message: string, code?: string, type = "invalid_request_error") => ({
  type: "error",
  error: { type, message, ...(code === undefined ? {} : { details: { error_code: code } }) },
  request_id: "req_1",
});
const google = (status: number, word: string, message: string, details: object[] = []) => ({
  error: { code: status, message, status: word, details },
});
const reason = (word: string) => [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: word }];
const openrouter = (code: number, message: string, metadata: object = {}, rest: object = {}) => ({
  error: { code, message, metadata, ...rest },
});

const account = (status: number): Failure => ({ reason: "credentials_refused", status });
const model = (status: number): Failure => ({ reason: "credentials_refused", status, scope: "model" });
const quota = (status: number, retryAfterMs?: number): Failure => ({
  reason: "quota_exhausted",
  status,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});
const pace = (retryAfterMs: number | null = null): Failure => ({ reason: "rate_limited", retryAfterMs });
const passing = (status: number, retryAfterMs: number | null = null): Failure => ({
  reason: "unavailable",
  status,
  retryAfterMs,
});
const content = (kind: string): Failure => ({ reason: "content_refused", kind, inError: true });
/** The vendor's words are the request's own. */
const request = (status: number): object => ({ reason: "request_refused", status });

const spendLimit = "You have reached your specified API usage limits. You will regain access on ";
const cap =
  "Your project has exceeded its monthly spending cap. Please go to AI Studio at https://ai.studio/spend";
const dearer =
  "This request requires more credits, or fewer max_tokens. You requested up to 128000 tokens, but can only afford 9000. To increase, visit https://openrouter.ai/settings/credits";
const tooMany =
  "Request too large for gpt-6.1-terra in organization org-1 on tokens per min (TPM): Limit 30000, Requested 36278. The input or output tokens must be reduced in order to run successfully.";
const hoursAwayMs = 7 * 3_600_000;

type Row = readonly [
  name: string,
  vendor: VendorName,
  status: number,
  body: unknown,
  expected: object,
  headers?: Readonly<Record<string, string>>,
];

const rows: readonly Row[] = [
  // A2: Google's money, in a 429.
  ["a spending cap", "google", 429, google(429, "RESOURCE_EXHAUSTED", cap), quota(429)],
  [
    "a billing account's cap",
    "google",
    429,
    google(429, "RESOURCE_EXHAUSTED", "Your billing account has exceeded its monthly spending cap."),
    quota(429),
  ],
  [
    "prepaid credit gone",
    "google",
    429,
    google(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. Please go to AI Studio"),
    quota(429),
  ],
  ["prepaid credit gone, a 402", "google", 402, google(402, "RESOURCE_EXHAUSTED", "No."), quota(402)],
  [
    "a spending cap in a list",
    "google",
    429,
    [google(429, "RESOURCE_EXHAUSTED", cap.replaceAll(" ", "\n  "))],
    quota(429),
  ],
  [
    "a minute's limit",
    "google",
    429,
    google(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    pace(),
  ],

  // A3: OpenRouter's free models of the day.
  [
    "a day's limit, its end in header and body",
    "openrouter",
    429,
    openrouter(429, "Rate limit exceeded: free-models-per-day.", {
      headers: { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": String(nowMs + hoursAwayMs) },
    }),
    pace(900_000),
    { "x-ratelimit-reset": String(nowMs + hoursAwayMs) },
  ],
  [
    "a minute's limit, its end in the body alone",
    "openrouter",
    429,
    openrouter(429, "Rate limit exceeded: free-models-per-min.", {
      headers: { "X-RateLimit-Reset": String(nowMs + 40_000) },
    }),
    pace(40_000),
  ],
  [
    "a minute's limit, its end in the header alone",
    "openrouter",
    429,
    openrouter(429, "Rate limit exceeded: free-models-per-min."),
    pace(40_000),
    { "x-ratelimit-reset": String(nowMs + 40_000) },
  ],
  [
    "a day's limit by its source",
    "openrouter",
    429,
    openrouter(429, "No.", { limit_source: "openrouter_free_tier_daily" }),
    pace(),
  ],
  [
    "a day's limit, beside a word that is final under another status",
    "openrouter",
    429,
    openrouter(
      429,
      "Rate limit exceeded: free-models-per-day.",
      {},
      { availability: { code: "constraint_filtered" } },
    ),
    pace(),
  ],
  [
    "another company's limit",
    "openrouter",
    429,
    openrouter(429, "Provider returned error", {
      raw: "",
      provider_name: "BaseTen",
      limit_source: "upstream_provider_shared_pool",
    }),
    pace(),
  ],

  // A4: Anthropic's money, in a 400 without a code.
  [
    "credit gone",
    "anthropic",
    400,
    anthropic("Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing"),
    quota(400),
  ],
  [
    "a spend limit, until a day",
    "anthropic",
    400,
    anthropic(`${spendLimit}2026-12-01 at 00:00 UTC.`),
    quota(400, 8.5 * 86_400_000),
  ],
  [
    "a workspace's spend limit",
    "anthropic",
    400,
    anthropic("You have reached your specified workspace API usage limits."),
    quota(400),
  ],
  [
    "a spend limit whose day is past",
    "anthropic",
    400,
    anthropic(`${spendLimit}2026-11-01 at 00:00 UTC.`),
    quota(400),
  ],
  [
    "a tier's spend limit",
    "anthropic",
    429,
    anthropic("No.", "enforced_spend_limit_reached", "rate_limit_error"),
    quota(429),
  ],
  [
    "a billing error under another status",
    "anthropic",
    403,
    anthropic("No.", undefined, "billing_error"),
    quota(403),
  ],

  // A5: codes of a 400 that are the account's.
  ["an organisation on hold", "anthropic", 400, anthropic("No.", "organization_on_hold"), account(400)],
  ["a key that is disabled", "anthropic", 400, anthropic("No.", "cmek_key_disabled"), account(400)],
  [
    "a key store that is blocked",
    "anthropic",
    400,
    anthropic("No.", "cmek_key_network_blocked"),
    account(400),
  ],
  ["a key store that is away", "anthropic", 400, anthropic("No.", "cmek_key_unreachable"), passing(400)],
  [
    "settings that can't be read",
    "anthropic",
    403,
    anthropic("No.", "cmek_context_unavailable"),
    passing(403),
  ],
  [
    "a closed organisation",
    "anthropic",
    400,
    anthropic("This organization has been disabled."),
    account(400),
  ],
  ["a plain 400", "anthropic", 400, anthropic("max_tokens: Field required"), request(400)],

  // A6: the place that we call from.
  [
    "a place that is not served",
    "google",
    400,
    google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
    account(400),
  ],
  [
    "a place without a free tier",
    "google",
    400,
    google(400, "FAILED_PRECONDITION", "Gemini API free tier is not available in your country."),
    account(400),
  ],
  [
    "a place, without the word for it",
    "google",
    400,
    google(400, "INVALID_ARGUMENT", "User location is not supported for the API use."),
    account(400),
  ],
  [
    "a project's state, in no known words",
    "google",
    400,
    google(400, "FAILED_PRECONDITION", "Precondition check failed."),
    account(400),
  ],
  [
    "a country that is not served",
    "openai",
    403,
    openai({ code: "unsupported_country_region_territory", type: "request_forbidden" }),
    account(403),
  ],
  [
    "a bad key, which is a 400",
    "google",
    400,
    google(400, "INVALID_ARGUMENT", "No.", reason("API_KEY_INVALID")),
    account(400),
  ],
  [
    "a bad key, in words",
    "google",
    400,
    google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    account(400),
  ],
  [
    "a suspended consumer",
    "google",
    403,
    google(403, "PERMISSION_DENIED", "No.", reason("CONSUMER_SUSPENDED")),
    account(403),
  ],
  [
    "billing that is off",
    "google",
    403,
    google(403, "PERMISSION_DENIED", "No.", reason("BILLING_DISABLED")),
    quota(403),
  ],

  // A7: what passes by itself under a status that does not.
  ["a cancelled call", "google", 499, google(499, "CANCELLED", "The operation was cancelled."), passing(499)],
  ["a cancelled call under another status", "google", 400, google(400, "CANCELLED", "No."), passing(400)],
  ["a compiler's time limit", "anthropic", 400, anthropic("Grammar compilation timed out."), passing(400)],
  ["a misdirected request", "openai", 421, openai({}), passing(421)],
  ["a conflict", "openai", 409, openai({}), passing(409)],
  ["too early", "openai", 425, openai({}), passing(425)],
  ["a closed request", "openai", 499, openai({}), passing(499)],

  // A8b: a company that says nothing.
  ...[400, 404, 422].map((status): Row => [
    `a company's ${status} without a word`,
    "openrouter",
    status,
    openrouter(status, "Provider returned error", { raw: "", provider_name: "OpenAI" }),
    passing(status),
  ]),
  [
    "a company's 429 without a word",
    "openrouter",
    429,
    openrouter(429, "Provider returned error", { raw: "" }),
    pace(),
  ],
  [
    "a company's 402 without a word",
    "openrouter",
    402,
    openrouter(402, "Provider returned error", { raw: "" }),
    quota(402),
  ],
  [
    "a company's 400 with words",
    "openrouter",
    400,
    openrouter(400, "Provider returned error", { raw: '{"error":"bad"}', provider_name: "OpenAI" }),
    request(400),
  ],

  // B1: a model that our project has not got.
  ...[400, 403, 404].map((status): Row => [
    `a model that is not ours, by a ${status}`,
    "openai",
    status,
    openai({ message: "Project `proj_1` does not have access to model `gpt-6`", code: "model_not_found" }),
    request(status),
  ]),
  [
    "an unknown deployment",
    "openai",
    404,
    { error: { code: "DeploymentNotFound", message: "No." } },
    request(404),
  ],
  ["an unknown model", "google", 404, google(404, "NOT_FOUND", "models/x is not found"), request(404)],
  ["an unknown model", "anthropic", 404, anthropic("model: x", undefined, "not_found_error"), request(404)],
  ["a plain 403", "openai", 403, openai({}), account(403)],

  // B2: another company's refusal is the model's.
  [
    "terms of service",
    "openrouter",
    403,
    openrouter(403, "The request is prohibited due to a violation of provider Terms Of Service.", {
      provider_name: null,
    }),
    model(403),
  ],
  ["a region", "openrouter", 403, openrouter(403, "This model is not available in your region."), model(403)],
  [
    "a region, beside a type that is broader",
    "openrouter",
    403,
    openrouter(403, "This model is not available in your region.", { error_type: "permission_denied" }),
    model(403),
  ],
  [
    "a company's 401",
    "openrouter",
    401,
    openrouter(401, "Provider returned error", { provider_name: "Azure", raw: "Unauthorized" }),
    model(401),
  ],
  [
    "a company's 403 without a word",
    "openrouter",
    403,
    openrouter(403, "Provider returned error", { provider_name: "OpenAI", raw: "" }),
    model(403),
  ],
  [
    "a company's 403 inside a 200",
    "openrouter",
    200,
    openrouter(403, "Provider returned error", { provider_name: "OpenAI", raw: "no" }),
    model(403),
  ],
  ["our own key's 401", "openrouter", 401, openrouter(401, "User not found."), account(401)],

  // B3: OpenRouter's three kinds of limit.
  [
    "more tokens than the credit pays for",
    "openrouter",
    402,
    openrouter(402, dearer, { provider_name: null }),
    { ...request(402), vendorSays: dearer, unlessServed: quota(402) },
  ],
  [
    "more tokens than the credit pays for, by its source",
    "openrouter",
    402,
    openrouter(402, dearer, { limit_source: "openrouter_credits" }),
    { ...request(402), unlessServed: quota(402) },
  ],
  [
    "one call dearer than the budget",
    "openrouter",
    402,
    openrouter(402, "No.", { limit_source: "openrouter_credits", reason: "weight_exceeds_budget" }),
    request(402),
  ],
  [
    "calls in flight",
    "openrouter",
    402,
    openrouter(402, "No.", { limit_source: "openrouter_in_flight_budget" }),
    pace(3_000),
    { "retry-after": "3" },
  ],
  ...[
    "openrouter_workspace_budget",
    "openrouter_guardrail_budget",
    "guardrail_budget",
    "key_limit",
    "openrouter_key_limit",
  ].map((limit_source): Row => [
    `${limit_source}, until its end`,
    "openrouter",
    403,
    openrouter(403, "No.", { limit_source, limit_usd: 5, spend_usd: 5, resets_at: "2026-12-01T00:00:00Z" }),
    quota(403, 8.5 * 86_400_000),
  ]),
  [
    "a budget without an end",
    "openrouter",
    403,
    openrouter(403, "No.", { limit_source: "key_limit", resets_at: null }),
    quota(403),
  ],
  [
    "a key's limit, in words",
    "openrouter",
    403,
    openrouter(403, "Key limit exceeded (total limit). Manage it"),
    quota(403),
  ],
  ["credit gone", "openrouter", 402, openrouter(402, "Insufficient credits. Add more"), quota(402)],

  // B4: more than a minute's limit in one request.
  [
    "more tokens than a minute has",
    "openai",
    429,
    openai({ message: tooMany, type: "tokens", code: "rate_limit_exceeded" }),
    { ...request(429), vendorSays: tooMany, unlessServed: pace() },
  ],
  [
    "a minute's limit",
    "openai",
    429,
    openai({ message: "Rate limit reached for gpt-6.1-terra", type: "tokens", code: "rate_limit_exceeded" }),
    pace(432_000),
    { "x-ratelimit-reset-requests": "7m12s" },
  ],
  ["too quick a start", "openai", 503, openai({ code: "slow_down" }), pace()],
  ["a closed account, in a 429", "openai", 429, openai({ type: "access_terminated" }), account(429)],
  [
    "a closed account, in words",
    "openai",
    429,
    openai({ type: "x", message: "Your access was terminated due to violation of our policies" }),
    account(429),
  ],
  [
    "a spent account, in words",
    "openai",
    429,
    openai({ message: "You exceeded your current quota, please check your plan" }),
    quota(429),
  ],
  [
    "a sentence that stands somewhere else",
    "openai",
    403,
    { statusCode: 403, message: "You exceeded your current quota, please check your plan" },
    account(403),
  ],
  [
    "a sentence in the error's place",
    "anthropic",
    400,
    { error: "Your credit balance is too low" },
    request(400),
  ],
  [
    "a prompt that does not fit llama.cpp",
    "openai",
    400,
    openai({ type: "exceed_context_size_error" }),
    request(400),
  ],

  // C5: content policy, by whatever status.
  [
    "filtered output",
    "anthropic",
    400,
    anthropic("Output blocked by content filtering policy"),
    content("content_policy"),
  ],
  [
    "a policy",
    "openai",
    400,
    openai({ code: "content_policy_violation" }),
    content("content_policy_violation"),
  ],
  [
    "Azure's filter",
    "openai",
    400,
    openai({ code: "content_filter", type: null }),
    content("content_filter"),
  ],
  ["a policy by a 403", "openai", 403, openai({ code: "bio_policy" }), content("bio_policy")],
  [
    "moderation",
    "openrouter",
    403,
    openrouter(403, "No.", { reasons: ["violence"], flagged_input: "…", provider_name: "OpenAI" }),
    content("moderation"),
  ],
  [
    "a policy by its type",
    "openrouter",
    400,
    openrouter(400, "No.", { error_type: "content_policy_violation" }),
    content("content_policy_violation"),
  ],
  [
    "a filter in words alone, under a status that waits",
    "anthropic",
    500,
    anthropic("Output blocked by content filtering policy", undefined, "api_error"),
    { ...request(500), unlessServed: passing(500) },
  ],

  // C6: a type counts before its words.
  [
    "a permission, with the word 'flagged'",
    "openrouter",
    403,
    openrouter(403, "Input flagged: insufficient permissions", { error_type: "permission_denied" }),
    account(403),
  ],
  [
    "a permission, in the words of a guardrail",
    "openrouter",
    403,
    openrouter(403, "Request blocked: prompt injection", { error_type: "permission_denied" }),
    account(403),
  ],

  // D3: Google's own sentence.
  [
    "a time in a sentence",
    "google",
    429,
    google(
      429,
      "RESOURCE_EXHAUSTED",
      "You exceeded your current quota, please check your plan.\nPlease retry in 9m12.5s.",
    ),
    pace(552_500),
  ],
  [
    "a time in a sentence, longer than is believed",
    "google",
    429,
    google(
      429,
      "RESOURCE_EXHAUSTED",
      "You exceeded your current quota, please check your plan.\nPlease retry in 49m12.5s.",
    ),
    pace(900_000),
  ],
  [
    "a time in a sentence that somebody else wrote",
    "google",
    429,
    google(429, "RESOURCE_EXHAUSTED", "The essay says: please retry in 9m12.5s."),
    pace(),
  ],

  // D4: errors in a list.
  ["an error in a list", "google", 503, [google(503, "UNAVAILABLE", "Overloaded.")], passing(503)],
  [
    "a bad key in a list",
    "google",
    400,
    [google(400, "INVALID_ARGUMENT", "No.", reason("API_KEY_INVALID"))],
    account(400),
  ],

  // D5: the vendor's own word on retrying.
  [
    "a 400 that is worth retrying",
    "anthropic",
    400,
    anthropic("Busy."),
    passing(400),
    { "x-should-retry": "true" },
  ],
  ["a 403 that is worth retrying", "openai", 403, openai({}), passing(403), { "x-should-retry": "true" }],
  [
    "a code that says better",
    "openai",
    403,
    openai({ code: "model_not_found" }),
    request(403),
    { "x-should-retry": "true" },
  ],
  [
    "a sentence that says better",
    "anthropic",
    400,
    anthropic("Your credit balance is too low"),
    quota(400),
    { "x-should-retry": "true" },
  ],
  [
    "a 500 that is not",
    "openai",
    500,
    openai({}),
    { ...passing(500), notAtOnce: true },
    { "x-should-retry": "false" },
  ],
  [
    "a 429 that is not",
    "openai",
    429,
    openai({}),
    { ...pace(), notAtOnce: true },
    { "x-should-retry": "false" },
  ],
  ["a 400 that is not", "openai", 400, openai({}), request(400), { "x-should-retry": "false" }],
  ["another word", "openai", 400, openai({}), request(400), { "x-should-retry": "maybe" }],

  // What the status alone says.
  ...[500, 501, 502, 503, 504, 520, 524, 529, 599].flatMap((status): Row[] => [
    [`a ${status}`, "openai", status, openai({}), passing(status)],
    [`a ${status}`, "anthropic", status, anthropic("No."), passing(status)],
    [`a ${status}`, "google", status, google(status, "X", "No."), passing(status)],
    [`a ${status}`, "openrouter", status, openrouter(status, "No."), passing(status)],
  ]),
];

const complete = rows.map(
  ([name, vendor, status, body, expected, headers = {}]) =>
    [name, vendor, status, body, expected, headers] as const,
);

it.each(complete)("%s, by %s with a %i", async (_, vendor, status, body, expected, headers) => {
  const { outcome } = await replyTo(vendors[vendor], { status, body, headers });
  expect(outcome).toMatchObject({ ok: false });
  if (outcome.ok) return;
  const { error } = outcome;
  // Every field, but for the vendor's words where a row leaves them out.
  const known =
    "vendorSays" in error && !("vendorSays" in expected) ? { ...error, vendorSays: undefined } : error;
  expect(known).toEqual(expected);
});

describe.each(vendorNames)("the table of %s", (name) => {
  const { codes, types, sentences, statuses } = tables[name];

  it("has sentences as they are looked up, none longer than what is read of a message", () => {
    for (const [beginning] of sentences) {
      expect(beginning).toBe(beginning.toLowerCase().replace(/\s+/g, " ").trim());
      expect(beginning.length).toBeLessThanOrEqual(80);
      expect(beginsWith(beginning.replace("*", "word"), beginning)).toBe(true);
    }
  });

  it("knows every word of it, and what it says counts before any status", () => {
    const complaint = {
      status: 418,
      codes: [],
      type: "",
      message: "",
      vendorSays: "",
      named: null,
      hintMs: null,
      renewedInMs: null,
      shouldRetry: null,
    };
    const reasons = {
      account: "credentials_refused",
      model: "credentials_refused",
      quota: "quota_exhausted",
      pace: "rate_limited",
      passing: "unavailable",
      request: "request_refused",
      content: "content_refused",
      truncated: "truncated",
    };
    for (const [code, means] of codes) {
      expect(failureIn(tables[name], { ...complaint, codes: ["", code] }).reason).toBe(reasons[means]);
    }
    for (const [type, means] of types) {
      expect(failureIn(tables[name], { ...complaint, type }).reason).toBe(reasons[means]);
    }
    for (const [beginning, means] of sentences) {
      const message = beginning.replace("*", "word").toUpperCase();
      expect(failureIn(tables[name], { ...complaint, message }).reason).toBe(reasons[means]);
    }
    for (const status of statuses.values()) expect(status).toBeGreaterThanOrEqual(400);
  });

  it("knows no word of an object's own", () => {
    for (const word of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      expect(codes.get(word) ?? types.get(word) ?? statuses.get(word)).toBeUndefined();
    }
  });
});

describe("a beginning", () => {
  it.each([
    ["Your credit balance is too low.", "your credit balance is too low", true],
    ["  Your \n credit\tbalance is too low to access", "your credit balance is too low", true],
    ["Your credit balance is too lowly", "your credit balance is too low", false],
    ["Your credit balance", "your credit balance is too low", false],
    ["“Your credit balance is too low”", "your credit balance is too low", false],
    ["x Your credit balance is too low", "your credit balance is too low", false],
    ["openai/gpt-6 is not available in your region", "* is not available in your region", true],
    ["is not available in your region", "* is not available in your region", false],
    ["", "* is", false],
    [`${"x".repeat(80)} y`, "* y", false],
  ])("%j begins with %j: %s", (message, beginning, expected) => {
    expect(beginsWith(message, beginning)).toBe(expected);
  });
});

/** Every sentence that is looked for anywhere, as an essay may hold it. */
const wordsOfAll = [
  ...Object.values(tables).flatMap(({ sentences }) =>
    sentences.map(([beginning]) => beginning.replace("*", "it")),
  ),
  ...googleWaits.map((beginning) => `${beginning}: please retry in 10m`),
];

describe("an error that echoes an essay", () => {
  /** Where vendors quote what they were sent, or what another company said of it. */
  const echoes: Readonly<Record<VendorName, (status: number, essay: string) => unknown>> = {
    openai: (_, essay) => ({
      error: {
        message: `Invalid value: '${essay}'`,
        type: "invalid_request_error",
        param: essay,
        code: null,
        innererror: { message: essay },
      },
    }),
    anthropic: (_, essay) => ({
      type: "error",
      error: {
        type: "invalid_request_error",
        message: `messages.0.content: ${essay}`,
        details: { error_code: null, text: essay, message: essay },
      },
      request_id: "req_1",
    }),
    google: (status, essay) => ({
      error: {
        code: status,
        message: `Invalid JSON payload: "${essay}"`,
        status: "INVALID_ARGUMENT",
        details: [
          { "@type": "type.googleapis.com/google.rpc.BadRequest", message: essay, description: essay },
        ],
      },
    }),
    openrouter: (status, essay) => ({
      error: {
        code: status,
        message: `Provider said: ${essay}`,
        metadata: { raw: essay, flagged_input: essay, message: essay, headers: { text: essay } },
      },
      message: essay,
      detail: essay,
    }),
  };

  it.each(vendorNames)(
    "puts each sentence of the tables into an essay that an error of %s echoes: nothing is held",
    async (name) => {
      const held: unknown[] = [];
      for (const words of wordsOfAll) {
        for (const status of [200, 400, 404, 413, 422, 429, 500, 503]) {
          const essay = `In my essay I say: ${words}. ${words}`;
          const { outcome } = await replyTo(vendors[name], { status, body: echoes[name](status, essay) });
          const error = outcome.ok ? null : outcome.error;
          const waits = error !== null && "retryAfterMs" in error && error.retryAfterMs !== null;
          if (
            error === null ||
            waits ||
            ["credentials_refused", "quota_exhausted", "content_refused"].includes(error.reason) ||
            "unlessServed" in error
          ) {
            held.push([words, status, outcome]);
          }
        }
      }
      expect(held).toEqual([]);
    },
  );

  it.each(vendorNames)("keeps %s's status, whatever else it quotes", async (name) => {
    const body = echoes[name](400, "Your credit balance is too low");
    expect((await replyTo(vendors[name], { status: 400, body })).outcome).toMatchObject({
      error: { reason: "request_refused", status: 400 },
    });
  });
});

describe.each(vendorNames)("%s never throws", (name) => {
  const anyText = fc.oneof(
    fc.string({ unit: anyCharacter }),
    fc.constantFrom("\ud83d", "a\udc00b", "../x", "", "%"),
  );

  it("for any model's name, half a surrogate pair included", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (model) => {
        const provider = vendors[name](() => Promise.resolve(err({ fault: "connection", code: "X" })));
        const signal = new AbortController().signal;
        await provider.plan(model, { temperature: null, maxTokens: 1, reasoningEffort: null }, signal);
        const reply = await provider.judge({ ...question, model, system: model, user: model }, signal);
        expect(reply.outcome).toEqual(err({ reason: "connection", code: "X" }));
      }),
    );
  });

  it("for any JSON under the names that are read", async () => {
    const names = [
      "message",
      "code",
      "type",
      "status",
      "details",
      "metadata",
      "availability",
      "reason",
      "raw",
    ];
    const deeper = [
      "error_code",
      "limit_source",
      "headers",
      "resets_at",
      "retryDelay",
      "violations",
      "reasons",
    ];
    const some = (keys: string[], value: fc.Arbitrary<unknown>) =>
      fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 5 });
    const leaf = fc.oneof(fc.jsonValue({ maxDepth: 1 }), some(deeper, fc.jsonValue({ maxDepth: 2 })));
    const error = fc.oneof(some(names, leaf), some(names, fc.array(leaf, { maxLength: 3 })));
    const recorded: fc.Arbitrary<Recorded> = fc.record({
      status: fc.integer({ min: 100, max: 999 }),
      headers: fc.dictionary(fc.constantFrom("retry-after", "retry-after-ms", "x-should-retry"), fc.string()),
      body: fc.oneof(
        error.map((inside) => ({ error: inside })),
        error.map((inside) => [{ error: inside }]),
        error.map((inside) => ({ choices: [{ error: inside }], content: [inside], output: [inside] })),
      ),
    });
    await fc.assert(
      fc.asyncProperty(recorded, async (sent) => {
        expect(typeof (await replyTo(vendors[name], sent)).outcome.ok).toBe("boolean");
      }),
    );
  });

  it("for an answer as deep as its bytes allow", async () => {
    const deep = `${'{"input":'.repeat(50_000)}1${"}".repeat(50_000)}`;
    for (const body of [
      `{"content":[{"type":"tool_use","input":${deep}}],"stop_reason":"tool_use"}`,
      `{"error":${deep}}`,
      `{"output":${"[".repeat(300_000)}${"]".repeat(300_000)}}`,
    ]) {
      // A tool's input becomes text where the runtime can write it: Node 26 can, however deep it is.
      const { outcome } = await replyTo(vendors[name], { body });
      expect(outcome.ok && readJudgement([outcome.value.text], "abcdefgh").ok).toBe(false);
    }
  });
});
