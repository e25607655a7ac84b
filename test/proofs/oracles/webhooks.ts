/**
 * The official libraries of Standard Webhooks, in JavaScript and Python, and OpenAI's own: do they take every attempt that the service makes, on each
 * platform, before, while and after a secret is replaced? And do the receivers that the documentation shows?
 */
import { strict as assert } from "node:assert";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { goodBody, post } from "../../support/answers.ts";
import { startService, type PlatformName, type ServiceProcess } from "../../support/processes.ts";
import { until } from "../../support/redis/pair.ts";
import { startRedis } from "../../support/redis/server.ts";
import type { Check, Oracle } from "./oracle.ts";
import { pythonTool, pythonWith } from "./python.ts";
import { ledger, pageReceiver, type Attempt, type Ledger, type PageReceiver } from "./webhooks/receivers.ts";
import { verifiers, type Verifier } from "./webhooks/verifiers.ts";

const pythonVersion = "1.1.0";
const key = "lps_tenant_0123456789";
const authorization = `Bearer ${key}`;
const canary = "canary-5d1f";
/** In each phase. */
const ticketCount = 2;
/** From the signature to its arrival. */
const freshWithinMs = 15_000;

export const oracle: Oracle = {
  tools: [
    pythonTool,
    {
      command: "redis-server",
      versionArgs: ["--version"],
      debianPackage: "redis-server",
      howToGet: "apt-get install redis-server",
    },
  ],
  async ask(check) {
    let python = "";
    const isThere = await check(`standardwebhooks ${pythonVersion} of PyPI can be installed`, async () => {
      python = await pythonWith("standardwebhooks", pythonVersion);
    });
    if (!isThere) return;
    const redis = await startRedis();
    try {
      await Promise.all([
        askOn("Node", "node", [{}], python, check),
        askOn("two processes with a Redis", "node", [{}, {}], python, check, { REDIS_URL: redis.url }),
        askOn("Workers", "workerd", [{}], python, check),
      ]);
    } finally {
      await redis.close();
    }
  },
};

interface Story {
  readonly main: Ledger;
  /** Knows the old secret. */
  readonly inJavaScript: PageReceiver;
  /** Knows the new one. */
  readonly inPython: PageReceiver;
  /** Each phase's tickets, and what was sent of them to the ledger until all had arrived. */
  readonly phases: { readonly ids: readonly string[]; readonly attempts: readonly Attempt[] }[];
  /** Of each phase: by who knows the old secret, by who knows the new one; of each verifier. */
  readonly taken: Map<string, (readonly [old: boolean, next: boolean])[]>;
  /** What the service says that it has delivered to the ledger, at the end. */
  log: readonly Readonly<Record<string, unknown>>[];
}

const secrets = {
  main: pair(),
  javascript: pair(),
  python: pair(),
};

function pair() {
  return [0, 1].map(() => `whsec_${randomBytes(32).toString("base64")}`) as [old: string, next: string];
}

async function askOn(
  where: string,
  platform: PlatformName,
  processes: readonly object[],
  python: string,
  check: Check,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "oracle-webhooks-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const all = verifiers(python);
  const story: Story = {
    main: await ledger(),
    inJavaScript: await pageReceiver(process.execPath, "receive.mjs", secrets.javascript[0]),
    inPython: await pageReceiver(python, "receive.py", secrets.python[1]),
    phases: [],
    taken: new Map(all.map(({ name }) => [name, []])),
    log: [],
  };
  const isTold = await check(`a secret is replaced while tickets end, on ${where}`, async () => {
    for (const phase of ["old", "both", "new"] as const) {
      const settings = { ...settingsOf(story, phase), ...more };
      const services = await Promise.all(
        processes.map((_, at) => startService(platform, { folder: join(folder, String(at)), settings })),
      );
      try {
        await tell(story, services, phase, all);
      } finally {
        await Promise.all(services.map((service) => service.stop()));
      }
    }
  });
  if (!isTold) return;
  const every = story.phases.flatMap(({ attempts }) => attempts);
  await check(`each event comes again under its id, with its body and a fresh timestamp, on ${where}`, () => {
    const ids = new Set(every.map(({ ticketId }) => ticketId));
    assert.deepEqual([...ids].toSorted(), story.phases.flatMap((phase) => phase.ids).toSorted());
    for (const [first, ...again] of Map.groupBy(every, ({ ticketId }) => ticketId).values()) {
      assert.equal(again.length, 1, "refused once, it comes once more");
      assert.match(first?.id ?? "", new RegExp(`^evt_${first?.ticketId}_\\d+$`));
      for (const attempt of again) {
        assert.equal(attempt.id, first?.id);
        assert.equal(attempt.body, first?.body);
        assert.ok(attempt.signedAtMs > (first?.signedAtMs ?? Infinity), "signed anew");
      }
    }
    for (const { signedAtMs, heardAtMs } of every)
      assert.ok(signedAtMs <= heardAtMs && heardAtMs - signedAtMs < freshWithinMs, "signed as it was sent");
    assert.ok(!JSON.stringify(every).includes(canary), "no text is in it");
  });
  for (const { name } of all)
    await check(`${name} takes each attempt while either secret is set, and no other, on ${where}`, () => {
      assert.deepEqual(story.taken.get(name), [
        [true, false],
        [true, true],
        [false, true],
      ]);
    });
  await check(`the receivers of the documentation are told each ticket once, on ${where}`, () => {
    const [old = [], both = [], next = []] = story.phases.map(({ ids }) => ids);
    assert.deepEqual(story.inJavaScript.tickets().toSorted(), [...old, ...both].toSorted());
    assert.deepEqual(story.inPython.tickets().toSorted(), [...old, ...both, ...next].toSorted());
  });
  await check(`the log of deliveries says the same, on ${where}`, () => {
    assert.deepEqual(
      story.log.map(({ event_id }) => event_id).toSorted(),
      [...new Set(every.map(({ id }) => id))].toSorted(),
    );
    for (const { status, attempts } of story.log) assert.deepEqual([status, attempts], ["delivered", 2]);
  });
}

/** Tickets, until all that are to hear of them have. */
async function tell(
  story: Story,
  services: readonly ServiceProcess[],
  phase: "old" | "both" | "new",
  all: readonly Verifier[],
): Promise<void> {
  const [first] = services;
  if (first === undefined) return;
  const before = story.main.attempts.length;
  const ids = await Promise.all(
    Array.from({ length: ticketCount }, (_, at) => ticket(services[at % services.length] ?? first)),
  );
  await until(
    async () => story.main.attempts.slice(before).filter(({ answered }) => answered === 204).length,
    (count) => count === ids.length,
    90,
  );
  if (phase === "both") await redeliver(first, "python");
  const told = [...story.phases.flatMap((earlier) => earlier.ids), ...ids];
  const has = (receiver: PageReceiver) => async () =>
    told.filter((id) => receiver.tickets().includes(id)).length;
  if (phase !== "new") await until(has(story.inJavaScript), (count) => count === told.length, 60);
  if (phase !== "old") await until(has(story.inPython), (count) => count === told.length, 60);
  const attempts = story.main.attempts.slice(before);
  story.phases.push({ ids, attempts });
  for (const { name, take } of all) {
    const [old, next] = secrets.main;
    const said = await Promise.all(
      [old, next].map(async (secret) => await take(attempts.map((attempt) => ({ ...attempt, secret })))),
    );
    const [byOld = [], byNext = []] = said;
    for (const answers of said) assert.equal(new Set(answers).size, 1, `${name} takes some: ${answers}`);
    story.taken.get(name)?.push([byOld[0] === true, byNext[0] === true]);
    const changed = attempts.map(({ body, headers }) => ({
      headers,
      body: body.replace("completed", "cancelled"),
    }));
    const secret = phase === "old" ? old : next;
    const forged = await take(changed.map((attempt) => ({ ...attempt, secret })));
    assert.deepEqual(new Set(forged), new Set([false]), `${name} takes a body that was changed`);
  }
  story.log = await deliveries(first, "main");
}

function settingsOf(story: Story, phase: "old" | "both" | "new"): Record<string, string> {
  const entries = (name: string, [old, next]: readonly [string, string]) =>
    ({ old: [old], both: [next, old], new: [next] })[phase].map((secret) => `maths/${name}=${secret}`);
  return {
    ENVIRONMENT: "test",
    API_KEYS: `maths:${createHash("sha256").update(key).digest("hex")}`,
    MOCK_LATENCY_MS: "20",
    WEBHOOK_URLS: [
      `maths/main=${story.main.url}`,
      `maths/javascript=${story.inJavaScript.url}`,
      `maths/python=${story.inPython.url}`,
    ].join(" "),
    WEBHOOK_SECRETS: [
      ...entries("main", secrets.main),
      ...entries("javascript", secrets.javascript),
      ...entries("python", secrets.python),
    ].join(" "),
  };
}

async function ticket({ origin }: ServiceProcess): Promise<string> {
  const asked = {
    ...goodBody,
    essay_a: `${canary} essay`,
    metadata: { note: "é€😀" },
    processing_mode: "queue",
  };
  const init = post(asked);
  const answer = await fetch(`${origin}/api/v1/comparison`, {
    ...init,
    headers: { ...(init.headers as Record<string, string>), authorization },
  });
  assert.equal(answer.status, 202);
  return ((await answer.json()) as { queue_id: string }).queue_id;
}

async function deliveries({ origin }: ServiceProcess, name: string) {
  const answer = await fetch(`${origin}/api/v1/webhooks/deliveries?name=${name}&limit=100`, {
    headers: { authorization },
  });
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { deliveries: Record<string, unknown>[] }).deliveries;
}

/** All that still waits for it, now. */
async function redeliver(service: ServiceProcess, name: string): Promise<void> {
  for (const { delivery_id, status } of await deliveries(service, name)) {
    if (status !== "pending") continue;
    const path = `/api/v1/webhooks/deliveries/${String(delivery_id)}/redeliver`;
    const { status: answered } = await fetch(service.origin + path, {
      method: "POST",
      headers: { authorization },
    });
    assert.equal(answered, 202);
  }
}
