/** Webhooks as an operator runs them: processes, real receivers, the official verifiers, kills and a stop. */
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { Webhook } from "standardwebhooks";
import { expect, it, onTestFinished } from "vitest";
import { post } from "../../support/answers.ts";
import { startNodeService, type NodeService } from "../../support/node-service.ts";

const secretOf = (letter: string) => `whsec_${btoa(letter.repeat(32))}`;
const [oldSecret, newSecret] = ["o", "n"].map(secretOf);

interface Delivered {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly atMs: number;
}

/** What it has heard is a ledger: nothing is ever taken out. */
async function receiverFor(answer: (delivered: Delivered, response: ServerResponse) => void = fine) {
  const ledger: Delivered[] = [];
  const behaviour = { answer };
  const server = createServer(async (request, response) => {
    const delivered = {
      path: request.url ?? "",
      headers: request.headers as Record<string, string>,
      body: await bodyOf(request),
      atMs: Date.now(),
    };
    ledger.push(delivered);
    behaviour.answer(delivered, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { ledger, behaviour, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function fine(_: Delivered, response: ServerResponse): void {
  response.writeHead(204).end();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

const newDirectory = () => mkdtempSync(join(tmpdir(), "webhooks-"));

async function serviceFor(env: Readonly<Record<string, string>>): Promise<NodeService> {
  const service = await startNodeService({
    MOCK_ENABLED: "true",
    DEFAULT_LLM_PROVIDER: "mock",
    MOCK_LATENCY_MS: "5",
    LOG_LEVEL: "debug",
    ...env,
  });
  onTestFinished(() => service.kill("SIGKILL"));
  return service;
}

/** @returns the ids of tickets, kept one after another */
async function keep(service: NodeService, count: number, changes: object = {}): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let number = 0; number < count; number++) {
    const { status, body } = await service.compare({ processing_mode: "queue", ...changes });
    expect(status).toBe(202);
    ids.push(String(body["queue_id"]));
  }
  return ids;
}

async function until(what: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!(await what())) {
    if (Date.now() > endMs) throw new Error(`It did not come to be: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const ticketOf = ({ headers }: Delivered) =>
  /^evt_([\da-f-]{36})_\d+$/.exec(headers["webhook-id"] ?? "")?.[1];
const webhooks = (service: NodeService, path = "", init: RequestInit = {}) =>
  service.request(`/api/v1/webhooks${path}`, init);
const rowsIn = (body: Readonly<Record<string, unknown>>, name: string) =>
  body[name] as Record<string, unknown>[];

function verifiedBy(secret: string | undefined, { headers, body }: Delivered): boolean {
  try {
    new Webhook(secret ?? "").verify(body, { ...headers });
    return true;
  } catch {
    return false;
  }
}

async function verifiedByOpenai(secret: string | undefined, { headers, body }: Delivered): Promise<boolean> {
  const client = new OpenAI({ apiKey: "none", webhookSecret: secret ?? "" });
  return client.webhooks.unwrap(body, headers).then(
    () => true,
    () => false,
  );
}

it("receivers with the old secret, the new one or both see no gap while it is replaced, by both official verifiers", async () => {
  const receiver = await receiverFor();
  const DATA_DIR = newDirectory();
  const phases: readonly (readonly (string | undefined)[])[] = [
    [oldSecret],
    [newSecret, oldSecret],
    [newSecret],
  ];
  const accepted: boolean[][] = [];
  for (const secrets of phases) {
    const service = await serviceFor({
      DATA_DIR,
      WEBHOOK_URLS: `local/main=${receiver.url}/in`,
      WEBHOOK_SECRETS: secrets.map((secret) => `local/main=${secret}`).join(" "),
    });
    const before = receiver.ledger.length;
    const [id] = await keep(service, 1, { metadata: { note: "é€😀" } });
    await until(() => receiver.ledger.length > before);
    const [delivered] = receiver.ledger.slice(before);
    if (delivered === undefined) throw new Error("nothing was delivered");
    expect(ticketOf(delivered)).toBe(id);
    expect(JSON.parse(delivered.body)).toMatchObject({
      type: "ticket.completed",
      data: { metadata: { note: "é€😀" } },
    });
    const of = [oldSecret, newSecret];
    accepted.push(of.map((secret) => verifiedBy(secret, delivered)));
    expect(await Promise.all(of.map((secret) => verifiedByOpenai(secret, delivered)))).toEqual(
      accepted.at(-1),
    );
    await service.stop();
  }
  expect(accepted).toEqual([
    [true, false],
    [true, true],
    [false, true],
  ]);
});

it("follows no redirect, waits as a 429 asks, sends again what was taken and not answered, and lets a 410 be the last", async () => {
  const elsewhere = await receiverFor();
  const kinds = ["moved", "busy", "lost", "gone", "silent"];
  const receiver = await receiverFor(({ path }, response) => {
    switch (path) {
      case "/moved":
        return void response.writeHead(302, { location: `${elsewhere.url}/stolen` }).end();
      case "/busy":
        return void response.writeHead(429, { "retry-after": "3600" }).end();
      case "/lost":
        return void response.destroy();
      case "/gone":
        return void response.writeHead(410).end();
      default:
    }
  });
  const service = await serviceFor({
    WEBHOOK_URLS: kinds.map((kind) => `local/${kind}=${receiver.url}/${kind}`).join(" "),
    WEBHOOK_SECRETS: kinds.map((kind, at) => `local/${kind}=${secretOf("abcde"[at] ?? "")}`).join(" "),
  });
  const [id] = await keep(service, 1);
  const heard = (kind: string) => receiver.ledger.filter(({ path }) => path === `/${kind}`);
  await until(() => heard("lost").length >= 2 && heard("moved").length >= 2);
  const [first, second] = heard("lost");
  expect([second?.headers["webhook-id"], second?.body]).toEqual([first?.headers["webhook-id"], first?.body]);
  const waitMs = (second?.atMs ?? 0) - (first?.atMs ?? 0);
  expect(waitMs).toBeGreaterThan(3_900);
  expect(elsewhere.ledger).toEqual([]);

  await keep(service, 1);
  await until(() => heard("moved").length >= 3);
  expect(heard("gone")).toHaveLength(1);
  await until(() => service.logged("webhook_attempt").some(({ endpoint }) => endpoint === "silent"), 20_000);
  const { body } = await webhooks(service);
  expect(rowsIn(body, "endpoints").find(({ name }) => name === "gone")).toMatchObject({
    state: "off",
    off_because: "gone",
    pending: 1,
  });
  const log = rowsIn((await webhooks(service, "/deliveries?limit=100")).body, "deliveries");
  const rowOf = (kind: string) => log.find(({ endpoint, queue_id }) => endpoint === kind && queue_id === id);
  expect(rowOf("gone")).toMatchObject({ status: "failed", last_status: 410, attempts: 1 });
  expect(rowOf("moved")).toMatchObject({ last_status: 302, last_error: "status" });
  expect(rowOf("lost")).toMatchObject({ last_status: null, last_error: "other" });
  expect(rowOf("silent")).toMatchObject({ last_status: null, last_error: "timeout", attempts: 1 });
  // Asked for an hour: twice the first step would be ten seconds, and a minute is the least.
  const busy = heard("busy")[0]?.atMs ?? 0;
  const againMs = Date.parse(String(rowOf("busy")?.["next_attempt_at"])) - busy;
  expect(againMs).toBeGreaterThanOrEqual(60_000);
  expect(againMs).toBeLessThan(75_000);

  expect(service.logged("webhook_off")).toMatchObject([
    { tenant: "local", endpoint: "gone", reason: "gone" },
  ]);
  const attempts = service.logged("webhook_attempt");
  expect(attempts.find(({ endpoint, queue_id }) => endpoint === "moved" && queue_id === id)).toMatchObject({
    level: "warn",
    event_id: `evt_${id}_3`,
    status: 302,
    attempt: 1,
    duration_ms: expect.any(Number),
  });
  expect(service.stdout()).not.toContain(receiver.url);
  const health = await service.request("/healthz");
  expect(health.body).toMatchObject({ status: "degraded" });
  expect(JSON.stringify(health.body)).not.toMatch(/127\.0\.0\.1|gone\b/);
});

it("a receiver that was away is told all that waited, each once, and a test finds it", async () => {
  const receiver = await receiverFor((_, response) => void response.writeHead(503).end());
  const service = await serviceFor({
    WEBHOOK_URLS: `local/main=${receiver.url}/in`,
    WEBHOOK_SECRETS: `local/main=${secretOf("m")}`,
  });
  const ids = await keep(service, 20);
  await until(() => service.logged("webhook_failing").length === 1);
  await until(async () => rowsIn((await webhooks(service)).body, "endpoints")[0]?.["pending"] === 20);
  receiver.behaviour.answer = fine;
  const before = receiver.ledger.length;
  const test = await webhooks(service, "/test", post({ name: "main" }));
  expect(test.body).toMatchObject({ name: "main", delivered: true, status: 204 });
  await until(async () => rowsIn((await webhooks(service)).body, "endpoints")[0]?.["pending"] === 0);
  const told = receiver.ledger.slice(before + 1).map(ticketOf);
  expect(told.toSorted()).toEqual(ids.toSorted());
  expect(service.logged("webhook_on")).toHaveLength(1);

  const [row] = rowsIn((await webhooks(service, "/deliveries?status=delivered")).body, "deliveries");
  const again = await webhooks(service, `/deliveries/${String(row?.["delivery_id"])}/redeliver`, {
    method: "POST",
  });
  expect(again.status).toBe(202);
  await until(() => receiver.ledger.length === before + 22);
  expect(receiver.ledger.at(-1)?.headers["webhook-id"]).toBe(row?.["event_id"]);
});

it("every end arrives however often the process is killed, none under two ids, none that was not stored", async () => {
  const cycles = 6;
  const receiver = await receiverFor();
  const DATA_DIR = newDirectory();
  const env = {
    DATA_DIR,
    WEBHOOK_URLS: `local/main=${receiver.url}/in`,
    WEBHOOK_SECRETS: `local/main=${secretOf("k")}`,
    MOCK_LATENCY_MS: "30",
  };
  const kept: string[] = [];
  for (let cycle = 0; cycle < cycles; cycle++) {
    const service = await serviceFor(env);
    const before = receiver.ledger.length;
    const keptBefore = kept.length;
    const keeping = Promise.all(
      Array.from({ length: 12 }, async () => {
        try {
          kept.push(...(await keep(service, 1)));
        } catch {
          // Nobody was promised anything: the process died before it answered.
        }
      }),
    );
    // In the midst of it: after the first is told, or the fifth.
    await until(() => receiver.ledger.length > before + (cycle % 2) * 4 && kept.length >= keptBefore + 3);
    service.kill("SIGKILL");
    await Promise.all([keeping, service.ended]);
  }
  const service = await serviceFor(env);
  const told = () => new Set(receiver.ledger.map(ticketOf));
  await until(() => kept.every((id) => told().has(id)), 40_000);
  const ids = Map.groupBy(receiver.ledger, ticketOf);
  for (const deliveries of ids.values()) {
    expect(new Set(deliveries.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(new Set(deliveries.map(({ body }) => body)).size).toBe(1);
  }
  // Whatever was told is so: it was stored before, and outlived every kill.
  for (const [id, [delivered]] of ids) {
    const { body } = await service.request(`/api/v1/status/${id}`);
    const said = JSON.parse(delivered?.body ?? "") as { data: { status: string } };
    expect(body["status"]).toBe(said.data.status);
  }
  expect(kept.length).toBeGreaterThanOrEqual(cycles * 3);
});

it("a stop gives back what is under way after three seconds, and the next process tells it", async () => {
  const receiver = await receiverFor(() => {});
  const env = {
    DATA_DIR: newDirectory(),
    WEBHOOK_URLS: `local/main=${receiver.url}/in`,
    WEBHOOK_SECRETS: `local/main=${secretOf("s")}`,
  };
  const service = await serviceFor(env);
  await keep(service, 1);
  await until(() => receiver.ledger.length === 1);
  const askedAtMs = Date.now();
  expect(await service.stop()).toEqual({ code: 0, signal: null });
  expect(Date.now() - askedAtMs).toBeLessThan(8_000);
  receiver.behaviour.answer = fine;
  const next = await serviceFor(env);
  await until(() => receiver.ledger.length === 2);
  const [first, second] = receiver.ledger;
  expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
  await until(async () => {
    const [row] = rowsIn((await webhooks(next, "/deliveries")).body, "deliveries");
    return row?.["status"] === "delivered";
  });
  expect(rowsIn((await webhooks(next, "/deliveries")).body, "deliveries")).toMatchObject([{ attempts: 1 }]);
});

it("no text is in anything that is sent, but the judge's where results are asked for", async () => {
  const canary = "canary-7f3a";
  const texts = {
    user_prompt: `${canary} prompt {essay_a}`,
    essay_a: `${canary} first essay`,
    essay_b: `${canary} second essay`,
    user_id: `${canary}-user`,
    llm_config_overrides: { system_prompt_override: `${canary} system` },
  };
  for (const WEBHOOK_INCLUDE_RESULT of ["false", "true"]) {
    const receiver = await receiverFor();
    const service = await serviceFor({
      WEBHOOK_URLS: `local/main=${receiver.url}/in?token=${canary}-path`,
      WEBHOOK_SECRETS: `local/main=${secretOf("c")}`,
      WEBHOOK_INCLUDE_RESULT,
    });
    const [id = ""] = await keep(service, 1, texts);
    await until(() => receiver.ledger.length === 1);
    const [{ body, headers } = { body: "", headers: {} }] = receiver.ledger;
    expect(body + JSON.stringify(headers)).not.toContain(canary);
    const { data } = JSON.parse(body) as { data: { result: Record<string, unknown> | null } };
    const results = (await service.request(`/api/v1/results/${id}`)).body;
    expect(data.result).toEqual(WEBHOOK_INCLUDE_RESULT === "true" ? results : null);
    await until(() => service.logged("webhook_attempt").length === 1);
    expect(service.stdout()).not.toContain(canary);
    expect((await webhooks(service)).text + (await webhooks(service, "/deliveries")).text).not.toContain(
      canary,
    );
    await service.stop();
  }
});

it("a caller's own URL is told in place of the tenant's receivers, signed as its prefix, and is in no answer", async () => {
  const receiver = await receiverFor();
  const service = await serviceFor({
    WEBHOOK_URLS: `local/main=${receiver.url}/main`,
    WEBHOOK_CALLBACK_PREFIXES: `local/app=${receiver.url}/app`,
    WEBHOOK_SECRETS: `local/main=${oldSecret} local/app=${newSecret}`,
  });
  const [id] = await keep(service, 1, { callback_url: `${receiver.url}/app/batch-9?token=canary` });
  await until(() => receiver.ledger.length === 1);
  await keep(service, 1);
  await until(() => receiver.ledger.length === 2);
  const [own, tenants] = receiver.ledger;
  expect([own?.path, tenants?.path]).toEqual(["/app/batch-9?token=canary", "/main"]);
  expect(own && ticketOf(own)).toBe(id);
  expect([oldSecret, newSecret].map((secret) => own && verifiedBy(secret, own))).toEqual([false, true]);
  await until(() => service.logged("webhook_attempt").length === 2);
  const { text, body } = await webhooks(service, "/deliveries?name=app");
  expect(rowsIn(body, "deliveries")).toMatchObject([{ queue_id: id, status: "delivered", endpoint: "app" }]);
  expect(text + service.stdout()).not.toMatch(/canary|batch-9/);
  const refused = await service.compare({
    processing_mode: "queue",
    callback_url: `${receiver.url}/application`,
  });
  expect(refused.status).toBe(400);
});

it("an end that the start of a process brings is told, without a fault", async () => {
  const receiver = await receiverFor();
  const env = {
    DATA_DIR: newDirectory(),
    WEBHOOK_URLS: `local/main=${receiver.url}/in`,
    WEBHOOK_SECRETS: `local/main=${secretOf("s")}`,
    MOCK_LATENCY_MS: "60000",
    QUEUE_REQUEST_TTL_HOURS: "0.0005",
  };
  const first = await serviceFor(env);
  const [id = ""] = await keep(first, 1);
  const statusOf = async () => (await first.request(`/api/v1/status/${id}`)).body["status"];
  await until(async () => (await statusOf()) === "processing");
  first.kill("SIGKILL");
  await first.ended;
  // Its time is over before the next process finds that its call has died with the first one.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const second = await serviceFor(env);
  await until(() => receiver.ledger.length === 1);
  expect(receiver.ledger.map(ticketOf)).toEqual([id]);
  expect(second.logged("background_fault")).toEqual([]);
});
