/** Many tickets wait for their provider, and it comes back: real objects, the Worker's own consumer, messages by hand. */
import {
  createExecutionContext,
  createMessageBatch,
  getQueueResult,
  runDurableObjectAlarm,
} from "cloudflare:test";
import { expect, it, vi } from "vitest";
import { remoteGate } from "../../src/cloudflare/stubs/gate.ts";
import type { Environment } from "../../src/cloudflare/environment.ts";
import worker from "../../src/cloudflare/worker.ts";
import { said } from "../support/scripted-transport.ts";
import { post } from "../support/answers.ts";
import { alarmOf, env, freshWorld, ticketsOf } from "./objects.ts";
import { goodVerdict, signed } from "../../tools/fake-upstream/signed.ts";

/** Of a thousand, which take two minutes here: each ticket's object is a file of its own, whose every write workerd waits for. */
const tickets = 100;

const vendorEnv = {
  ...env,
  OPENAI_API_KEY: "k",
  OPENAI_BASE_URL: "http://vendor.test/v1",
  DEFAULT_LLM_PROVIDER: "openai",
  LLM_MAX_RETRIES: "0",
  LOG_LEVEL: "error",
} as unknown as Environment;
const gateStub = () => env.GATES.get(env.GATES.idFromName("openai"));

/** The deployed Worker with a vendor that a test takes down. */
async function drainingWorld() {
  const world = await freshWorld();
  const vendor = { isDown: true, calls: [] as { readonly essay: string; readonly isGood: boolean }[] };
  vi.spyOn(globalThis, "fetch").mockImplementation(async (_url, init) => {
    const essay = /ticket (\d+)\./.exec(String(init?.body))?.[1] ?? "none";
    vendor.calls.push({ essay, isGood: !vendor.isDown });
    const step = said(signed(goodVerdict, String(init?.body)));
    if (vendor.isDown || typeof step !== "object" || !("text" in step))
      return new Response("{}", { status: 503 });
    return new Response(step.text);
  });

  const inOrder: string[] = [];

  return {
    ...world,
    vendor,
    async submit(number: number, mode: string, priority: number) {
      const body = {
        user_prompt: "Which one?",
        essay_a: `This is ticket ${number}. ${"The river floods every spring. ".repeat(190)}`,
        essay_b: "The bridge was paid for by the market. ".repeat(150),
        processing_mode: mode,
        priority,
      };
      const request = new Request("http://127.0.0.1/api/v1/comparison", post(body));
      const answer = await worker.fetch(request as never, vendorEnv, createExecutionContext());
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    /** Ids in the order in which the gate has sent them. */
    sentInOrder: inOrder,
    /** Lets time pass. The gate's alarm rings at its time, and every message comes twice. */
    async live(seconds: number): Promise<void> {
      const endsAtMs = world.nowMs() + seconds * 1_000;
      for (;;) {
        for (let ids = await world.sent(); ids.length > 0; ids = await world.sent()) {
          inOrder.push(...ids);
          await deliver([...ids, ...ids]);
        }
        const atMs = await alarmOf(gateStub());
        if (atMs === null || atMs > endsAtMs) break;
        world.tick(Math.max(0, atMs - world.nowMs()));
        await runDurableObjectAlarm(gateStub());
      }
      world.tick(endsAtMs - world.nowMs());
    },
  };
}

/** Brings messages to the Worker, which must acknowledge each. */
async function deliver(ids: readonly string[]): Promise<void> {
  const batch = createMessageBatch(
    "llm-provider-service-tickets",
    ids.map((body) => ({ id: crypto.randomUUID(), timestamp: new Date(), attempts: 1, body })),
  );
  await worker.queue(batch as MessageBatch<never>, vendorEnv);
  expect((await getQueueResult(batch, createExecutionContext())).explicitAcks).toHaveLength(ids.length);
}

it(`judges ${tickets} tickets of 12 KB once each after an outage, by priority and then by age`, async () => {
  const world = await drainingWorld();
  const { vendor } = world;
  for (let fault = 0; fault < 5; fault++) await world.submit(0, "immediate", 0);
  const kept: { readonly id: string; readonly essay: string; readonly priority: number }[] = [];
  for (let number = 1; number <= tickets; number++) {
    world.tick(1);
    const priority = (number * 7) % 11;
    const { status, body } = await world.submit(number, "queue", priority);
    expect(status).toBe(202);
    kept.push({ id: String(body["queue_id"]), essay: String(number), priority });
  }
  await world.live(120);
  const probes = vendor.calls.length - 5;
  expect(probes).toBeGreaterThan(1);
  vendor.isDown = false;
  await world.live(120);

  // A stable sort: of the same priority, the older first.
  const inTurn = kept.toSorted((a, b) => b.priority - a.priority).map(({ id }) => id);
  // Each probe, the failed ones and the two good ones, is another ticket's.
  const goodProbes = inTurn.slice(probes, probes + 2);
  expect(world.sentInOrder).toEqual([
    ...inTurn.slice(0, probes),
    ...goodProbes,
    ...inTurn.filter((id) => !goodProbes.includes(id)),
  ]);
  const judged = vendor.calls.filter(({ isGood }) => isGood).map(({ essay }) => essay);
  expect(judged.toSorted()).toEqual(kept.map(({ essay }) => essay).toSorted());
  const found = await Promise.all(kept.map(({ id }) => ticketsOf().load(id)));
  expect(found.map((ticket) => ticket?.state.status)).toEqual(kept.map(() => "completed"));
  expect(await remoteGate(env, "openai").status()).toMatchObject({ state: "closed", queue: { size: 0 } });
}, 150_000);
