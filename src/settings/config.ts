/** What the service runs with: every setting (`settings.ts`) and what they mean together. Parsed once, at start; nobody else reads the environment. */
import type { ProviderName } from "../domain/judging/comparison.ts";
import { err, ok, type Result } from "../domain/result.ts";
import { rules, type PlatformName } from "./rules.ts";
import { pushRules } from "./push-rules.ts";
import { endpointKey, type NamedUrl, type SecretsByEndpoint } from "./push-settings.ts";
import { settings, variablesOf, type OperatorKey, type Settings, type TenantKey } from "./settings.ts";
import { warningsAbout } from "./warnings.ts";

export interface Config {
  readonly environment: "development" | "test" | "production";
  /** Node: the address and port to listen on; port 0 is any free one. */
  readonly host: string;
  readonly port: number;
  /** Node: where the data lives. Relative to where the process was started. */
  readonly dataDir: string;
  /** Node: the store that several instances share, its password included; `null`: SQLite alone. */
  readonly redisUrl: string | null;
  /** Cloudflare: the secondary store; `null`: none. */
  readonly upstash: { readonly url: string; readonly token: string } | null;
  /** Node: how long requests are still taken when the process was asked to end. */
  readonly stopDelayMs: number;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  /** `loopback`: no keys, so open to callers on this machine and to nobody else. */
  readonly access:
    | { readonly kind: "keys"; readonly keys: readonly TenantKey[] }
    | { readonly kind: "loopback" };
  /** Who may ask for metrics and the operator's routes. `nobody`: there are keys for tenants, and none for operators. */
  readonly operators:
    | { readonly kind: "keys"; readonly keys: readonly OperatorKey[] }
    | { readonly kind: "loopback" }
    | { readonly kind: "nobody" };
  /** What a tenant's share is multiplied by; of those who are not named it is 1. */
  readonly tenantWeights: Readonly<Record<string, number>>;
  /** Live calls of each provider at once, in a process or an isolate. */
  readonly liveConcurrency: Readonly<Record<ProviderName, number>>;
  /** Of comparisons that name none. A warning says so where it is not usable here. */
  readonly defaultProvider: ProviderName;
  readonly providers: Readonly<Record<Vendor, VendorConfig>>;
  readonly mock: {
    readonly enabled: boolean;
    readonly latencyMs: number;
    readonly latencyJitterMs: number;
    /** 0 to 1. */
    readonly errorRate: number;
    /** HTTP statuses, at least one. */
    readonly errorCodes: readonly number[];
    readonly seed: number;
    readonly judge: "coin" | "quality";
    /** In logits, of `quality` alone. */
    readonly orderEffect: number;
    readonly lengthEffect: number;
  };
  readonly llm: {
    readonly requestTimeoutMs: number;
    /** Calls after the first. */
    readonly maxRetries: number;
    readonly defaultMaxTokens: number;
  };
  readonly breaker: {
    readonly failureThreshold: number;
    readonly recoveryMs: number;
    readonly successThreshold: number;
    readonly maxOpenMs: number;
  };
  /** Sizes and concurrency are per provider; the watermarks are shares of `maxSize` and `maxBytes`. */
  readonly queue: {
    readonly maxSize: number;
    readonly maxBytes: number;
    readonly highWatermark: number;
    readonly lowWatermark: number;
    readonly ticketTtlMs: number;
    readonly pollIntervalMs: number;
    /** Attempts after the first. */
    readonly maxRetries: number;
    readonly concurrency: number;
    /** How long an ended ticket stays readable. */
    readonly retentionMs: number;
  };
  /** Who is told of the ends of tickets. */
  readonly webhooks: {
    readonly endpoints: readonly WebhookEndpoint[];
    /** What `callback_url` may begin with. */
    readonly prefixes: readonly WebhookEndpoint[];
    readonly includeResult: boolean;
    /** Node: whether `endpoints` and the bus may have private addresses, and speak http:// to other machines. */
    readonly allowPrivate: boolean;
    /** Deliveries of an endpoint that may wait. */
    readonly maxPending: number;
  };
  /** Where all moves of tickets are told. On Node one of them at most. */
  readonly bus: {
    /** Node. */
    readonly kafka: KafkaConfig | null;
    readonly http: { readonly url: string; readonly token: string | null } | null;
  };
  readonly maxBodyBytes: number;
  readonly recordResponses: boolean;
  readonly sentryDsn: string | null;
  /** Node: where spans are sent; `null`: nowhere, and none are made. */
  readonly tracing: {
    /** Without a slash at its end: the rest of the path is appended. */
    readonly endpoint: string;
    /** Whose values are keys. */
    readonly headers: Readonly<Record<string, string>>;
    /** Of traces, from 0 to 1. */
    readonly ratio: number;
    readonly serviceName: string;
  } | null;
  /** Node: whether judgements say where their time went. */
  readonly serverTiming: boolean;
  /** Of the source that runs here; `null`: nobody has said. */
  readonly commit: string | null;
  /** Sentences for whoever runs the service about what is allowed but hardly meant. No values of secrets in them. */
  readonly warnings: readonly string[];
}

type Vendor = Exclude<ProviderName, "mock">;

interface VendorConfig {
  readonly enabled: boolean;
  readonly apiKey: string | null;
  /** Without a slash at its end: the rest of the path is appended. */
  readonly baseUrl: string;
  /** `null`: the catalogue's. */
  readonly defaultModel: string | null;
}

interface WebhookEndpoint extends NamedUrl {
  /** At least one, new first; all of them sign. With `whsec_` before them. */
  readonly secrets: readonly string[];
}

interface KafkaConfig {
  /** `host:port`, at least one. */
  readonly bootstrapServers: readonly string[];
  readonly topic: string;
  /** `null`, as the password is then: nobody in particular. */
  readonly username: string | null;
  readonly password: string | null;
  readonly mechanism: "scram-sha-512" | "scram-sha-256" | "plain";
  readonly tls: boolean;
}

/** A setting that is wrong. Both texts are fit for a log: `found` says nothing of a secret. */
export interface ConfigMistake {
  readonly name: string;
  readonly found: string;
  readonly allowed: string;
}

/**
 * Reads the settings out of `env`, where other names may be as well (bindings, on Cloudflare). Blanks around a value are dropped, and an
 * empty value is an unset one. Never throws. Reports every mistake there is, not only the first.
 */
export function parseConfig(
  env: Readonly<Record<string, unknown>>,
  platform: PlatformName,
): Result<Config, readonly ConfigMistake[]> {
  const given = givenSettings(env);
  const wrong = new Map(
    settings.safeParse(given).error?.issues.map((issue) => [String(issue.path[0]), issue.message]),
  );
  // Any setting may be absent, so what is left without the wrong ones always parses: the rules between settings are checked on it.
  const rest = settings.parse(Object.fromEntries(Object.entries(given).filter(([name]) => !wrong.has(name))));
  const mistakes = [
    ...[...wrong].map(([name, allowed]) => describeMistake(name, given[name], allowed)),
    ...[...rules, ...pushRules]
      .filter((rule) => ![rule.name, ...rule.together].some((name) => wrong.has(name)))
      .filter((rule) => rule.isBroken(rest, platform))
      .map((rule) => describeMistake(rule.name, given[rule.name], rule.allowed(rest), rest[rule.name])),
  ];
  if (mistakes.length > 0) return err(mistakes);
  const config = buildConfig(rest);
  return ok({ ...config, warnings: warningsAbout(config, env, platform) });
}

/** What must not be in a log, an error or an answer, whoever wrote it there. */
export function secretsOf({
  providers,
  redisUrl,
  upstash,
  tracing,
  webhooks,
  bus,
}: Config): readonly string[] {
  const password = redisUrl === null ? "" : new URL(redisUrl).password;
  const receivers = [...webhooks.endpoints, ...webhooks.prefixes];
  const all = [
    ...Object.values(providers).map(({ apiKey }) => apiKey),
    password,
    decodeURIComponent(password),
    upstash?.token,
    ...keysIn(Object.values(tracing?.headers ?? {})),
    ...receivers.flatMap(({ secrets }) =>
      secrets.flatMap((secret) => [secret, secret.slice("whsec_".length)]),
    ),
    ...[...receivers, ...(bus.http === null ? [] : [bus.http])].flatMap(({ url }) => secretsIn(url)),
    bus.http?.token,
    bus.kafka?.password,
  ];
  return all.filter((secret) => typeof secret === "string").filter((secret) => secret !== "");
}

/** Keys among values of headers: not what goes before a key, nor a name or number of a few characters, which is everywhere. */
function keysIn(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(" ")).filter((part) => part.length >= 8);
}

/** Whoever knows the path and query of a receiver's URL may often write to it: both as a whole, and what looks like a key in them. */
function secretsIn(text: string): readonly string[] {
  const { pathname, search, searchParams } = new URL(text);
  const parts = [...pathname.split("/"), ...search.split(/[?&=]/), ...searchParams.values()];
  const keys = parts.filter((part) => part.length >= 20 || (part.length >= 8 && /\d/.test(part)));
  // A few characters are everywhere, and keep nobody out.
  return [...new Set([pathname + search, ...keys])].filter((secret) => secret.length >= 8);
}

/** One line for each mistake, with its name, what was found and what is allowed. */
export function describeMistakes(mistakes: readonly ConfigMistake[]): string {
  return mistakes
    .map(({ name, found, allowed }) => `${name}: found ${found}; allowed: ${allowed}`)
    .join("\n");
}

/** What was given for our settings: blanks around a value dropped, empty ones left out, other names ignored. */
function givenSettings(env: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.keys(settings.shape)
      .map((name) => [name, givenIn(env, variablesOf(name))] as const)
      .filter(([, value]) => value !== undefined && value !== ""),
  );
}

/** A list that goes on in further variables is put together with blanks. What is not text stays what it is, so that it is reported. */
function givenIn(env: Readonly<Record<string, unknown>>, variables: readonly string[]): unknown {
  const given = variables.map((variable) => env[variable]).filter((value) => value !== undefined);
  const other = given.find((value) => typeof value !== "string");
  return other === undefined && given.length > 0 ? given.join(" ").trim() : other;
}

function describeMistake(name: string, given: unknown, allowed: string, byDefault?: unknown): ConfigMistake {
  if (given === undefined)
    return { name, found: byDefault === undefined ? "nothing" : `the default ${String(byDefault)}`, allowed };
  if (typeof given !== "string")
    return {
      name,
      found: `a value of type ${given === null ? "null" : typeof given}`,
      allowed: `${allowed}, as text`,
    };
  return { name, found: mayHoldSecret(name, given) ? "a value that is not shown" : quote(given), allowed };
}

/**
 * Keys, tokens and DSNs are secrets, and so are the password in Redis' URL, webhooks with all that belongs to them, and who we are at Kafka;
 * another URL may carry one as its credentials or in its query.
 */
function mayHoldSecret(name: string, given: string): boolean {
  if (/(_KEYS?|_TOKEN|_HEADERS|DSN|_SECRETS|_URLS|_PREFIXES|_USERNAME|_PASSWORD)$/.test(name)) return true;
  if (name === "REDIS_URL" || name === "EVENTS_URL") return true;
  return /_(URL|SERVERS)$/.test(name) && /[@?#]/.test(given);
}

function quote(given: string): string {
  return JSON.stringify(given.length > 60 ? `${given.slice(0, 60)}…` : given);
}

function buildConfig(given: Settings): Omit<Config, "warnings"> {
  const providers = {
    anthropic: vendorConfig(given, "ANTHROPIC"),
    openai: vendorConfig(given, "OPENAI"),
    google: vendorConfig(given, "GOOGLE"),
    openrouter: vendorConfig(given, "OPENROUTER"),
  };
  const firstConfigured = vendors.find((vendor) => isConfigured(providers[vendor]));
  return {
    environment: given.ENVIRONMENT,
    host: given.HOST,
    port: given.PORT,
    dataDir: given.DATA_DIR,
    redisUrl: given.REDIS_URL ?? null,
    upstash: upstashOf(given),
    stopDelayMs: Math.round(given.STOP_DELAY_SECONDS * 1_000),
    logLevel: given.LOG_LEVEL,
    access: given.API_KEYS ? { kind: "keys", keys: given.API_KEYS } : { kind: "loopback" },
    operators: operatorsOf(given),
    tenantWeights: given.TENANT_WEIGHTS ?? {},
    liveConcurrency: {
      anthropic: given.ANTHROPIC_LIVE_CONCURRENCY,
      openai: given.OPENAI_LIVE_CONCURRENCY,
      google: given.GOOGLE_LIVE_CONCURRENCY,
      openrouter: given.OPENROUTER_LIVE_CONCURRENCY,
      mock: given.MOCK_LIVE_CONCURRENCY,
    },
    defaultProvider: given.DEFAULT_LLM_PROVIDER ?? firstConfigured ?? "mock",
    providers,
    mock: {
      enabled: given.MOCK_ENABLED ?? given.ENVIRONMENT !== "production",
      latencyMs: given.MOCK_LATENCY_MS,
      latencyJitterMs: given.MOCK_LATENCY_JITTER_MS,
      errorRate: given.MOCK_ERROR_RATE,
      errorCodes: given.MOCK_ERROR_CODES,
      seed: given.MOCK_SEED,
      judge: given.MOCK_JUDGE,
      orderEffect: given.MOCK_ORDER_EFFECT,
      lengthEffect: given.MOCK_LENGTH_EFFECT,
    },
    llm: {
      requestTimeoutMs: Math.round(given.LLM_REQUEST_TIMEOUT_SECONDS * 1_000),
      maxRetries: given.LLM_MAX_RETRIES,
      defaultMaxTokens: given.LLM_DEFAULT_MAX_TOKENS,
    },
    breaker: {
      failureThreshold: given.CIRCUIT_BREAKER_FAILURE_THRESHOLD,
      recoveryMs: Math.round(given.CIRCUIT_BREAKER_RECOVERY_TIMEOUT * 1_000),
      successThreshold: given.CIRCUIT_BREAKER_SUCCESS_THRESHOLD,
      maxOpenMs: Math.round(given.CIRCUIT_BREAKER_MAX_OPEN_SECONDS * 1_000),
    },
    queue: {
      maxSize: given.QUEUE_MAX_SIZE,
      maxBytes: Math.round(given.QUEUE_MAX_MEMORY_MB * 1_048_576),
      highWatermark: given.QUEUE_HIGH_WATERMARK,
      lowWatermark: given.QUEUE_LOW_WATERMARK,
      ticketTtlMs: Math.round(given.QUEUE_REQUEST_TTL_HOURS * 3_600_000),
      pollIntervalMs: Math.round(given.QUEUE_POLL_INTERVAL_SECONDS * 1_000),
      maxRetries: given.QUEUE_MAX_RETRIES,
      concurrency: given.QUEUE_CONCURRENCY,
      retentionMs: Math.round(given.RESULT_RETENTION_HOURS * 3_600_000),
    },
    webhooks: webhooksOf(given),
    bus: { kafka: kafkaOf(given), http: sinkOf(given) },
    maxBodyBytes: given.MAX_BODY_BYTES,
    recordResponses: given.RECORD_LLM_RESPONSES,
    sentryDsn: given.SENTRY_DSN ?? null,
    tracing: tracingOf(given),
    serverTiming: given.SERVER_TIMING,
    commit: given.GIT_COMMIT ?? null,
  };
}

function operatorsOf({ API_KEYS, OPERATOR_KEYS }: Settings): Config["operators"] {
  if (OPERATOR_KEYS !== undefined) return { kind: "keys", keys: OPERATOR_KEYS };
  return { kind: API_KEYS === undefined ? "loopback" : "nobody" };
}

function tracingOf(given: Settings): Config["tracing"] {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers = {} } = given;
  if (endpoint === undefined) return null;
  return { endpoint, headers, ratio: given.OTEL_TRACES_SAMPLER_ARG, serviceName: given.OTEL_SERVICE_NAME };
}

/** Rules see to it that both are given, or none. */
function upstashOf({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token }: Settings) {
  return url === undefined || token === undefined ? null : { url, token };
}

/** Rules see to it that each has a secret. */
function webhooksOf(given: Settings): Config["webhooks"] {
  const secretsBy: SecretsByEndpoint = given.WEBHOOK_SECRETS ?? new Map();
  const withSecrets = (urls: readonly NamedUrl[] = []) =>
    urls.map((url) => ({ ...url, secrets: secretsBy.get(endpointKey(url)) ?? [] }));
  return {
    endpoints: withSecrets(given.WEBHOOK_URLS),
    prefixes: withSecrets(given.WEBHOOK_CALLBACK_PREFIXES),
    includeResult: given.WEBHOOK_INCLUDE_RESULT,
    allowPrivate: given.WEBHOOK_ALLOW_PRIVATE,
    maxPending: given.WEBHOOK_MAX_PENDING,
  };
}

function kafkaOf(given: Settings): KafkaConfig | null {
  const { KAFKA_BOOTSTRAP_SERVERS: bootstrapServers } = given;
  if (bootstrapServers === undefined) return null;
  return {
    bootstrapServers,
    topic: given.KAFKA_TOPIC,
    username: given.KAFKA_USERNAME ?? null,
    password: given.KAFKA_PASSWORD ?? null,
    mechanism: given.KAFKA_SASL_MECHANISM,
    tls: given.KAFKA_TLS,
  };
}

function sinkOf({ EVENTS_URL: url, EVENTS_TOKEN: token }: Settings): Config["bus"]["http"] {
  return url === undefined ? null : { url, token: token ?? null };
}

/** In the order in which they are preferred where `DEFAULT_LLM_PROVIDER` says nothing. */
const vendors = ["anthropic", "openai", "google", "openrouter"] as const satisfies readonly Vendor[];

function isConfigured(vendor: VendorConfig): boolean {
  return vendor.enabled && vendor.apiKey !== null;
}

function vendorConfig(given: Settings, prefix: Uppercase<Vendor>): VendorConfig {
  return {
    enabled: given[`${prefix}_ENABLED`],
    apiKey: given[`${prefix}_API_KEY`] ?? null,
    baseUrl: given[`${prefix}_BASE_URL`],
    defaultModel: given[`${prefix}_DEFAULT_MODEL`] ?? null,
  };
}
