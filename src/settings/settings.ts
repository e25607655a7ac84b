/** Every setting by its own name: what it may be and what it is when nobody gives it. What they mean together is in `config.ts`. */
import * as z from "zod";
import { providerNames } from "../domain/judging/comparison.ts";
import { entries, isNone } from "./entries.ts";
import { endpointList, prefixList, secretList, serverList, sinkUrl } from "./push-settings.ts";
import { isTenantName } from "./tenants.ts";

/** Plain digits only: what `Number` would read besides (`1e3`, `0x10`, `Infinity`) is more often a slip than meant. */
const digits = /^\d+$/;
const decimal = /^\d+(\.\d+)?$/;

/** Where vendors' own APIs are. */
export const publicBaseUrls = {
  anthropic: "https://api.anthropic.com",
  openai: "https://api.openai.com/v1",
  google: "https://generativelanguage.googleapis.com",
  openrouter: "https://openrouter.ai/api/v1",
} as const;

/** In the order in which mistakes are reported. Each may be absent; a message says what is allowed, and nothing of what was found. */
export const settings = z.object({
  ENVIRONMENT: oneOf(["development", "test", "production"]).default("development"),
  HOST: text(/^[\w.:%-]{1,255}$/, "a host name or an address, without brackets or port").default("127.0.0.1"),
  // 0: the system chooses a free one.
  PORT: whole(0, 65_535).default(8080),
  DATA_DIR: text(/^[^\0]{1,1000}$/, "a directory's path of 1 to 1000 characters").default("./data"),
  REDIS_URL: redisUrl().optional(),
  UPSTASH_REDIS_REST_URL: baseUrl().optional(),
  UPSTASH_REDIS_REST_TOKEN: headerKey().optional(),
  API_KEYS: keyList().optional(),
  OPERATOR_KEYS: operatorList().optional(),
  TENANT_WEIGHTS: weightList().optional(),
  STOP_DELAY_SECONDS: number(0, 600).default(0),
  LOG_LEVEL: oneOf(["debug", "info", "warn", "error"]).default("info"),
  OTEL_EXPORTER_OTLP_ENDPOINT: baseUrl().optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headerList().optional(),
  OTEL_TRACES_SAMPLER_ARG: number(0, 1).default(0.1),
  OTEL_SERVICE_NAME: text(/^[\x20-\x7e]{1,255}$/, "1 to 255 printable ASCII characters").default(
    "llm-provider-service",
  ),
  SERVER_TIMING: flag().default(false),

  DEFAULT_LLM_PROVIDER: oneOf(providerNames).optional(),
  ANTHROPIC_API_KEY: headerKey().optional(),
  ANTHROPIC_ENABLED: flag().default(true),
  ANTHROPIC_DEFAULT_MODEL: modelId().optional(),
  ANTHROPIC_BASE_URL: baseUrl().default(publicBaseUrls.anthropic),
  ANTHROPIC_LIVE_CONCURRENCY: liveCalls(),
  OPENAI_API_KEY: headerKey().optional(),
  OPENAI_ENABLED: flag().default(true),
  OPENAI_DEFAULT_MODEL: modelId().optional(),
  OPENAI_BASE_URL: baseUrl().default(publicBaseUrls.openai),
  OPENAI_LIVE_CONCURRENCY: liveCalls(),
  GOOGLE_API_KEY: headerKey().optional(),
  GOOGLE_ENABLED: flag().default(true),
  GOOGLE_DEFAULT_MODEL: modelId().optional(),
  GOOGLE_BASE_URL: baseUrl().default(publicBaseUrls.google),
  GOOGLE_LIVE_CONCURRENCY: liveCalls(),
  OPENROUTER_API_KEY: headerKey().optional(),
  OPENROUTER_ENABLED: flag().default(true),
  OPENROUTER_DEFAULT_MODEL: modelId().optional(),
  OPENROUTER_BASE_URL: baseUrl().default(publicBaseUrls.openrouter),
  OPENROUTER_LIVE_CONCURRENCY: liveCalls(),

  MOCK_ENABLED: flag().optional(),
  MOCK_LATENCY_MS: whole(0, 600_000).default(0),
  MOCK_LATENCY_JITTER_MS: whole(0, 600_000).default(0),
  MOCK_ERROR_RATE: number(0, 1).default(0),
  MOCK_ERROR_CODES: statusList().default([503]),
  MOCK_SEED: whole(0, 4_294_967_295).default(42),
  MOCK_JUDGE: oneOf(["coin", "quality"]).default("coin"),
  MOCK_ORDER_EFFECT: logits(),
  MOCK_LENGTH_EFFECT: logits(),
  MOCK_LIVE_CONCURRENCY: liveCalls(),

  // 14 minutes: a consumer of Cloudflare Queues is stopped after 15. 50 s: clients and proxies commonly give up after 60.
  LLM_REQUEST_TIMEOUT_SECONDS: number(0.01, 840).default(50),
  LLM_MAX_RETRIES: whole(0, 10).default(2),
  LLM_DEFAULT_MAX_TOKENS: whole(1, 1_000_000).default(4096),

  CIRCUIT_BREAKER_FAILURE_THRESHOLD: whole(1, 1_000).default(5),
  // 15 minutes: where the doubled waits for refused credentials, which start with this one, end too.
  CIRCUIT_BREAKER_RECOVERY_TIMEOUT: number(0.01, 900).default(10),
  CIRCUIT_BREAKER_SUCCESS_THRESHOLD: whole(1, 100).default(2),
  CIRCUIT_BREAKER_MAX_OPEN_SECONDS: number(0.01, 3_600).default(60),

  QUEUE_MAX_SIZE: whole(1, 1_000_000).default(1_000),
  QUEUE_MAX_MEMORY_MB: number(0.01, 100_000).default(100),
  QUEUE_HIGH_WATERMARK: share().default(0.8),
  QUEUE_LOW_WATERMARK: share().default(0.6),
  // 20 days: a timer holds at most 2^31 - 1 ms, which is not quite 25.
  QUEUE_REQUEST_TTL_HOURS: number(0.0001, 480).default(4),
  QUEUE_POLL_INTERVAL_SECONDS: number(0.01, 60).default(1),
  QUEUE_MAX_RETRIES: whole(0, 100).default(3),
  QUEUE_CONCURRENCY: whole(1, 1_000).default(8),
  RESULT_RETENTION_HOURS: number(0.0001, 480).default(24),

  WEBHOOK_URLS: endpointList().optional(),
  WEBHOOK_SECRETS: secretList().optional(),
  WEBHOOK_CALLBACK_PREFIXES: prefixList().optional(),
  WEBHOOK_INCLUDE_RESULT: flag().default(false),
  WEBHOOK_ALLOW_PRIVATE: flag().default(false),
  WEBHOOK_MAX_PENDING: whole(1, 10_000_000).default(100_000),

  KAFKA_BOOTSTRAP_SERVERS: serverList().optional(),
  KAFKA_TOPIC: text(
    /^(?!\.{1,2}$)[\w.-]{1,249}$/,
    "a topic's name: 1 to 249 letters, digits and . _ -",
  ).default("llm-provider-service.tickets"),
  KAFKA_USERNAME: credential().optional(),
  KAFKA_PASSWORD: credential().optional(),
  KAFKA_SASL_MECHANISM: oneOf(["scram-sha-512", "scram-sha-256", "plain"]).default("scram-sha-512"),
  KAFKA_TLS: flag().default(false),
  EVENTS_URL: sinkUrl().optional(),
  EVENTS_TOKEN: headerKey().optional(),

  MAX_BODY_BYTES: whole(1, 16_777_216, ", on Cloudflare to 1572864").default(1_572_864),
  RECORD_LLM_RESPONSES: flag().default(false),
  SENTRY_DSN: sentryDsn().optional(),
  GIT_COMMIT: text(/^[\w.+/-]{1,64}$/, "1 to 64 letters, digits and . _ + / -").optional(),
});

export type Settings = z.output<typeof settings>;
export type SettingName = keyof Settings;

/** Variables of Workers hold 5 KB each: these lists go on in `NAME_1` to `NAME_9`, as if it were all one. */
const continued: readonly SettingName[] = ["WEBHOOK_URLS", "WEBHOOK_SECRETS", "WEBHOOK_CALLBACK_PREFIXES"];

/** The variables that a setting is read from, in their order. */
export function variablesOf(name: string): readonly string[] {
  const isContinued = continued.some((other) => other === name);
  return isContinued ? [name, ...Array.from({ length: 9 }, (_, at) => `${name}_${at + 1}`)] : [name];
}

function oneOf<const Value extends string>(values: readonly Value[]) {
  return z.enum(values, `one of ${values.join(", ")}`);
}

function text(pattern: RegExp, allowed: string) {
  return z.string(allowed).regex(pattern, allowed);
}

function flag() {
  return text(/^(true|false|1|0)$/i, "true, false, 1 or 0").transform((found) => /^(true|1)$/i.test(found));
}

function whole(from: number, to: number, more = "") {
  return numeric(
    digits,
    (value) => value >= from && value <= to,
    `a whole number from ${from} to ${to}${more}`,
  );
}

function number(from: number, to: number) {
  return numeric(decimal, (value) => value >= from && value <= to, `a number from ${from} to ${to}`);
}

function logits() {
  return numeric(/^-?\d+(\.\d+)?$/, (value) => Math.abs(value) <= 10, "a number from -10 to 10").default(0);
}

function liveCalls() {
  return whole(1, 100_000).default(256);
}

function share() {
  return numeric(decimal, (value) => value > 0 && value <= 1, "a number above 0 and at most 1");
}

function numeric(pattern: RegExp, isAllowed: (value: number) => boolean, allowed: string) {
  return z
    .string(allowed)
    .refine((found) => pattern.test(found) && isAllowed(Number(found)), allowed)
    .transform(Number);
}

function statusList() {
  return text(/^[45]\d\d(\s*,\s*[45]\d\d)*$/, "HTTP statuses from 400 to 599, separated by commas").transform(
    (found) => found.split(",").map(Number),
  );
}

/** It becomes a header, which can hold nothing else. */
function headerKey() {
  return text(/^[\x21-\x7e]{1,1000}$/, "1 to 1000 printable ASCII characters without blanks");
}

/** Of Kafka. Without letters that clients and brokers prepare differently (SASLprep). */
function credential() {
  return text(/^[\x20-\x7e]{1,255}$/, "1 to 255 printable ASCII characters");
}

function modelId() {
  return text(/^[\x21-\x7e]{1,200}$/, "a model's id: 1 to 200 printable ASCII characters without blanks");
}

function baseUrl() {
  const allowed = "an http:// or https:// URL without credentials, query or fragment";
  return text(/^https?:\/\/[^\s@?#]+$/i, allowed)
    .refine((found) => URL.canParse(found), allowed)
    .transform((found) => new URL(found).href.replace(/\/+$/, ""));
}

function redisUrl() {
  const allowed = "a redis:// or rediss:// URL: redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]";
  return text(/^rediss?:\/\/[^\s?#]+$/i, allowed).refine(isRedisUrl, allowed);
}

/** As its client reads it: what is escaped in the credentials must be unescaped, and a path is the number of a database. */
function isRedisUrl(found: string): boolean {
  const url = URL.parse(found);
  if (url === null || url.hostname === "" || !/^(\/\d{0,5})?$/.test(url.pathname)) return false;
  return [url.username, url.password].every((part) => unescaped(part) !== null);
}

/** @returns `null`: it isn't escaped as URLs are */
function unescaped(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

function sentryDsn() {
  const allowed = "a DSN as Sentry shows it: https://PUBLIC_KEY@HOST/PROJECT";
  return text(/^https?:\/\/[^\s@/]+@[^\s@/]+\/\S+$/i, allowed).refine(
    (found) => URL.canParse(found),
    allowed,
  );
}

/** Who may ask. The hash is in lower-case hex; one tenant may have several keys, and a key belongs to one tenant. */
export interface TenantKey {
  readonly tenant: string;
  readonly sha256: string;
}

function keyList() {
  const allowed = 'entries "tenant:sha256-hex-of-key" separated by commas (npm run key -- NAME makes one)';
  return entries<string, readonly TenantKey[]>(
    allowed,
    (entry, tenants) => {
      const [tenant = "", hash = "", ...rest] = entry.split(":");
      const sha256 = hash.toLowerCase();
      if (!isTenantName(tenant) || !/^[0-9a-f]{64}$/.test(sha256) || rest.length > 0) return isNone(allowed);
      if ((tenants.get(sha256) ?? tenant) !== tenant)
        return ["each key for one tenant only", "repeats another tenant's key"];
      tenants.set(sha256, tenant);
      return null;
    },
    (tenants) => [...tenants].map(([sha256, tenant]) => ({ tenant, sha256 })),
  );
}

/** Who runs the service, and may look at all of it. `mayAct`: and change something. */
export interface OperatorKey {
  readonly name: string;
  /** In lower-case hex. */
  readonly sha256: string;
  readonly mayAct: boolean;
}

function operatorList() {
  const allowed =
    'entries "name:sha256-hex-of-key" separated by commas, with "!read" behind who may only look (npm run key -- NAME makes one)';
  return entries<OperatorKey, readonly OperatorKey[]>(
    allowed,
    (entry, operators) => {
      const [, name = "", hash = "", onlyReads] =
        /^([A-Za-z0-9._-]{1,64}):([0-9a-f]{64})(!read)?$/i.exec(entry) ?? [];
      const sha256 = hash.toLowerCase();
      if (name === "") return isNone(allowed);
      if (operators.has(sha256)) return [allowed, "repeats a key"];
      operators.set(sha256, { name, sha256, mayAct: onlyReads === undefined });
      return null;
    },
    (operators) => [...operators.values()],
  );
}

/** As OpenTelemetry has them: values are escaped as in URLs. */
function headerList() {
  const allowed = 'headers "name=value" separated by commas, values escaped as in URLs (a blank is %20)';
  return entries<string, Readonly<Record<string, string>>>(
    allowed,
    (entry, headers) => {
      const [, name, escaped = ""] = /^([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*)$/.exec(entry) ?? [];
      const value = unescaped(escaped);
      if (name === undefined || value === null || !/^[\x20-\x7e]*$/.test(value)) return isNone(allowed);
      headers.set(name, value);
      return null;
    },
    Object.fromEntries,
  );
}

/** By tenant. */
function weightList() {
  const allowed = 'entries "tenant:weight" separated by commas, a weight being a number from 0.01 to 100';
  return entries<number, Readonly<Record<string, number>>>(
    allowed,
    (entry, weights) => {
      const [tenant = "", weight = "", ...rest] = entry.split(":").map((part) => part.trim());
      const isWeight = decimal.test(weight) && Number(weight) >= 0.01 && Number(weight) <= 100;
      if (!isTenantName(tenant) || !isWeight || rest.length > 0) return isNone(allowed);
      if (weights.has(tenant)) return ["one entry for each tenant", "repeats one"];
      weights.set(tenant, Number(weight));
      return null;
    },
    Object.fromEntries,
  );
}
