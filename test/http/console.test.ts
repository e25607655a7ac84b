/** `GET /console`: what a person reads from it, who may, and what its forms do. What a browser makes of it: `test/proofs/oracles/chromium.ts`. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { style } from "../../src/http/console/frame.ts";
import { headline } from "../../src/http/console/now.ts";
import { testService, type ServiceOptions, type TestService } from "../support/service.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const keys = { maths: "lps_tenant", ops: "lps_operator", reader: "lps_reader" };
const keyed = {
  API_KEYS: `maths:${sha256(keys.maths)}`,
  OPERATOR_KEYS: `ops:${sha256(keys.ops)},reader:${sha256(keys.reader)}!read`,
};
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
const basic = (name: string, key: string, headers = {}) => ({
  headers: { authorization: `Basic ${btoa(`${name}:${key}`)}`, ...headers },
});
const down = { status: 503, text: JSON.stringify({ error: { message: "down, says canary-vendor" } }) };
const queued = { processing_mode: "queue" } as const;

async function at({ app }: TestService, path: string, init: RequestInit = {}, origin = "http://localhost") {
  const response = await app.request(origin + path, init);
  const html = await response.text();
  return { status: response.status, headers: response.headers, html, text: shownText(html) };
}

/** As it is read: tags are gone, each ends a word. */
function shownText(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/ ([.,:;)])/g, "$1")
    .replaceAll("( ", "(");
}

/** OpenAI is down, its breaker open, and two tickets wait. */
async function inTrouble(options: ServiceOptions = {}) {
  const service = testService({
    steps: Array.from({ length: 5 }, () => down),
    ...options,
    env: { LLM_MAX_RETRIES: "0", ...options.env },
  });
  const init = options.env?.["API_KEYS"] === undefined ? {} : bearer(keys.maths);
  for (let times = 0; times < 5; times++) await service.compare({ processing_mode: "immediate" }, init);
  const ids: string[] = [];
  for (let times = 0; times < 2; times++) {
    ids.push(String((await service.compare({}, init)).body["queue_id"]));
    await service.clock.advance(1_000);
  }
  return { service, ids };
}

describe("says on top whether anything is wrong:", () => {
  it("nothing", async () => {
    const service = testService();
    expect((await at(service, "/console")).text).toContain("Nothing is wrong. No ticket waits.");
    await service.compare();
    const { text } = await at(service, "/console");
    expect(text).toMatch(
      /Nothing is wrong.*openai closed: calls go out Last answer 0 s ago .*1 call \(0.00\/s\), 0 failed \(0 %\)/,
    );
  });

  it("which provider is down, since when, until when, and how many wait for it", async () => {
    const { service } = await inTrouble();
    const { text } = await at(service, "/console");
    expect(text).toMatch(
      /1 thing is wrong\. openai: It is down: 5 faults in a row, since 2 s ago \d\d:\d\d:\d\d UTC, the last: unavailable; it has never answered\./,
    );
    expect(text).toMatch(
      /It is asked again in \d+ s \d\d:\d\d:\d\d UTC\. 2 tickets wait for it \(of local\), the oldest from 2 s ago/,
    );
    expect(text).toMatch(/openai open: no calls go out/);
    expect(text).toMatch(/5 calls \(0.01\/s\), 5 failed \(100 %\)/);
  });

  it("and whose they are, as far as the list that is shown has them", async () => {
    const { service } = await inTrouble();
    const waiting = async (query: string) =>
      /tickets wait for it( \(.*?\))?/.exec((await at(service, `/console${query}`)).text)?.[1];
    const soon = String(service.clock.nowMs() + 60_000);
    expect(await waiting("")).toBe(" (of local)");
    expect(await waiting("?tenant=local")).toBe(" (of local and perhaps others)");
    expect(await waiting(`?until=${soon}`)).toBe(" (of local and perhaps others)");
    expect(await waiting("?status=failed")).toBeUndefined();
  });

  it("that our key is refused", async () => {
    const refused = {
      status: 401,
      text: JSON.stringify({ error: { code: "invalid_api_key", message: "no" } }),
    };
    const service = testService({ steps: [refused] });
    await service.compare(queued);
    await service.clock.advance(5_000);
    expect((await at(service, "/console")).text).toMatch(
      /openai: It refuses our credentials, since 5 s ago \d\d:\d\d:\d\d UTC\. It is asked again in .* 1 ticket waits for it/,
    );
  });

  it("that a model is left alone, by name and until when", async () => {
    const limited = {
      status: 429,
      headers: { "retry-after": "40" },
      text: JSON.stringify({ error: { message: "slow down" } }),
    };
    const service = testService({ steps: [limited], env: { LLM_MAX_RETRIES: "0" } });
    await service.compare({ llm_config_overrides: { model_override: "made-up" } });
    expect((await at(service, "/console")).text).toMatch(
      /openai: made-up is over its rate limit, and left alone\. It goes on in \d+ s/,
    );
  });

  it("that a provider with tickets has no key any more", async () => {
    const service = testService();
    await service.compare(queued);
    const without = service.restarted({ env: { OPENAI_API_KEY: "" } });
    expect((await at(without, "/console")).text).toContain(
      "openai: It has no key here, and its tickets wait until that is changed. 1 ticket waits for it (of local)",
    );
  });

  it("that the queue is full", async () => {
    const { service } = await inTrouble({ env: { QUEUE_MAX_SIZE: "2", QUEUE_HIGH_WATERMARK: "0.9" } });
    await service.compare();
    expect((await at(service, "/console")).text).toContain("openai: Its queue is full");
  });
});

it("shows tickets whosever they are: age, attempts, why they wait and until when, cost, trace", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const { service, ids } = await inTrouble();
  await service.compare({}, { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });
  const { text } = await at(service, "/console");
  const rows = ids.map((id) => text.indexOf(id));
  // The newest first.
  expect(rows[0]).toBeGreaterThan(rows[1] ?? Infinity);
  expect(text).toMatch(
    new RegExp(
      `${ids[0]} local openai \\S+ queued, accepted 2 s ago .* 0 calls, 0 charged openai is down, so it isn't called now\\. Place 1.* It expires in .* no call yet none`,
    ),
  );
  expect(text).toContain(traceId);
});

it("finds tickets by tenant, provider and status, page by page, and the oldest by a link", async () => {
  const service = testService({ env: { MOCK_ENABLED: "true" }, steps: [{ ...down }] });
  const mock = { llm_config_overrides: { provider_override: "mock" } };
  for (let times = 0; times < 30; times++) {
    await service.compare({ ...queued, priority: 1, ...(times === 0 ? {} : mock) });
    await service.clock.advance(1);
  }
  const idsIn = (html: string) => [
    ...new Set([...html.matchAll(/href="\/console\/tickets\/([0-9a-f-]{36})"><bdi>/g)].map(([, id]) => id)),
  ];
  const first = await at(service, "/console?status=all");
  expect(idsIn(first.html)).toHaveLength(25);
  const [, next = ""] =
    /href="(\/console\?[^"]*)#tickets">Older/.exec(first.html.replaceAll(/>\s+/g, ">")) ?? [];
  const second = await at(service, next.replaceAll("&amp;", "&"));
  expect(new Set([...idsIn(first.html), ...idsIn(second.html)]).size).toBe(30);
  expect(second.text).not.toContain("Older tickets");
  expect(idsIn((await at(service, "/console?provider=openai&status=all")).html)).toHaveLength(1);
  expect((await at(service, "/console?tenant=nobody&status=all")).text).toContain("There are none.");
  expect((await at(service, "/console?status=made-up&provider=made-up&until=never")).status).toBe(200);
});

it("links from a provider's oldest ticket to that ticket", async () => {
  const { service, ids } = await inTrouble();
  const { html } = await at(service, "/console");
  const [, oldest = ""] = /href="(\/console\?[^"]*until=[^"]*)#tickets"/.exec(html) ?? [];
  const shown = await at(service, oldest.replaceAll("&amp;", "&"));
  expect(shown.html).toContain(ids[0]);
  expect(shown.html).not.toContain(ids[1]);
});

it("shows one ticket, and what happened to it, in order", async () => {
  const service = testService({ steps: [down], env: { LLM_MAX_RETRIES: "0" } });
  const id = String((await service.compare(queued)).body["queue_id"]);
  await service.clock.advance(60_000);
  const { status, text } = await at(service, `/console/tickets/${id}`);
  expect(status).toBe(200);
  expect(text).toMatch(/Status completed/);
  expect(text).toMatch(
    /1 .* accepted 2 .* called for 3 .* back in the queue: attempt failed \(unavailable\) 4 .* called for 5 .* completed/,
  );
  expect(text).not.toContain("Cancel this ticket");
  expect((await at(service, "/console/tickets/not-a-uuid")).status).toBe(400);
  expect((await at(service, "/console/tickets/b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f")).status).toBe(404);
});

it("shows the calls that failed: whose, which model, why, by which ids", async () => {
  const failed = { ...down, headers: { "x-request-id": "req_0123456789" } };
  const service = testService({ steps: [failed], env: { LLM_MAX_RETRIES: "0" } });
  const correlation_id = "5f0c8f3e-0000-4000-8000-0000000000aa";
  await service.compare({ processing_mode: "immediate", correlation_id });
  expect((await at(service, "/console")).text).toMatch(
    new RegExp(
      `0 s ago .* local openai \\S+ unavailable \\(status 503\\) req_0123456789 a live request, ${correlation_id}`,
    ),
  );
});

it("shows what each tenant spent today, as GET /providers says it", async () => {
  const service = testService({ env: keyed });
  await service.compare({}, bearer(keys.maths));
  const { body } = await service.request("/api/v1/providers", bearer(keys.maths));
  const { text } = await at(service, "/console", bearer(keys.ops));
  expect(text).toContain(`maths 1 $${Number(body["total_cost_today"]).toFixed(6)}`);
});

it("shows what a tenant spent whose key is gone, while it has tickets", async () => {
  const service = testService({ env: keyed });
  await service.compare(queued, bearer(keys.maths));
  const others = { ...keyed, API_KEYS: `history:${sha256("lps_history")}` };
  const { text } = await at(service.restarted({ env: others }), "/console", bearer(keys.ops));
  expect(text).toMatch(/Cost today .* history 0 \$0 maths 1 \$0/);
});

describe("what others have named", () => {
  const hostile = `<img/src=x/onerror=alert(1)>'"&`;

  it("is text", async () => {
    const failed = { ...down, headers: { "x-request-id": hostile } };
    const service = testService({ steps: [failed], env: { LLM_MAX_RETRIES: "0" } });
    await service.compare({ llm_config_overrides: { model_override: hostile } });
    const id = String(
      (await service.compare({ ...queued, llm_config_overrides: { model_override: hostile } })).body[
        "queue_id"
      ],
    );
    for (const path of [
      "/console",
      `/console/tickets/${id}`,
      `/console?tenant=${encodeURIComponent(hostile)}`,
    ]) {
      const { html } = await at(service, path);
      expect(html).not.toContain("<img");
      expect(html).toContain("&lt;img/src=x/onerror=alert(1)&gt;&#39;&quot;&amp;");
    }
  });

  it("is cut, and turns no direction of writing", async () => {
    const failed = { ...down, headers: { "x-request-id": "r".repeat(5_000) } };
    const service = testService({ steps: [failed], env: { LLM_MAX_RETRIES: "0" } });
    await service.compare({ processing_mode: "immediate" });
    const { html } = await at(service, `/console?tenant=${encodeURIComponent("\u202e".repeat(300))}`);
    expect(html).not.toContain("r".repeat(61));
    expect(html).toContain(`${"r".repeat(59)}…`);
  });

  it("texts, keys, user ids, metadata and a vendor's words are nowhere", async () => {
    const { service, ids } = await inTrouble();
    const texts = {
      user_prompt: "canary-prompt",
      essay_a: "canary-a",
      essay_b: "canary-b",
      user_id: "canary-user",
      metadata: { canary: "canary-metadata" },
    };
    const id = String(
      (await service.compare({ ...texts, llm_config_overrides: { system_prompt_override: "canary-system" } }))
        .body["queue_id"],
    );
    for (const path of [
      "/console",
      "/console?status=all",
      `/console/tickets/${id}`,
      `/console/tickets/${ids[0]}`,
    ])
      expect((await at(service, path)).html).not.toContain("canary");
    await service.clock.advance(600_000);
    for (const path of ["/console?status=all", `/console/tickets/${id}`])
      expect((await at(service, path)).html).not.toContain("canary");
  });
});

describe("who may", () => {
  const paths = [
    "/console",
    "/console/style.css",
    "/console/app.js",
    "/console/tickets/b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f",
  ];

  it.each(paths)("look at %s: operators, and a browser is asked for their name and key", async (path) => {
    const service = testService({ env: keyed });
    for (const init of [{}, bearer(keys.maths), basic("maths", keys.maths), basic("reader", keys.ops)]) {
      const { status, headers, html } = await at(service, path, init);
      expect([status, headers.get("www-authenticate")]).toEqual([
        401,
        'Basic realm="operator", charset="UTF-8"',
      ]);
      expect(JSON.parse(html)).toMatchObject({ error_type: "AUTHENTICATION_ERROR" });
    }
    for (const init of [bearer(keys.ops), basic("ops", keys.ops), bearer(keys.reader)])
      expect((await at(service, path, init)).status).not.toBe(401);
  });

  it("without keys whoever is at this machine, and no browser is asked for a key that there isn't", async () => {
    const service = testService();
    expect((await at(service, "/console")).status).toBe(200);
    const elsewhere = await at(service, "/console", {}, "http://service.example");
    expect([elsewhere.status, elsewhere.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
  });

  it.each([
    "/console/providers/openai/pause",
    "/console/tickets/b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f/cancel",
  ])("act at %s: not who may only look, nor a page of another site", async (path) => {
    const service = testService({ env: keyed });
    const post = (init: { headers: Record<string, string> }) =>
      at(service, path, { method: "POST", ...init });
    for (const init of [
      { headers: {} },
      basic("reader", keys.reader, { "sec-fetch-site": "same-origin" }),
      basic("ops", keys.ops),
      basic("ops", keys.ops, {
        "sec-fetch-site": "cross-site",
        origin: "https://evil.example",
        host: "localhost",
      }),
      basic("ops", keys.ops, { origin: "null", host: "localhost" }),
    ])
      expect([401, 403]).toContain((await post(init)).status);
    expect(service.logged("operator_action")).toEqual([]);
    expect([303, 404]).toContain(
      (await post(basic("ops", keys.ops, { origin: "http://localhost", host: "localhost" }))).status,
    );
  });

  it("act: who may only look sees no buttons", async () => {
    const { service, ids } = await inTrouble({ env: keyed });
    for (const path of ["/console", `/console/tickets/${ids[0]}`]) {
      expect((await at(service, path, bearer(keys.ops))).html).toContain('method="post"');
      expect((await at(service, path, bearer(keys.reader))).html).not.toContain('method="post"');
    }
  });
});

describe("its forms", () => {
  const act = (service: TestService, path: string) => at(service, path, { method: "POST" });

  it("pause a provider, say by whom and since when, and resume it", async () => {
    const service = testService();
    const { status, headers } = await act(service, "/console/providers/openai/pause");
    expect([status, headers.get("location")]).toEqual([303, "/console#openai"]);
    await service.compare();
    const { text, html } = await at(service, "/console");
    expect(text).toMatch(
      /openai: It is paused by local, since 0 s ago .*, until somebody resumes it\. 1 ticket waits for it/,
    );
    expect(text).toContain("Place 1, until somebody resumes it.");
    expect(html).toContain("/console/providers/openai/resume");
    expect(html).not.toContain("/console/providers/openai/pause");
    expect(service.vendor.calls).toEqual([]);
    await act(service, "/console/providers/openai/resume");
    expect((await at(service, "/console")).text).toMatch(
      /0 s ago .* local resume openai .* local pause openai/,
    );
    await service.clock.advance(60_000);
    expect(service.vendor.calls).toHaveLength(1);
  });

  it("leave to be seen what else is wrong with a provider that is paused", async () => {
    const { service } = await inTrouble({ env: { QUEUE_MAX_SIZE: "3" } });
    await act(service, "/console/providers/openai/pause");
    await service.compare();
    const { text } = await at(service, "/console");
    expect(text).toMatch(/3 things are wrong\. openai: It is paused by local, since 0 s ago/);
    expect(text).toMatch(
      /openai: It is down: 5 faults in a row, since .*; it has never answered\. 3 tickets/,
    );
    expect(text).toContain("openai: Its queue is full: what can't be judged at once is refused.");
    expect(text).not.toContain("It is asked again");
    await service.clock.advance(60_000);
    const later = (await at(service, "/console")).text;
    expect(later).toContain("openai: It is down: 5 faults in a row");
    expect(later).not.toContain("tried out");
  });

  it("ask a provider now that would be asked later", async () => {
    const { service } = await inTrouble();
    const { html } = await at(service, "/console");
    expect(html).toContain("/console/providers/openai/probe");
    expect(html).not.toContain("/console/providers/mock/probe");
    expect((await act(service, "/console/providers/openai/probe")).status).toBe(303);
    await service.clock.advance(1_000);
    expect(service.vendor.calls.length).toBeGreaterThan(5);
  });

  it("cancel a ticket: its page says by whom, and so does the log", async () => {
    const { service, ids } = await inTrouble();
    const path = `/console/tickets/${ids[0]}`;
    expect((await at(service, path)).html).toContain(`action="${path}/cancel"`);
    const { status, headers } = await act(service, `${path}/cancel`);
    expect([status, headers.get("location")]).toEqual([303, path]);
    const { text } = await at(service, path);
    expect(text).toMatch(/Status cancelled .* cancelled by an operator/);
    expect(service.logged("operator_action")).toMatchObject([{ operator: "local", queue_id: ids[0] }]);
    // Once more, or where it has ended otherwise, the page shows how it is.
    expect((await act(service, `${path}/cancel`)).status).toBe(303);
  });

  it("know no other providers and verbs, and read no body", async () => {
    const service = testService();
    expect((await act(service, "/console/providers/made-up/pause")).status).toBe(404);
    expect((await act(service, "/console/providers/openai/explode")).status).toBe(404);
    const form = {
      method: "POST",
      body: "a=b",
      headers: { "content-type": "application/x-www-form-urlencoded" },
    };
    expect((await at(service, "/console/providers/openai/pause", form)).status).toBe(415);
    expect((await at(service, "/console/providers/openai/pause")).status).toBe(405);
  });
});

it("ends each warning with one full stop, whoever has written it", () => {
  const filter = { tenant: "", provider: "", status: "queued" };
  const page = headline(
    {
      nowMs: 0,
      providers: [],
      dependencies: {},
      warnings: ["a setting is odd", "Redis does not answer in time."],
      tenants: [],
      failures: [],
      nameOf: () => null,
      countedBy: "of this process",
      mayAct: false,
    },
    { filter, rows: [], isFromNewest: true, isComplete: true, nextUrl: null },
  );
  expect(shownText(String(page))).toContain("Warnings: a setting is odd. Redis does not answer in time.");
  expect(String(page)).not.toContain("..");
});

describe("where something can't be asked", () => {
  it("the page says what it does not know", async () => {
    const { service } = await inTrouble();
    service.stores.away("gate", "tickets", "actions", "totals");
    const { status, text } = await at(service, "/console");
    expect(status).toBe(200);
    expect(text).toContain("openai: Its gate can't be asked, so nothing is known of it.");
    expect(text).toContain("The tickets can't be asked for now.");
  });
});

it("writes no line for each look, which comes every five seconds, but for what is done", async () => {
  const service = testService({ env: { LOG_LEVEL: "info" } });
  await at(service, "/console");
  await at(service, "/console/tickets/b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f");
  expect(service.logged()).toEqual([]);
  await at(service, "/console/providers/openai/pause", { method: "POST" });
  expect(service.logged().map(({ event }) => event)).toContain("operator_action");
});

it("runs nothing that is not its own, and is framed by nobody", async () => {
  const { headers, html } = await at(testService(), "/console");
  expect(headers.get("content-security-policy")).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  );
  expect([headers.get("cache-control"), headers.get("x-content-type-options")]).toEqual([
    "no-store",
    "nosniff",
  ]);
  expect(html).not.toMatch(/ style=| on\w+=|<script>|<style>/);
  expect(html).toContain('<noscript><meta http-equiv="refresh" content="20"');
});

it("warns where its operator's key can be read on the way", async () => {
  const warning = "This page came without TLS";
  const service = testService({ env: keyed });
  const text = async (origin: string, headers = {}) =>
    (await at(service, "/console", basic("ops", keys.ops, headers), origin)).text;
  expect(await text("http://service.example")).toContain(warning);
  expect(await text("https://service.example")).not.toContain(warning);
  expect(await text("http://service.example", { "x-forwarded-proto": "https" })).not.toContain(warning);
  expect(await text("http://127.0.0.1:8080")).not.toContain(warning);
});

describe("can be read by everybody:", () => {
  it("tables have captions, cells their headings, fields their labels, moments their time", async () => {
    const { service } = await inTrouble();
    const { html } = await at(service, "/console");
    const count = (pattern: RegExp) => [...html.matchAll(pattern)].length;
    expect(count(/<table/g)).toBe(count(/<caption/g));
    expect(count(/<th[ >]/g)).toBe(count(/ scope="(col|row)"/g));
    expect(count(/<(input|select)/g)).toBe(count(/<label/g));
    expect(count(/<button[^>]*>\s*<\/button/g)).toBe(0);
    expect(html).toMatch(/<time datetime="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/);
    expect(count(/<h1/g)).toBe(1);
    expect(html).toContain('<html lang="en">');
  });

  it.each(["light", "dark"])("in %s colours each text has a contrast of 4.5 and more", (scheme) => {
    const [light = "", dark = ""] = [...style.matchAll(/:root\{([^}]*)\}/g)].map(([, rules]) => rules);
    const rules = scheme === "light" ? light : light + ";" + dark;
    const colours = Object.fromEntries(
      [...rules.matchAll(/--(\w+):(#\w+)/g)].map(([, name = "", hex = ""]) => [name, luminance(hex)]),
    );
    for (const [ink, paper] of [
      ["ink", "paper"],
      ["dim", "paper"],
      ["bad", "paper"],
      ["ok", "paper"],
      ["ink", "badpaper"],
      ["ink", "okpaper"],
      ["ink", "warnpaper"],
      ["dim", "badpaper"],
    ] as const) {
      const [a = NaN, b = NaN] = [colours[ink], colours[paper]].toSorted((one = 0, other = 0) => other - one);
      expect([ink, paper, (a + 0.05) / (b + 0.05) >= 4.5]).toEqual([ink, paper, true]);
    }
  });
});

/** https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function luminance(hex: string): number {
  const full = hex.length === 4 ? hex.replaceAll(/[0-9a-f]/g, "$&$&") : hex;
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(full.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
