/** The service inside workerd: the same stories as on Node, and what is Cloudflare's own. */
import { env, exports } from "cloudflare:workers";
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, inject, it, vi } from "vitest";
import type * as WorkerModule from "../../src/cloudflare/worker.ts";
import { checked, goodBody, post, type Answered } from "../support/answers.ts";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import { sentryReceiver } from "../support/sentry-receiver.ts";

declare global {
  namespace Cloudflare {
    interface GlobalProps {
      mainModule: typeof WorkerModule;
    }
  }
}

const upstreamUrl = inject("fakeUpstreamUrl");
const lane = fakeLane(upstreamUrl, "workerd-service");
const vendors = ["anthropic", "openai", "google", "openrouter"] as const;
const settings = {
  ENVIRONMENT: "development",
  LLM_MAX_RETRIES: "0",
  DEFAULT_LLM_PROVIDER: "mock",
  ...Object.fromEntries(
    vendors.flatMap((vendor) => [
      [`${vendor.toUpperCase()}_API_KEY`, `canary-key-${vendor}`],
      [`${vendor.toUpperCase()}_BASE_URL`, lane.baseUrls[vendor]],
    ]),
  ),
};

beforeAll(() => lane.clear());

let workers = 0;

/** A Worker of its own with those settings, as a new isolate would be. */
async function worker(given: Readonly<Record<string, unknown>> = settings) {
  // The query makes it another module, so it holds nothing of the one before; what it imports is shared.
  const path = `../../src/cloudflare/worker.ts?${++workers}`;
  const { default: handler } = (await import(/* @vite-ignore */ path)) as typeof WorkerModule;
  const itsEnv = { ...env, ...given } as Parameters<typeof handler.fetch>[1];
  const fetch = async (url: string, init: RequestInit = {}): Promise<Answered> => {
    const context = createExecutionContext();
    const request = new Request<unknown, IncomingRequestCfProperties>(url, init as RequestInit<never>);
    const response = await handler.fetch(request, itsEnv, context);
    const { pathname, search } = new URL(url);
    const isKeyed = request.headers.has("idempotency-key");
    const answered = await checked(init.method ?? "GET", pathname + search, response, isKeyed);
    await waitOnExecutionContext(context);
    return answered;
  };
  return {
    fetch,
    compare: (changes: object = {}, init: RequestInit = {}) =>
      fetch("http://localhost/api/v1/comparison", post({ ...goodBody, ...changes }, init)),
  };
}

/** The lines of the log. */
const printed = vi.spyOn(console, "log").mockImplementation(() => {});
afterEach(() => printed.mockClear());
const logged = () => printed.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>);

const withProvider = (provider_override: string) => ({ llm_config_overrides: { provider_override } });

it.each([...vendors, "mock"])("judges with %s", async (provider) => {
  const { compare } = await worker();
  const { status, body } = await compare(withProvider(provider));
  expect(status).toBe(200);
  expect(body).toMatchObject({
    winner: expect.stringMatching(/^Essay [AB]$/),
    provider,
    metadata: { attempts: 1 },
  });
  if (provider === "mock") return;
  const calls = (await lane.requests("judgement")).filter(({ vendor }) => vendor === provider);
  expect(calls).toMatchObject([
    { outcome: "answered", headers: expect.objectContaining({ host: expect.any(String) }) },
  ]);
  expect(calls[0]?.bodyText).toContain(goodBody.essay_a);
});

describe("without keys,", () => {
  it.each([
    ["another name that leads here", "http://elsewhere.example", {}],
    ["a page of another site", "http://localhost:8787", { "sec-fetch-site": "cross-site" }],
    ["a page of another host", "http://127.0.0.1:8787", { origin: "https://elsewhere.example" }],
    ["a page that hides who it is", "http://localhost:8787", { origin: "null" }],
  ])("%s reaches nothing", async (_, origin, headers) => {
    const { fetch } = await worker();
    for (const path of ["comparison", "providers/openai/test"]) {
      const { status, body } = await fetch(`${origin}/api/v1/${path}`, post(goodBody, { headers }));
      expect([status, body["error_type"]]).toEqual([401, "AUTHENTICATION_ERROR"]);
    }
  });

  it.each(["http://localhost:8787", "http://127.0.0.1", "http://[::1]:8787"])(
    "a caller and a page of this machine do, by %s",
    async (origin) => {
      const { fetch } = await worker();
      expect((await fetch(`${origin}/api/v1/providers`, { headers: { origin } })).status).toBe(200);
    },
  );
});

it("serves every open route", async () => {
  const { fetch } = await worker();
  for (const path of ["/", "/healthz", "/livez", "/readyz", "/openapi.json", "/docs"]) {
    expect((await fetch(`https://example.com${path}`)).status).toBe(200);
  }
  expect((await fetch("https://example.com/healthz")).body["platform"]).toBe("cloudflare");
});

it("tells which deployment it is, and which commit where it was told", async () => {
  const VERSION = { id: "7f1c0a52-0000-4000-8000-00000000c0de", tag: "", timestamp: "" };
  const health = async (given: object) =>
    (await (await worker({ ...settings, ...given })).fetch("https://example.com/healthz")).body;
  expect(await health({ VERSION, GIT_COMMIT: "1d5575b" })).toMatchObject({
    deployment: VERSION.id,
    commit: "1d5575b",
  });
  const untold = await health({ VERSION: { ...VERSION, id: "" } });
  expect(["deployment" in untold, "commit" in untold]).toEqual([false, false]);
});

it("lives, but is not ready, while its objects can't be reached", async () => {
  const GATES = { getByName: away, get: away, idFromName: away };
  const { fetch } = await worker({ ...settings, GATES });
  expect((await fetch("https://example.com/livez")).status).toBe(200);
  const { status, body } = await fetch("https://example.com/readyz");
  expect([status, body["error"]]).toEqual([503, expect.stringContaining("durable_objects")]);
});

function away(): never {
  throw new Error("Network connection lost.");
}

it("logs lines of JSON without a key or a text of the caller's", async () => {
  const { compare } = await worker({ ...settings, LOG_LEVEL: "debug" });
  await compare({ ...withProvider("openai"), essay_a: "canary-essay", user_id: "canary-user" });
  expect(logged().map(({ event }) => event)).toEqual(["attempt", "request"]);
  expect(JSON.stringify(logged())).not.toContain("canary");
});

it("logs one line for a request, which says what its call would", async () => {
  const { compare } = await worker(settings);
  await compare({ ...withProvider("openai"), essay_a: "canary-essay", user_id: "canary-user" });
  expect(logged()).toMatchObject([
    { event: "request", status: 200, provider: "openai", attempts: 1, upstream_status: 200 },
  ]);
  expect(JSON.stringify(logged())).not.toContain("canary");
});

it("shows operators what was counted, and nobody else", async () => {
  const key = "lps_operator";
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  const sha256 = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const { compare, fetch } = await worker({ ...settings, OPERATOR_KEYS: `ops:${sha256}` });
  const asked = (init?: RequestInit) => fetch("http://localhost/metrics", init);
  const judged =
    /llm_provider_comparisons_total\{provider="openai",mode="queue_if_unavailable",result="judged",error_type="none"\} (\d+)/;
  const countNow = async () => {
    const { status, text } = await asked({ headers: { authorization: `Bearer ${key}` } });
    expect(status).toBe(200);
    return Number(judged.exec(text)?.[1]);
  };
  const before = await countNow();
  await compare(withProvider("openai"));
  expect(await countNow()).toBe(before + 1);
  expect((await asked()).status).toBe(401);
});

describe("a client that hangs up", () => {
  it("takes the vendor's call with it, through the runtime's own door", async () => {
    Object.assign(env, settings);
    await lane.clear();
    await lane.script([{ fault: "stall", vendor: "openai" }]);
    const client = new AbortController();
    const init = post({ ...goodBody, ...withProvider("openai") }, { signal: client.signal });
    const answering = exports.default.fetch("http://localhost/api/v1/comparison", init);
    await lane.waitForRequest(1);
    client.abort();
    await expect(answering).rejects.toThrow("aborted");
    expect(await lane.waitForAbort(1)).toMatchObject([{ outcome: "stall", aborted: true }]);
    expect(await lane.requests()).toHaveLength(1);
  });

  it("is heard by our own code too, which makes no other call and notes it in the log", async () => {
    const { compare } = await worker({ ...settings, LLM_MAX_RETRIES: "2" });
    await lane.clear();
    await lane.script([{ fault: "stall", vendor: "openai" }]);
    const client = new AbortController();
    const answering = compare(withProvider("openai"), { signal: client.signal }).catch(() => null);
    await lane.waitForRequest(1);
    client.abort();
    await answering;
    expect(await lane.waitForAbort(1)).toHaveLength(1);
    expect(logged()).toMatchObject([{ event: "request", status: 499, attempts: 1, failure: "hung_up" }]);
  });
});

describe("a body", () => {
  const mebibyte = 1_048_576;
  const piece = new TextEncoder().encode("x".repeat(65_536));

  it("past the limit is 413 before it is read whole, also without a content-length", async () => {
    const { fetch } = await worker();
    let pulled = 0;
    let cancelled = false;
    const body = new ReadableStream({
      type: "bytes",
      pull(controller) {
        pulled += piece.length;
        if (pulled > 100 * mebibyte) controller.close();
        else controller.enqueue(piece.slice());
      },
      cancel() {
        cancelled = true;
      },
    });
    const { status } = await fetch("http://localhost/api/v1/comparison", { ...post(""), body });
    expect(status).toBe(413);
    expect(pulled).toBeLessThan(2 * mebibyte);
    expect(cancelled).toBe(true);
  });

  it("that announces too much is not read at all", async () => {
    const { fetch } = await worker();
    const init = post("{}", { headers: { "content-length": String(1.5 * mebibyte + 1) } });
    expect((await fetch("http://localhost/api/v1/comparison", init)).status).toBe(413);
  });

  it("is measured to the byte", async () => {
    const { fetch } = await worker();
    for (const [bytes, status] of [
      [1.5 * mebibyte, 200],
      [1.5 * mebibyte + 1, 413],
    ] as const) {
      const text = JSON.stringify(goodBody).padEnd(bytes);
      expect((await fetch("http://localhost/api/v1/comparison", post(text))).status).toBe(status);
    }
  });

  it("may come in pieces that cut its characters", async () => {
    const { fetch } = await worker();
    const bytes = new TextEncoder().encode(JSON.stringify({ ...goodBody, metadata: { text: "é漢😀" } }));
    const body = new ReadableStream({
      type: "bytes",
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const answered = await fetch("http://localhost/api/v1/comparison", { ...post(""), body });
    expect(answered.body).toMatchObject({ metadata: { text: "é漢😀" } });
  });

  it.each([[[0xff]], [[0xc3]], [[0xed, 0xa0, 0x80]]])(
    "with bytes %j that are no UTF-8 is 400",
    async (bytes) => {
      const { fetch } = await worker();
      const text = new TextEncoder().encode('{"essay_a":"');
      for (const body of [
        Uint8Array.from([...text, ...bytes]),
        Uint8Array.from([...text, ...bytes, 0x22, 0x7d]),
      ]) {
        const answered = await fetch("http://localhost/api/v1/comparison", { ...post(""), body });
        expect([answered.status, answered.body["error"]]).toEqual([400, "The body is not UTF-8."]);
      }
    },
  );

  it("that begins with a byte order mark is treated as on Node", async () => {
    const { fetch } = await worker();
    const answered = await fetch(
      "http://localhost/api/v1/comparison",
      post(`\uFEFF${JSON.stringify(goodBody)}`),
    );
    expect(answered.status).toBe(400);
  });

  it("that is missing is 400", async () => {
    const { fetch } = await worker();
    const init = { method: "POST", headers: { "content-type": "application/json" } };
    expect((await fetch("http://localhost/api/v1/comparison", init)).status).toBe(400);
  });

  it("with metadata of 100 levels is echoed, with deeper ones refused by their depth", async () => {
    const { fetch } = await worker();
    const nested = (lists: number) => {
      const metadata = `{"k":${"[".repeat(lists)}${"]".repeat(lists)}}`;
      const body = JSON.stringify(goodBody).replace(/\}$/, `,"metadata":${metadata}}`);
      return fetch("http://localhost/api/v1/comparison", post(body));
    };
    expect((await nested(99)).status).toBe(200);
    for (const lists of [100, 8_000, 700_000]) {
      const { status, body } = await nested(lists);
      const issues = [{ path: "metadata", message: "must be at most 100 levels deep" }];
      expect([status, body["issues"]]).toEqual([400, issues]);
    }
  });

  it("with what no vendor could be sent is refused by its path", async () => {
    const { compare } = await worker();
    const { status, body } = await compare({
      essay_a: "\ud800",
      llm_config_overrides: { provider_override: "google", model_override: "\ud83d" },
    });
    expect([status, (body["issues"] as { path: string }[]).map(({ path }) => path)]).toEqual([
      400,
      ["llm_config_overrides.model_override", "essay_a", "llm_config_overrides.model_override"],
    ]);
  });
});

describe("at the door", () => {
  const ask = async (text: string, headers = {}) =>
    (await worker()).fetch("http://localhost/api/v1/comparison", post(text, { headers }));
  const bodyWith = (more: string) => `${JSON.stringify(goodBody).slice(0, -1)},${more}}`;

  it("metadata comes back as it was written", async () => {
    const written = '{ "id":1234567890123456789, "10":[1.0,1E2], "9":"\\u0041" }';
    const { status, text } = await ask(bodyWith(`"metadata":${written}`));
    expect(status).toBe(200);
    expect(text).toContain(`,${written.slice(1, -1)}}`);
    expect((await ask(bodyWith('"metadata":{"a":1,"a":1}'))).status).toBe(400);
    expect((await ask(bodyWith('"metadata":{"a":{"__proto__":1}}'))).status).toBe(400);
  });

  it("metadata of a ticket comes back as it was written, through its object", async () => {
    const written = '{ "id":1234567890123456789, "10":[1.0,1E2] }';
    const kept = await ask(bodyWith(`"processing_mode":"queue","metadata":${written}`));
    const { fetch } = await worker();
    const status = () => fetch(`http://localhost${String(kept.body["status_url"])}`);
    expect((await status()).text).toContain(`"metadata":${written}}`);
    // Queues brings it a second later: what is logged of its end is not to fall into another test.
    const end = async () => expect((await status()).body["status"]).toBe("completed");
    await vi.waitFor(end, { timeout: 30_000, interval: 100 });
    await vi.waitFor(() => expect(logged().map(({ event }) => event)).toContain("ticket_ended"), 30_000);
  });

  it("a field that would have chosen the judge is refused, others that nobody reads are named", async () => {
    const { status, body } = await ask(bodyWith('"llm_config_overrides":{"provider":"openai"}'));
    expect([status, body["details"]]).toEqual([
      400,
      "llm_config_overrides.provider: is no field here: provider_override is the nearest",
    ]);
    const named = await ask(bodyWith('"llm_config_overrides":{"service_type":"x"},"essayA":1'));
    expect(named.body).toMatchObject({
      metadata: { ignored_fields: ["essayA", "llm_config_overrides.service_type"] },
    });
  });

  it("a body that is no JSON is told where", async () => {
    const { status, body } = await ask('{\n "essay_a": "canary",\n}');
    expect([status, body["error"]]).toEqual([
      400,
      "The body is not JSON: it goes wrong in line 3, column 1.",
    ]);
  });

  it("one Idempotency-Key in two headers is one, and the order of names in metadata is none", async () => {
    const first = await ask(bodyWith('"metadata":{"a":1,"b":2}'), { "idempotency-key": "twice, twice" });
    const again = await ask(bodyWith('"metadata":{"b":2,"a":1}'), { "idempotency-key": "twice" });
    expect([first.status, again.text]).toEqual([200, first.text]);
    const other = await ask(bodyWith('"metadata":{"b":2.0,"a":1}'), { "idempotency-key": "twice" });
    expect(other.status).toBe(422);
  });

  it("what reads no body takes none of a form", async () => {
    const { fetch } = await worker();
    const test = (init: RequestInit) =>
      fetch("http://localhost/api/v1/providers/mock/test", { method: "POST", ...init });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    expect((await test({ body: "a=1", headers })).status).toBe(415);
    expect((await test({})).status).toBe(200);
  });
});

describe("settings that are wrong or missing", () => {
  const everywhere = [
    ["GET", "/healthz"],
    ["GET", "/livez"],
    ["GET", "/readyz"],
    ["POST", "/api/v1/comparison"],
    ["GET", "/nowhere"],
    ["OPTIONS", "/"],
  ] as const;

  it.each([
    [
      "wrong",
      { ...settings, LLM_MAX_RETRIES: "many", PORT: "x", OPENAI_API_KEY: "canary with blanks" },
      ["LLM_MAX_RETRIES", "OPENAI_API_KEY", "PORT"],
    ],
    ["production without keys", { ENVIRONMENT: "production" }, ["API_KEYS"]],
    ["recording", { ENVIRONMENT: "development", RECORD_LLM_RESPONSES: "true" }, ["RECORD_LLM_RESPONSES"]],
    [
      "a body too large for a row",
      { ENVIRONMENT: "development", MAX_BODY_BYTES: "1572865" },
      ["MAX_BODY_BYTES"],
    ],
  ])(
    "%s: every route is 503 without detail, and the log names every mistake, once",
    async (_, given, names) => {
      const { fetch } = await worker(given);
      for (const [method, path] of everywhere) {
        const { status, body, headers } = await fetch(`http://localhost${path}`, { method });
        expect(status).toBe(503);
        expect(body).toEqual({
          error: "This service is not set up.",
          error_type: "SERVICE_UNAVAILABLE",
          correlation_id: headers.get("x-correlation-id"),
        });
      }
      const lines = logged();
      expect(lines).toHaveLength(1);
      const mistakes = lines[0]?.["mistakes"] as { name: string }[];
      expect(mistakes.map(({ name }) => name).toSorted()).toEqual(names);
      expect(JSON.stringify(mistakes)).not.toContain("canary");
    },
  );

  it("as the repository deploys it: closed", async () => {
    const { fetch } = await worker({ ENVIRONMENT: "production" });
    expect((await fetch("https://example.com/healthz")).status).toBe(503);
  });
});

describe("without API keys", () => {
  it.each([
    ["http://localhost", 200],
    ["http://127.0.0.1:8787", 200],
    ["http://127.1.2.3", 200],
    ["http://[::1]:8787", 200],
    ["http://example.com", 401],
    ["http://127.0.0.1.example.com", 401],
    ["http://localhost.example.com", 401],
    ["http://10.0.0.1", 401],
    ["http://0.0.0.0", 401],
    ["http://service.workers.dev", 401],
  ])("%s is answered with %i", async (origin, status) => {
    const { fetch } = await worker();
    expect((await fetch(`${origin}/api/v1/models`)).status).toBe(status);
  });

  it("is not fooled by a header", async () => {
    const { fetch } = await worker();
    const headers = { host: "localhost", "x-forwarded-host": "localhost", forwarded: "host=localhost" };
    expect((await fetch("http://example.com/api/v1/models", { headers })).status).toBe(401);
  });
});

it("lets a key's owner in, from anywhere, by the hash of the key", async () => {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode("lps_key")));
  const hash = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const { fetch } = await worker({ ENVIRONMENT: "production", API_KEYS: `tenant:${hash}` });
  const ask = async (authorization: string) =>
    (await fetch("https://example.com/api/v1/models", { headers: { authorization } })).status;
  expect([await ask("Bearer lps_key"), await ask("Bearer lps_kez")]).toEqual([200, 401]);
  expect((await fetch("http://localhost/api/v1/models")).status).toBe(401);
});

it("tells Sentry of a fault of ours, once, and nothing that anybody wrote", async () => {
  const sentry = await sentryReceiver(upstreamUrl, "workerd-sentry");
  const { compare } = await worker({ ...settings, SENTRY_DSN: sentry.dsn });
  await lane.clear();
  const message = "canary-vendor";
  await lane.script([
    { fault: "unavailable", message },
    { fault: "credentialsRefused", message },
  ]);
  const canaries = {
    ...withProvider("openai"),
    processing_mode: "immediate",
    essay_a: "canary-essay",
    metadata: { note: "canary-metadata" },
  };
  expect((await compare({ ...canaries, essay_b: "" })).status).toBe(400);
  expect((await compare(canaries)).status).toBe(503);
  const { status, body } = await compare(canaries);
  expect([status, body["error_type"]]).toEqual([502, "INVALID_API_KEY"]);
  const envelopes = await sentry.envelopes(1);
  expect(envelopes).toHaveLength(1);
  expect(envelopes[0]).toContain(String(body["correlation_id"]));
  expect(envelopes[0]).toContain('"platform":"cloudflare"');
  expect(envelopes[0]).not.toContain("canary");
});
