/** What the settings mean together, what is told of mistakes. Each setting by itself: `settings.test.ts`. */
import { describe, expect, it } from "vitest";
import { describeMistakes, parseConfig, secretsOf, type Config } from "../../src/settings/config.ts";
import { isLoopback } from "../../src/domain/loopback.ts";
import { settings } from "../../src/settings/settings.ts";

type Env = Readonly<Record<string, unknown>>;
type Platform = "node" | "cloudflare";

const platforms = ["node", "cloudflare"] as const;
const hash = "a".repeat(64);
const keyed = { API_KEYS: `one:${hash}` };

describe("access", () => {
  const hint = "(npm run key -- NAME makes one)";

  it.each(platforms)("production without keys is refused on %s, and says how to make one", (platform) => {
    expect(said({ ENVIRONMENT: "production" }, platform)).toBe(
      `API_KEYS: found nothing; allowed: at least one key in production ${hint}`,
    );
    expect(said({ ENVIRONMENT: "production", ...keyed }, platform)).toBe("");
  });

  it.each(["0.0.0.0", "::", "192.168.0.1", "judge.internal", "128.0.0.1", "127.0.0.256"])(
    "without keys the service does not listen on %s",
    (HOST) => {
      for (const ENVIRONMENT of ["development", "test"])
        expect(said({ HOST, ENVIRONMENT })).toBe(
          `API_KEYS: found nothing; allowed: unset only while HOST is a loopback address, and it is "${HOST}" (npm run key -- NAME makes a key)`,
        );
      expect(said({ HOST, ...keyed })).toBe("");
      // Workers listen nowhere: there the request's own hostname is looked at.
      expect(said({ HOST }, "cloudflare")).toBe("");
    },
  );

  it.each(["127.0.0.1", "127.255.255.255", "::1", "localhost", "LOCALHOST"])(
    "without keys the service listens on %s",
    (HOST) => expect(configOf({ HOST }).access).toEqual({ kind: "loopback" }),
  );

  it("knows this machine's names, in brackets too, and none that only look like them", () => {
    expect(
      ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"].filter((host) => !isLoopback(host)),
    ).toEqual([]);
    const others = [
      "",
      "127.0.0.1.example",
      "localhost.example",
      "a127.0.0.1",
      "127.0.0",
      "1127.0.0.1",
      "::",
      "[::]",
    ];
    expect(others.filter(isLoopback)).toEqual([]);
  });

  it("one key for two tenants is refused, whatever the case of its hash", () => {
    expect(said({ API_KEYS: `one:${hash},two:${hash.toUpperCase()}` })).toBe(
      "API_KEYS: found a value that is not shown; allowed: each key for one tenant only; entry 2 repeats another tenant's key",
    );
  });

  it("names the malformed entry by its place", () => {
    expect(said({ API_KEYS: `one:${hash},two` })).toMatch(/; entry 2 is not one$/);
  });

  it("malformed keys are one mistake, not also a missing one", () => {
    expect(said({ API_KEYS: "one", ENVIRONMENT: "production", HOST: "0.0.0.0" }).split("\n")).toHaveLength(1);
  });
});

describe("weights", () => {
  it("one tenant with two weights is refused", () => {
    expect(said({ TENANT_WEIGHTS: "one:2,two:1,one:3" })).toBe(
      'TENANT_WEIGHTS: found "one:2,two:1,one:3"; allowed: one entry for each tenant; entry 3 repeats one',
    );
  });

  it("a tenant without a key is warned of", () => {
    const warned = configOf({ ...keyed, TENANT_WEIGHTS: "one:2,maths:3" }).warnings;
    expect(warned).toContain("TENANT_WEIGHTS names maths, who has no key here");
    expect(warned.join()).not.toContain("names one");
  });
});

describe("rules between settings", () => {
  it("Upstash has a URL and a token, or neither", () => {
    const url = { UPSTASH_REDIS_REST_URL: "https://one.example" };
    const token = { UPSTASH_REDIS_REST_TOKEN: "canary" };
    expect(said(url)).toBe(
      "UPSTASH_REDIS_REST_TOKEN: found nothing; allowed: the token that belongs to UPSTASH_REDIS_REST_URL, or neither of them",
    );
    expect(said(token)).toBe(
      "UPSTASH_REDIS_REST_URL: found nothing; allowed: the URL that belongs to UPSTASH_REDIS_REST_TOKEN, or neither of them",
    );
    expect(configOf({ ...url, ...token }).upstash).toEqual({ url: "https://one.example", token: "canary" });
    expect(configOf({}).upstash).toBeNull();
  });

  it.each([
    [
      "production",
      "http://one.example",
      'found "http://one.example"; allowed: an https:// URL in production',
    ],
    ["production", "http://127.0.0.1:8079", ""],
    ["production", "https://one.example", ""],
    ["test", "http://one.example", ""],
  ])("Upstash in %s at %s", (ENVIRONMENT, UPSTASH_REDIS_REST_URL, mistake) => {
    const env = { ...keyed, ENVIRONMENT, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN: "t" };
    expect(said(env, "cloudflare")).toBe(mistake && `UPSTASH_REDIS_REST_URL: ${mistake}`);
  });

  it.each([
    ["0.5", "0.4999", ""],
    ["0.5", "0.5", 'QUEUE_LOW_WATERMARK: found "0.5"; allowed: less than QUEUE_HIGH_WATERMARK, which is 0.5'],
    [
      "0.6",
      "",
      "QUEUE_LOW_WATERMARK: found the default 0.6; allowed: less than QUEUE_HIGH_WATERMARK, which is 0.6",
    ],
    ["", "0.8", 'QUEUE_LOW_WATERMARK: found "0.8"; allowed: less than QUEUE_HIGH_WATERMARK, which is 0.8'],
  ])("watermarks: high %j with low %j", (high, low, mistake) => {
    expect(said({ QUEUE_HIGH_WATERMARK: high, QUEUE_LOW_WATERMARK: low })).toBe(mistake);
  });

  it.each([
    ["30", "30", ""],
    [
      "30.01",
      "30",
      'CIRCUIT_BREAKER_RECOVERY_TIMEOUT: found "30.01"; allowed: at most CIRCUIT_BREAKER_MAX_OPEN_SECONDS, which is 30',
    ],
    [
      "",
      "9.9",
      "CIRCUIT_BREAKER_RECOVERY_TIMEOUT: found the default 10; allowed: at most CIRCUIT_BREAKER_MAX_OPEN_SECONDS, which is 9.9",
    ],
  ])("breaker: recovery %j with at most %j open", (recovery, most, mistake) => {
    expect(said({ CIRCUIT_BREAKER_RECOVERY_TIMEOUT: recovery, CIRCUIT_BREAKER_MAX_OPEN_SECONDS: most })).toBe(
      mistake,
    );
  });

  it("a body has at most 1.5 MiB on Cloudflare, more on Node", () => {
    expect(said({ MAX_BODY_BYTES: "1572864" }, "cloudflare")).toBe("");
    expect(said({ MAX_BODY_BYTES: "1572865" }, "cloudflare")).toBe(
      'MAX_BODY_BYTES: found "1572865"; allowed: a whole number from 1 to 1572864 on Cloudflare',
    );
    expect(said({ MAX_BODY_BYTES: "1572865" }, "node")).toBe("");
  });

  it.each([
    ["node", "development", true],
    ["node", "test", false],
    ["node", "production", false],
    ["cloudflare", "development", false],
  ] as const)("answers recorded on %s in %s: %j", (platform, ENVIRONMENT, isAllowed) => {
    const mistake =
      'RECORD_LLM_RESPONSES: found "true"; allowed: true only on Node with ENVIRONMENT=development';
    expect(said({ ...keyed, ENVIRONMENT, RECORD_LLM_RESPONSES: "true" }, platform)).toBe(
      isAllowed ? "" : mistake,
    );
    expect(said({ ...keyed, ENVIRONMENT, RECORD_LLM_RESPONSES: "false" }, platform)).toBe("");
  });

  it("the mock is there by default except in production", () => {
    expect(configOf({ ENVIRONMENT: "test" }).mock.enabled).toBe(true);
    expect(configOf({ ...keyed, ENVIRONMENT: "production" }).mock.enabled).toBe(false);
    expect(configOf({ ...keyed, ENVIRONMENT: "production", MOCK_ENABLED: "true" }).mock.enabled).toBe(true);
  });

  it.each([
    [["OPENROUTER", "GOOGLE", "OPENAI", "ANTHROPIC"], {}, "anthropic"],
    [["OPENROUTER", "GOOGLE", "OPENAI"], {}, "openai"],
    [["OPENROUTER", "GOOGLE"], {}, "google"],
    [["OPENROUTER"], {}, "openrouter"],
    [["OPENAI", "ANTHROPIC"], { ANTHROPIC_ENABLED: "false" }, "openai"],
    [["ANTHROPIC"], { ANTHROPIC_ENABLED: "false" }, "mock"],
    [["ANTHROPIC"], { DEFAULT_LLM_PROVIDER: "mock" }, "mock"],
  ])("with keys for %j and %j the default provider is %s", (prefixes, more, provider) => {
    const keys = Object.fromEntries(prefixes.map((prefix) => [`${prefix}_API_KEY`, "k"]));
    expect(configOf({ ...keys, ...more }).defaultProvider).toBe(provider);
  });
});

describe("mistakes", () => {
  it("are all reported at once, those between settings too", () => {
    const env = {
      LLM_MAX_RETRIES: "abc",
      PORT: "70000",
      LOG_LEVEL: "loud",
      HOST: "0.0.0.0",
      QUEUE_HIGH_WATERMARK: "0.3",
      MAX_BODY_BYTES: 5,
    };
    expect(said(env)).toBe(
      [
        'PORT: found "70000"; allowed: a whole number from 0 to 65535',
        'LOG_LEVEL: found "loud"; allowed: one of debug, info, warn, error',
        'LLM_MAX_RETRIES: found "abc"; allowed: a whole number from 0 to 10',
        "MAX_BODY_BYTES: found a value of type number; allowed: a whole number from 1 to 16777216, on Cloudflare to 1572864, as text",
        'API_KEYS: found nothing; allowed: unset only while HOST is a loopback address, and it is "0.0.0.0" (npm run key -- NAME makes a key)',
        "QUEUE_LOW_WATERMARK: found the default 0.6; allowed: less than QUEUE_HIGH_WATERMARK, which is 0.3",
      ].join("\n"),
    );
  });

  it("every setting can be wrong at once, and each is named once", () => {
    const wrong = Object.fromEntries(Object.keys(settings.shape).map((name) => [name, "\u0000 wrong"]));
    expect(
      said(wrong)
        .split("\n")
        .map((line) => line.split(":")[0]),
    ).toEqual(Object.keys(settings.shape));
  });

  it.each([
    "https://user:pass@llm.example",
    "https://key@llm.example",
    "https://llm.example?key=1",
    "https://llm.example/v1#key",
  ])("a base URL that could hold a secret is refused and not shown: %s", (url) => {
    for (const name of ["ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "GOOGLE_BASE_URL", "OPENROUTER_BASE_URL"])
      expect(said({ [name]: url })).toBe(
        `${name}: found a value that is not shown; allowed: an http:// or https:// URL without credentials, query or fragment`,
      );
  });

  it("stay on one line each, and short, whatever was found", () => {
    expect(said({ LOG_LEVEL: `a\nb${"c".repeat(5_000)}` })).toBe(
      `LOG_LEVEL: found "a\\nb${"c".repeat(57)}…"; allowed: one of debug, info, warn, error`,
    );
  });
});

describe("warnings", () => {
  it("none by default", () => expect(configOf({ PATH: "/bin", HOME: "/root" }).warnings).toEqual([]));

  it("names what looks like a setting and is none, without its value, and no bindings", () => {
    const env = {
      QUEUE_MAX_RETRY: "canary",
      OPENAI_ORG_ID: "canary",
      MAX_RETRIES: "1",
      QUEUE_DELIVERIES: { send: 1 },
    };
    expect(configOf(env, "cloudflare").warnings).toEqual([
      "QUEUE_MAX_RETRY is not a setting of this service: nothing reads it",
      "OPENAI_ORG_ID is not a setting of this service: nothing reads it",
    ]);
  });

  it.each([
    ["API_KEY", "API_KEYS"],
    ["API_KEYZ", "API_KEYS"],
    ["api_keys", "API_KEYS"],
    ["REDIS_URI", "REDIS_URL"],
    ["DATADIR", "DATA_DIR"],
    ["DATA-DIR", "DATA_DIR"],
    ["LOGLEVEL", "LOG_LEVEL"],
    ["ENVIROMENT", "ENVIRONMENT"],
    ["OPEN_AI_API_KEY", "OPENAI_API_KEY"],
    ["MAX_BODY_SIZE", null],
    ["RESULT_RETENTION_HOUR", "RESULT_RETENTION_HOURS"],
    ["HOSTS", null],
    ["POST", null],
    ["LOGNAME", null],
    ["HOSTNAME", null],
    ["NODE_ENV", null],
    ["KEY", null],
  ])("tells of %s, which nobody reads, that %s was probably meant", (name, meant) => {
    const warning = `${name} is not a setting of this service: nothing reads it. ${meant} is one`;
    expect(configOf({ [name]: "canary" }).warnings).toEqual(meant === null ? [] : [warning]);
  });

  it("doesn't take a name for a misspelt one where the one that it is near to is set too", () => {
    expect(configOf({ REDIS_URI: "redis://localhost", REDIS_URL: "redis://localhost" }).warnings).toEqual([]);
  });

  it.each([
    [{ OPENAI_API_KEY: '"sk-1"' }, true],
    [{ OPENAI_API_KEY: "'sk-1'" }, true],
    [{ DATA_DIR: '"./data"' }, true],
    [{ OPENAI_API_KEY: 'sk-1"' }, false],
    [{ OPENAI_API_KEY: "sk-1" }, false],
  ])("%j: said to be in quotes: %j", (env, isSaid) => {
    const warning = `${Object.keys(env)[0]} is in quotes, which are part of it: docker's --env-file takes them as they are`;
    expect(configOf(env).warnings).toEqual(isSaid ? [warning] : []);
  });

  const plainRedis =
    "REDIS_URL is redis:// to another machine: password and essays travel unencrypted (rediss:// has TLS)";
  const plainSentry = "SENTRY_DSN is http:// to another machine: reports travel unencrypted";
  it.each([
    [{ REDIS_URL: "redis://:canary@redis.example" }, [plainRedis]],
    [{ REDIS_URL: "rediss://:canary@redis.example" }, []],
    [{ REDIS_URL: "redis://:canary@localhost:6379" }, []],
    [{ REDIS_URL: "redis://:canary@127.0.0.1" }, []],
    [{ SENTRY_DSN: "http://canary@sentry.example/1" }, [plainSentry]],
    [{ SENTRY_DSN: "https://canary@sentry.example/1" }, []],
    [{ SENTRY_DSN: "http://canary@localhost/1" }, []],
  ])("%j: what travels unencrypted to another machine: %j", (env, said) => {
    expect(configOf(env).warnings).toEqual(said);
  });

  it.each([
    [{ DEFAULT_LLM_PROVIDER: "openai" }, "openai"],
    [{ DEFAULT_LLM_PROVIDER: "openai", OPENAI_API_KEY: "k", OPENAI_ENABLED: "0" }, "openai"],
    [{ MOCK_ENABLED: "false" }, "mock"],
    [{ ...keyed, ENVIRONMENT: "production" }, "mock"],
    [{ DEFAULT_LLM_PROVIDER: "openai", OPENAI_API_KEY: "k" }, null],
    [{ MOCK_ENABLED: "false", GOOGLE_API_KEY: "k" }, null],
  ])("%j: the default provider that is not usable is %s", (env, provider) => {
    const warning = `the default provider is ${provider}, which is not enabled or has no key here`;
    expect(configOf(env).warnings).toEqual(provider === null ? [] : [warning]);
  });

  it.each([
    ["http://llm.example/v1", "k", true],
    ["http://llm.example/v1", "", false],
    ["https://llm.example/v1", "k", false],
    ["http://127.0.0.1:9000", "k", false],
    ["http://[::1]:9000", "k", false],
  ])("%s with key %j: said to be unencrypted: %j", (OPENAI_BASE_URL, OPENAI_API_KEY, isSaid) => {
    const warning = "OPENAI_BASE_URL is http:// to another machine: the key travels unencrypted";
    expect(configOf({ OPENAI_BASE_URL, OPENAI_API_KEY }).warnings).toEqual(isSaid ? [warning] : []);
  });
});

it("names a store that is for the other platform, and a token that travels unencrypted", () => {
  const redis = { REDIS_URL: "redis://:canary@host" };
  const upstash = { UPSTASH_REDIS_REST_URL: "https://one.example", UPSTASH_REDIS_REST_TOKEN: "canary" };
  expect(configOf({ REDIS_URL: "rediss://:canary@host" }, "node").warnings).toEqual([]);
  expect(configOf(upstash, "cloudflare").warnings).toEqual([]);
  expect(configOf(redis, "cloudflare").warnings).toEqual([
    "REDIS_URL is for Node: on Cloudflare nothing reads it",
  ]);
  expect(configOf(upstash, "node").warnings).toEqual([
    "UPSTASH_REDIS_REST_URL is for Cloudflare: on Node nothing reads it",
  ]);
  expect(
    configOf({ ...upstash, UPSTASH_REDIS_REST_URL: "http://one.example" }, "cloudflare").warnings,
  ).toEqual(["UPSTASH_REDIS_REST_URL is http:// to another machine: the token travels unencrypted"]);
});

it("sends a tenth of all traces, and names itself, where nothing but the collector's address is given", () => {
  expect(configOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318/" }).tracing).toEqual({
    endpoint: "http://127.0.0.1:4318",
    headers: {},
    ratio: 0.1,
    serviceName: "llm-provider-service",
  });
});

it("wants to know whom a collector's headers are for, and does not show them", () => {
  const text = said({ OTEL_EXPORTER_OTLP_HEADERS: "x-key=canary" });
  expect(text).toContain("OTEL_EXPORTER_OTLP_ENDPOINT: found nothing; allowed: the URL that");
  expect(text).not.toContain("canary");
});

it("says of tracing what the platform does not read, and what travels unencrypted", () => {
  const there = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://otel.example:4318" };
  expect(configOf({ ...there, SERVER_TIMING: "1" }, "cloudflare").warnings).toEqual([
    "OTEL_EXPORTER_OTLP_ENDPOINT is for Node: on Cloudflare nothing reads it",
    "SERVER_TIMING is for Node: on Cloudflare nothing reads it",
  ]);
  expect(configOf(there, "node").warnings).toEqual([
    "OTEL_EXPORTER_OTLP_ENDPOINT is http:// to another machine: tenants' names and its headers travel unencrypted",
  ]);
  expect(configOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" }, "node").warnings).toEqual([]);
});

it("knows its secrets: keys of vendors, Redis' password as it is written and as it is meant, Upstash's token, a collector's keys", () => {
  const config = configOf({
    OPENAI_API_KEY: "sk-1",
    REDIS_URL: "rediss://user:p%40ss@host",
    UPSTASH_REDIS_REST_URL: "https://one.example",
    UPSTASH_REDIS_REST_TOKEN: "token-1",
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example",
    // What everybody writes is no key: a vendor's words would be full of holes.
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20b3RlbDprZXk=,x-scope-orgid=1",
  });
  expect(secretsOf(config)).toEqual(["sk-1", "p%40ss", "p@ss", "token-1", "b3RlbDprZXk="]);
  expect(secretsOf(configOf({ REDIS_URL: "redis://host" }))).toEqual([]);
});

describe("webhooks and the bus", () => {
  const secret = (letter: string) => `whsec_${btoa(letter.repeat(32))}`;
  const printed = "(npm run webhook -- TENANT/NAME URL prints one)";
  const notShown = "found a value that is not shown; allowed:";
  const hooks = {
    WEBHOOK_URLS: "local/main=https://hooks.example/in",
    WEBHOOK_SECRETS: `local/main=${secret("a")}`,
  };

  it("a receiver has its URL and its secrets, and so has a prefix, under a name of its own", () => {
    const { webhooks, bus } = configOf({
      WEBHOOK_URLS: "local/main=https://hooks.example/in local/other=https://hooks.example/other",
      WEBHOOK_CALLBACK_PREFIXES: "local/app=https://app.example/",
      WEBHOOK_SECRETS: `local/main=${secret("b")} local/app=${secret("c")} local/main=${secret("a")} local/other=${secret("d")}`,
    });
    const url = "https://hooks.example";
    expect(webhooks).toEqual({
      endpoints: [
        { tenant: "local", name: "main", url: `${url}/in`, secrets: [secret("b"), secret("a")] },
        { tenant: "local", name: "other", url: `${url}/other`, secrets: [secret("d")] },
      ],
      prefixes: [{ tenant: "local", name: "app", url: "https://app.example/", secrets: [secret("c")] }],
      includeResult: false,
      allowPrivate: false,
      maxPending: 100_000,
    });
    expect(bus).toEqual({ kafka: null, http: null });
  });

  it("long lists go on in further variables, in their order, with gaps or without, and mistakes are counted through", () => {
    const env = {
      WEBHOOK_URLS_9: "local/c=https://c.example",
      WEBHOOK_URLS_1: " local/b=https://b.example\n",
      WEBHOOK_URLS: "local/a=https://a.example",
      WEBHOOK_SECRETS_3: `local/a=${secret("a")} local/b=${secret("b")} local/c=${secret("c")}`,
    };
    const config = configOf(env, "cloudflare");
    expect(config.webhooks.endpoints.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(config.warnings).toEqual([]);
    expect(said({ ...env, WEBHOOK_URLS_1: "canary" })).toMatch(/^WEBHOOK_URLS: .*; entry 2 is not one$/);
    expect(said({ ...env, WEBHOOK_URLS_1: 5 })).toContain("WEBHOOK_URLS: found a value of type number");
    expect(configOf({ ...env, WEBHOOK_URLS_10: "canary" }).warnings).toEqual([
      "WEBHOOK_URLS_10 is not a setting of this service: nothing reads it",
    ]);
    expect(
      configOf({ KAFKA_TOPIC_1: "t", WEBHOOK_URLS_1: "", WEBHOOK_URLS: " " }).webhooks.endpoints,
    ).toEqual([]);
  });

  it.each([
    [
      { WEBHOOK_SECRETS: "" },
      `WEBHOOK_SECRETS: found nothing; allowed: a secret for each endpoint and prefix, and local/main has none ${printed}`,
    ],
    [
      { WEBHOOK_CALLBACK_PREFIXES: "local/app=https://app.example" },
      `WEBHOOK_SECRETS: ${notShown} a secret for each endpoint and prefix, and local/app has none ${printed}`,
    ],
    [
      { WEBHOOK_SECRETS: `local/main=${secret("a")} local/gone=${secret("b")}` },
      `WEBHOOK_SECRETS: ${notShown} secrets of endpoints and prefixes, and local/gone is neither`,
    ],
    [
      { WEBHOOK_SECRETS: `local/main=${secret("a")} local/main=${secret("a")}` },
      `WEBHOOK_SECRETS: ${notShown} each secret once, for one tenant/name; entry 2 repeats one`,
    ],
    [
      {
        WEBHOOK_URLS: "local/main=https://one.example local/two=https://two.example",
        WEBHOOK_SECRETS: `local/main=${secret("a")} local/two=${secret("a")}`,
      },
      `WEBHOOK_SECRETS: ${notShown} each secret once, for one tenant/name; entry 2 repeats one`,
    ],
    [
      { WEBHOOK_URLS: "local/main=https://one.example local/main=https://two.example" },
      `WEBHOOK_URLS: ${notShown} each tenant/name once; entry 2 repeats one`,
    ],
    [
      { WEBHOOK_CALLBACK_PREFIXES: "local/main=https://one.example" },
      `WEBHOOK_CALLBACK_PREFIXES: ${notShown} names that WEBHOOK_URLS has not, and local/main is in both`,
    ],
  ])("%j is a mistake, and says whose", (env, mistake) => {
    expect(said({ ...hooks, ...env })).toBe(mistake);
  });

  it("two tenants have endpoints of one name", () => {
    const env = {
      API_KEYS: `one:${hash},two:${"b".repeat(64)}`,
      WEBHOOK_URLS: "one/main=https://one.example two/main=https://two.example",
      WEBHOOK_SECRETS: `one/main=${secret("a")} two/main=${secret("b")}`,
    };
    expect(configOf(env).webhooks.endpoints.map(({ secrets }) => secrets)).toEqual([
      [secret("a")],
      [secret("b")],
    ]);
    expect(configOf(env).warnings).toEqual([]);
  });

  it.each(["hooks.example", "10.0.0.1", "0.0.0.0", "[::2]", "localhost.", "127.0.0.1.example"])(
    "http:// to %s is a mistake, unless private receivers are allowed; then it is warned of",
    (host) => {
      const plain = `http://${host}/canary`;
      const only = "https://, and http:// only to this machine or, on Node, with WEBHOOK_ALLOW_PRIVATE=true";
      const envs = [
        ["WEBHOOK_URLS", { ...hooks, WEBHOOK_URLS: `local/main=${plain}` }, "; local/main is otherwise"],
        [
          "WEBHOOK_CALLBACK_PREFIXES",
          { WEBHOOK_CALLBACK_PREFIXES: `local/main=${plain}`, WEBHOOK_SECRETS: hooks.WEBHOOK_SECRETS },
          "; local/main is otherwise",
        ],
        ["EVENTS_URL", { EVENTS_URL: plain, EVENTS_TOKEN: "canary" }, ""],
      ] as const;
      for (const [name, env, which] of envs) {
        expect(said(env)).toBe(`${name}: ${notShown} ${only}${which}`);
        const { warnings } = configOf({ ...env, WEBHOOK_ALLOW_PRIVATE: "true" });
        expect(warnings).toEqual([
          name === "EVENTS_URL"
            ? "EVENTS_URL is http:// to another machine: events and the token travel unencrypted"
            : "the webhook local/main is http:// to another machine: it travels unencrypted",
        ]);
        expect(said({ ...env, WEBHOOK_ALLOW_PRIVATE: "true" }, "cloudflare")).toContain(
          'WEBHOOK_ALLOW_PRIVATE: found "true"; allowed: false on Cloudflare',
        );
      }
    },
  );

  it.each(["http://localhost:9000", "http://127.0.0.1", "http://[::1]:80/a"])("%s needs no leave", (url) => {
    for (const platform of ["node", "cloudflare"] as const) {
      expect(configOf({ ...hooks, WEBHOOK_URLS: `local/main=${url}` }, platform).warnings).toEqual([]);
      expect(configOf({ EVENTS_URL: url }, platform).warnings).toEqual([]);
    }
  });

  it.each([
    "https://10.0.0.1/",
    "https://1.1.1.1/",
    "https://0x7f000002.example/",
    "https://2130706434/",
    "https://[2606::1]/",
  ])("on Cloudflare %s is a mistake where its host is an address of another machine", (url) => {
    const isAddress = !url.includes("example") && url !== "https://2130706434/";
    const env = { ...hooks, WEBHOOK_URLS: `local/main=${url}` };
    expect(said(env, "cloudflare")).toBe(
      isAddress
        ? `WEBHOOK_URLS: ${notShown} names of hosts on Cloudflare, no addresses; local/main is otherwise`
        : "",
    );
    expect(said(env)).toBe("");
    expect(said({ EVENTS_URL: url }, "cloudflare") !== "").toBe(isAddress);
  });

  it("a receiver of a tenant without a key is warned of, once", () => {
    const env = {
      WEBHOOK_URLS: "one/a=https://a.example two/b=https://b.example two/c=https://c.example",
      WEBHOOK_CALLBACK_PREFIXES: "local/d=https://d.example",
      WEBHOOK_SECRETS: ["one/a", "two/b", "two/c", "local/d"]
        .map((name, at) => `${name}=${secret(`${at}`)}`)
        .join(" "),
    };
    expect(configOf({ ...env, ...keyed }).warnings).toEqual([
      "WEBHOOK_URLS names two, who has no key here",
      "WEBHOOK_CALLBACK_PREFIXES names local, who has no key here",
    ]);
    expect(configOf(env).warnings).toEqual(
      ["one", "two"].map(
        (tenant) => `WEBHOOK_URLS names ${tenant}, who has no key here (without API_KEYS everybody is local)`,
      ),
    );
  });

  const kafka = { KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:9092" };
  const password = { KAFKA_USERNAME: "canary", KAFKA_PASSWORD: "canary" };
  it.each<[Env, string]>([
    [
      { EVENTS_TOKEN: "canary" },
      "EVENTS_URL: found nothing; allowed: the URL that EVENTS_TOKEN is for, or neither of them",
    ],
    [
      password,
      "KAFKA_BOOTSTRAP_SERVERS: found nothing; allowed: the brokers that KAFKA_USERNAME is for, or neither of them",
    ],
    [
      { ...kafka, KAFKA_USERNAME: "canary" },
      "KAFKA_PASSWORD: found nothing; allowed: the password that KAFKA_USERNAME is for, or neither of them",
    ],
    [
      { ...kafka, KAFKA_PASSWORD: "canary" },
      "KAFKA_USERNAME: found nothing; allowed: the name that KAFKA_PASSWORD is for, or neither of them",
    ],
    [
      { ...kafka, EVENTS_URL: "https://events.example/canary" },
      `EVENTS_URL: ${notShown} nothing beside KAFKA_BOOTSTRAP_SERVERS: events are sent to one place`,
    ],
    [{ ...kafka, ...password }, ""],
    [{ ...kafka, ...password, KAFKA_SASL_MECHANISM: "plain" }, ""],
  ])("%j", (env, mistake) => expect(said(env)).toBe(mistake));

  it.each([
    ["127.0.0.1:1,[::1]:2,localhost:3", "", true, []],
    [
      "127.0.0.1:1,kafka:2",
      "",
      false,
      ["KAFKA_TLS is false, and brokers are on other machines: events travel unencrypted"],
    ],
    ["127.0.0.1:1,kafka:2", "true", true, []],
  ])(
    "brokers %s with TLS %j: a plain password may be sent: %j, warnings: %j",
    (servers, KAFKA_TLS, mayBePlain, warned) => {
      const env = { KAFKA_BOOTSTRAP_SERVERS: servers, KAFKA_TLS, ...password };
      expect(configOf(env).warnings).toEqual(warned);
      expect(said({ ...env, KAFKA_SASL_MECHANISM: "plain" })).toBe(
        mayBePlain
          ? ""
          : 'KAFKA_SASL_MECHANISM: found "plain"; allowed: scram-sha-512 or scram-sha-256 where KAFKA_TLS is false and brokers are on other machines: plain shows them the password unencrypted',
      );
    },
  );

  it("Kafka has its defaults, and on Cloudflare nothing reads it", () => {
    expect(configOf(kafka).bus.kafka).toEqual({
      bootstrapServers: ["127.0.0.1:9092"],
      topic: "llm-provider-service.tickets",
      username: null,
      password: null,
      mechanism: "scram-sha-512",
      tls: false,
    });
    expect(configOf({ ...kafka, EVENTS_URL: "https://events.example" }, "cloudflare").warnings).toEqual([
      "KAFKA_BOOTSTRAP_SERVERS is for Node: on Cloudflare nothing reads it",
    ]);
  });

  it("secrets, tokens, passwords, and what follows a receiver's host are known as secrets; a short path is none", () => {
    const config = configOf({
      WEBHOOK_URLS: "local/main=https://hooks.example/services/T0000000/in?key=k%2B1234567",
      WEBHOOK_CALLBACK_PREFIXES: "local/app=https://app.example/in",
      WEBHOOK_SECRETS: `local/main=${secret("a")} local/app=${secret("b")}`,
      EVENTS_URL: "https://events.example/api/v1/webhooks",
      EVENTS_TOKEN: "token-2",
    });
    expect(secretsOf(config)).toEqual([
      secret("a"),
      secret("a").slice(6),
      secret("b"),
      secret("b").slice(6),
      "/services/T0000000/in?key=k%2B1234567",
      "T0000000",
      "k%2B1234567",
      "k+1234567",
      "/api/v1/webhooks",
      "token-2",
    ]);
    expect(secretsOf(configOf({ ...kafka, ...password }))).toEqual(["canary"]);
  });
});

/** What is said of the mistakes in `env`; nothing where there are none. */
function said(env: Env, platform: Platform = "node"): string {
  const parsed = parseConfig(env, platform);
  return parsed.ok ? "" : describeMistakes(parsed.error);
}

function configOf(env: Env, platform: Platform = "node"): Config {
  const parsed = parseConfig(env, platform);
  if (!parsed.ok) throw new Error(describeMistakes(parsed.error));
  return parsed.value;
}
