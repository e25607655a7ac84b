/** Each setting by itself: its default, what it takes, both sides of its bounds, and what is said of what it refuses. */
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/settings/config.ts";
import { settings } from "../../src/settings/settings.ts";
import { pushRows } from "../support/push-setting-rows.ts";
import {
  choice,
  flag,
  hours,
  liveCalls,
  logits,
  number,
  seconds,
  share,
  vendor,
  whole,
  type Row,
} from "../support/setting-rows.ts";

const hashA = "a".repeat(64);
const hashB = "b".repeat(64);
const operatorsOf = (...keys: readonly (readonly [name: string, sha256: string, mayAct: boolean])[]) => ({
  kind: "keys",
  keys: keys.map(([name, sha256, mayAct]) => ({ name, sha256, mayAct })),
});
const keysOf = (...keys: readonly (readonly [tenant: string, sha256: string])[]) => ({
  kind: "keys",
  keys: keys.map(([tenant, sha256]) => ({ tenant, sha256 })),
});

const rows: readonly Row[] = [
  choice("ENVIRONMENT", (config) => config.environment, "development", ["development", "test", "production"]),
  {
    name: "HOST",
    read: (config) => config.host,
    byDefault: "127.0.0.1",
    takes: ["0.0.0.0", "::", "judge.internal"].map((host) => [host, host]),
    refuses: ["a host", "[::1]", "http://localhost", "localhost/"],
    allowed: "a host name or an address, without brackets or port",
  },
  whole("PORT", (config) => config.port, 8080, [0, 65_535]),
  {
    name: "DATA_DIR",
    read: (config) => config.dataDir,
    byDefault: "./data",
    takes: ["/var/lib/llm provider", "d".repeat(1000)].map((path) => [path, path]),
    refuses: ["da\0ta", "d".repeat(1001)],
    allowed: "a directory's path of 1 to 1000 characters",
  },
  {
    name: "REDIS_URL",
    read: (config) => config.redisUrl,
    byDefault: null,
    takes: [
      "redis://redis",
      "redis://127.0.0.1:6379/0",
      "REDISS://user:p%40ss@[::1]:6380/12",
      "redis://:secret@host/",
    ].map((url) => [url, url]),
    refuses: [
      "127.0.0.1:6379",
      "http://127.0.0.1:6379",
      "redis:/host",
      "redis://",
      "redis://user:secret@",
      "redis://host:99999",
      "redis://host/first",
      "redis://host/1/2",
      "redis://host?db=1",
      "redis://host#1",
      "redis://user:100%@host",
      "redis://the host",
    ],
    allowed: "a redis:// or rediss:// URL: redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]",
    isSecret: true,
  },
  {
    name: "UPSTASH_REDIS_REST_URL",
    read: (config) => config.upstash?.url ?? null,
    byDefault: null,
    takes: [
      ["https://one-12345.upstash.example", "https://one-12345.upstash.example"],
      ["http://127.0.0.1:8079/", "http://127.0.0.1:8079"],
    ],
    refuses: [
      "one-12345.upstash.example",
      "redis://one-12345.upstash.example",
      "https://",
      "https://h:99999",
    ],
    allowed: "an http:// or https:// URL without credentials, query or fragment",
  },
  {
    name: "UPSTASH_REDIS_REST_TOKEN",
    read: (config) => config.upstash?.token ?? null,
    byDefault: null,
    takes: ["AX0=", "t".repeat(1000)].map((token) => [token, token]),
    refuses: ["two words", "tok\nen", "t\u00e9", "t".repeat(1001)],
    allowed: "1 to 1000 printable ASCII characters without blanks",
    isSecret: true,
  },
  {
    name: "OPERATOR_KEYS",
    read: (config) => config.operators,
    byDefault: { kind: "loopback" },
    takes: [
      [`one:${hashA}`, operatorsOf(["one", hashA, true])],
      [
        `one:${hashA.toUpperCase()}!read , two:${hashB}`,
        operatorsOf(["one", hashA, false], ["two", hashB, true]),
      ],
      [
        `${"o".repeat(64)}:${hashA},one:${hashB}!READ`,
        operatorsOf(["o".repeat(64), hashA, true], ["one", hashB, false]),
      ],
    ],
    refuses: [
      "one",
      `:${hashA}`,
      `one two:${hashA}`,
      `${"o".repeat(65)}:${hashA}`,
      `one:${hashA}!write`,
      `one:${hashA} !read`,
      `one:${hashA}x`,
    ],
    allowed:
      'entries "name:sha256-hex-of-key" separated by commas, with "!read" behind who may only look (npm run key -- NAME makes one); entry 1 is not one',
    isSecret: true,
  },
  {
    name: "API_KEYS",
    read: (config) => config.access,
    byDefault: { kind: "loopback" },
    takes: [
      [`one:${hashA}`, keysOf(["one", hashA])],
      [`one:${hashA.toUpperCase()} , one:${hashB}`, keysOf(["one", hashA], ["one", hashB])],
      [`one:${hashA},one:${hashA}`, keysOf(["one", hashA])],
      [`${"t".repeat(64)}:${hashA},A.b_c-9:${hashB}`, keysOf(["t".repeat(64), hashA], ["A.b_c-9", hashB])],
    ],
    refuses: [
      "one",
      `:${hashA}`,
      `one two:${hashA}`,
      `${"t".repeat(65)}:${hashA}`,
      `one:${hashA}a`,
      `one:${hashA.slice(1)}`,
      `one:${"g".repeat(64)}`,
      `one:${hashA}:more`,
      `,one:${hashA}`,
    ],
    allowed:
      'entries "tenant:sha256-hex-of-key" separated by commas (npm run key -- NAME makes one); entry 1 is not one',
    isSecret: true,
  },
  {
    name: "TENANT_WEIGHTS",
    read: (config) => config.tenantWeights,
    byDefault: {},
    takes: [
      ["maths:3", { maths: 3 }],
      ["maths:0.01 , A.b_c-9:100", { maths: 0.01, "A.b_c-9": 100 }],
      ["maths : 1.5", { maths: 1.5 }],
    ],
    refuses: [
      "maths",
      "maths:",
      ":3",
      "maths:0",
      "maths:0.009",
      "maths:100.1",
      "maths:-1",
      "maths:1e1",
      "two words:1",
      "maths:3:4",
      "maths=3",
      ",maths:3",
    ],
    allowed:
      'entries "tenant:weight" separated by commas, a weight being a number from 0.01 to 100; entry 1 is not one',
  },
  liveCalls("mock"),
  number(
    "STOP_DELAY_SECONDS",
    (config) => config.stopDelayMs,
    0,
    ["0", 0],
    ["600", 600_000],
    ["600.001", "601"],
  ),
  choice("LOG_LEVEL", (config) => config.logLevel, "info", ["debug", "info", "warn", "error"]),
  choice("DEFAULT_LLM_PROVIDER", (config) => config.defaultProvider, "mock", [
    "anthropic",
    "openai",
    "google",
    "openrouter",
    "mock",
  ]),
  ...vendor("anthropic", "https://api.anthropic.com"),
  ...vendor("openai", "https://api.openai.com/v1"),
  ...vendor("google", "https://generativelanguage.googleapis.com"),
  ...vendor("openrouter", "https://openrouter.ai/api/v1"),
  flag("MOCK_ENABLED", (config) => config.mock.enabled, true),
  whole("MOCK_LATENCY_MS", (config) => config.mock.latencyMs, 0, [0, 600_000]),
  whole("MOCK_LATENCY_JITTER_MS", (config) => config.mock.latencyJitterMs, 0, [0, 600_000]),
  number("MOCK_ERROR_RATE", (config) => config.mock.errorRate, 0, ["0", 0], ["1", 1], ["1.001"]),
  {
    name: "MOCK_ERROR_CODES",
    read: (config) => config.mock.errorCodes,
    byDefault: [503],
    takes: [
      ["400", [400]],
      ["429, 599", [429, 599]],
    ],
    refuses: ["399", "600", "503,", "503 429", "5030", "none"],
    allowed: "HTTP statuses from 400 to 599, separated by commas",
  },
  choice("MOCK_JUDGE", (config) => config.mock.judge, "coin", ["coin", "quality"]),
  logits("MOCK_ORDER_EFFECT", (config) => config.mock.orderEffect),
  logits("MOCK_LENGTH_EFFECT", (config) => config.mock.lengthEffect),
  whole("MOCK_SEED", (config) => config.mock.seed, 42, [0, 4_294_967_295]),
  seconds("LLM_REQUEST_TIMEOUT_SECONDS", (config) => config.llm.requestTimeoutMs, 50, 840),
  whole("LLM_MAX_RETRIES", (config) => config.llm.maxRetries, 2, [0, 10]),
  whole("LLM_DEFAULT_MAX_TOKENS", (config) => config.llm.defaultMaxTokens, 4096, [1, 1_000_000]),
  whole("CIRCUIT_BREAKER_FAILURE_THRESHOLD", (config) => config.breaker.failureThreshold, 5, [1, 1_000]),
  seconds("CIRCUIT_BREAKER_RECOVERY_TIMEOUT", (config) => config.breaker.recoveryMs, 10, 900),
  whole("CIRCUIT_BREAKER_SUCCESS_THRESHOLD", (config) => config.breaker.successThreshold, 2, [1, 100]),
  seconds("CIRCUIT_BREAKER_MAX_OPEN_SECONDS", (config) => config.breaker.maxOpenMs, 60, 3_600),
  whole("QUEUE_MAX_SIZE", (config) => config.queue.maxSize, 1_000, [1, 1_000_000]),
  number(
    "QUEUE_MAX_MEMORY_MB",
    (config) => config.queue.maxBytes,
    104_857_600,
    ["0.01", 10_486],
    ["100000", 104_857_600_000],
    ["0.0099", "100000.1"],
  ),
  share("QUEUE_HIGH_WATERMARK", (config) => config.queue.highWatermark, 0.8, 1),
  share("QUEUE_LOW_WATERMARK", (config) => config.queue.lowWatermark, 0.6, 0.9999),
  hours("QUEUE_REQUEST_TTL_HOURS", (config) => config.queue.ticketTtlMs, 4),
  seconds("QUEUE_POLL_INTERVAL_SECONDS", (config) => config.queue.pollIntervalMs, 1, 60),
  whole("QUEUE_MAX_RETRIES", (config) => config.queue.maxRetries, 3, [0, 100]),
  whole("QUEUE_CONCURRENCY", (config) => config.queue.concurrency, 8, [1, 1_000]),
  hours("RESULT_RETENTION_HOURS", (config) => config.queue.retentionMs, 24),
  ...pushRows,
  {
    ...whole("MAX_BODY_BYTES", (config) => config.maxBodyBytes, 1_572_864, [1, 16_777_216]),
    allowed: "a whole number from 1 to 16777216, on Cloudflare to 1572864",
  },
  flag("RECORD_LLM_RESPONSES", (config) => config.recordResponses, false),
  {
    name: "SENTRY_DSN",
    read: (config) => config.sentryDsn,
    byDefault: null,
    takes: [["https://public@o1.sentry.example/42", "https://public@o1.sentry.example/42"]],
    refuses: [
      "public",
      "https://o1.sentry.example/42",
      "https://public@o1.sentry.example/",
      "https://p@h:99999/1",
    ],
    allowed: "a DSN as Sentry shows it: https://PUBLIC_KEY@HOST/PROJECT",
    isSecret: true,
  },
  {
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    read: (config) => config.tracing?.endpoint ?? null,
    byDefault: null,
    takes: [
      ["http://127.0.0.1:4318", "http://127.0.0.1:4318"],
      ["https://otel.example/otlp/", "https://otel.example/otlp"],
    ],
    refuses: [
      "127.0.0.1:4318",
      "grpc://one.example",
      "https://user:key@one.example",
      "https://one.example?key=1",
    ],
    allowed: "an http:// or https:// URL without credentials, query or fragment",
  },
  {
    name: "OTEL_EXPORTER_OTLP_HEADERS",
    // Read only beside an endpoint, as the next two are.
    read: (config) => config.tracing?.headers,
    byDefault: undefined,
    takes: [
      ["x-key=one", { "x-key": "one" }],
      [
        "Authorization=Basic%20abc==, x-scope = maths ,empty=",
        { Authorization: "Basic abc==", "x-scope": "maths", empty: "" },
      ],
    ],
    refuses: ["sk-canary", "two words=1", "=canary", "x-key=%zz", "x-key=%0A", "x-key=ä", ": canary=1"],
    allowed:
      'headers "name=value" separated by commas, values escaped as in URLs (a blank is %20); entry 1 is not one',
    isSecret: true,
  },
  {
    name: "OTEL_TRACES_SAMPLER_ARG",
    read: (config) => config.tracing?.ratio,
    byDefault: undefined,
    takes: [
      ["0", 0],
      ["0.25", 0.25],
      ["1", 1],
    ],
    refuses: ["1.01", "-0.1", "10%", "always_on"],
    allowed: "a number from 0 to 1",
  },
  {
    name: "OTEL_SERVICE_NAME",
    read: (config) => config.tracing?.serviceName,
    byDefault: undefined,
    takes: ["judges", "s".repeat(255)].map((name) => [name, name]),
    refuses: ["s".repeat(256), "ju\ndges", "jüdges"],
    allowed: "1 to 255 printable ASCII characters",
  },
  flag("SERVER_TIMING", (config) => config.serverTiming, false),
  {
    name: "GIT_COMMIT",
    read: (config) => config.commit,
    byDefault: null,
    takes: ["1d5575b", "f".repeat(64), "v0.1.0-3-g1d5575b+dirty"].map((commit) => [commit, commit]),
    refuses: ["f".repeat(65), "two words", "$(git rev-parse HEAD)"],
    allowed: "1 to 64 letters, digits and . _ + / -",
  },
];

it("every setting has a row here, and every row is a setting", () => {
  expect(rows.map((row) => row.name).toSorted()).toEqual(Object.keys(settings.shape).toSorted());
});

/** What keeps the rules between settings quiet, so that a row is about its setting alone. */
const quiet = {
  API_KEYS: `quiet:${"c".repeat(64)}`,
  UPSTASH_REDIS_REST_URL: "https://quiet.example",
  UPSTASH_REDIS_REST_TOKEN: "quiet",
  OTEL_EXPORTER_OTLP_ENDPOINT: "https://quiet.example",
  CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "0.01",
  CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "3600",
  QUEUE_LOW_WATERMARK: "0.0001",
  QUEUE_HIGH_WATERMARK: "1",
};

describe.each(rows)(
  "$name",
  ({ name, read, byDefault, takes, refuses, allowed, isSecret = false, beside }) => {
    const env = { ...quiet, ...beside };

    it.each([{}, { [name]: "" }, { [name]: " \t\n" }, { [name]: undefined }])(
      "has its default with %j",
      (env) => {
        const parsed = parseConfig(env, "node");
        expect(parsed.ok && read(parsed.value)).toEqual(byDefault);
      },
    );

    it.each(takes)("takes %j, with blanks around it or without", (text, value) => {
      for (const given of [text, ` ${text}\n`]) {
        const parsed = parseConfig({ ...env, [name]: given }, "node");
        expect(parsed.ok ? read(parsed.value) : parsed.error).toEqual(value);
      }
    });

    it.each(refuses)("refuses %j, and says what was found and what is allowed", (text) => {
      const found = isSecret
        ? "a value that is not shown"
        : JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
      for (const platform of ["node", "cloudflare"] as const)
        expect(parseConfig({ ...env, [name]: text }, platform)).toEqual({
          ok: false,
          error: [{ name, found, allowed }],
        });
    });

    it.each([
      [8, "number"],
      [true, "boolean"],
      [null, "null"],
      [{ key: "sk-canary" }, "object"],
    ])("refuses %j, which is not text", (value, type) => {
      const error = [
        { name, found: `a value of type ${type}`, allowed: `${allowed.replace(/; entry 1.*/, "")}, as text` },
      ];
      expect(parseConfig({ ...env, [name]: value }, "cloudflare")).toEqual({ ok: false, error });
    });
  },
);
