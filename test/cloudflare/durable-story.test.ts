/** Tickets lived through from submission to judgement in real objects, with the platform at its worst. */
import {
  createExecutionContext,
  createMessageBatch,
  getQueueResult,
  runInDurableObject,
} from "cloudflare:test";
import { expect, it, onTestFinished, vi } from "vitest";
import { callerIn, someComparison } from "../support/asking.ts";
import { claimTicket } from "../../src/cloudflare/claim.ts";
import { configOf } from "../../src/cloudflare/environment.ts";
import { remindTicket, remoteTickets } from "../../src/cloudflare/stubs/tickets.ts";
import type { Remote } from "../../src/cloudflare/stubs/ask-object.ts";
import { remoteGate, haveAskedAfter, lookAtGate } from "../../src/cloudflare/stubs/gate.ts";
import { remoteKeys } from "../../src/cloudflare/stubs/keys.ts";
import { ProviderGate } from "../../src/cloudflare/objects/gate-object.ts";
import worker from "../../src/cloudflare/worker.ts";
import { err, ok } from "../../src/domain/result.ts";
import { queueItemOf } from "../../src/domain/ticket/ticket.ts";
import { createGateFront } from "../../src/engine/front/front.ts";
import { createGateway } from "../../src/gateway/gateway.ts";
import { StoreAway, type Provider } from "../../src/gateway/ports.ts";
import { ticketPolicy } from "../../src/settings/limits.ts";
import { alarmOf, env, evictAll, freshWorld, isStored, settled, storedIn, ticketsOf } from "./objects.ts";
import { goodVerdict, signed } from "../../tools/fake-upstream/signed.ts";

const gateStub = () => env.GATES.get(env.GATES.idFromName("mock"));

/** One isolate with a judge that a test makes ill. */
async function story() {
  const world = await freshWorld();
  const judge = { isIll: false, calls: 0 };
  const provider: Provider = {
    name: "mock",
    plan: () => ({ temperature: null, reasoningEffort: null, structure: "schema", dropped: [] }),
    cost: () => 1,
    judge({ user }) {
      judge.calls++;
      const outcome = judge.isIll
        ? err({ reason: "unavailable", status: 503, retryAfterMs: null } as const)
        : ok({ text: signed(goodVerdict, user), model: "mock-1" });
      return Promise.resolve({ outcome, usage: null, requestId: null, status: null });
    },
  };
  const clock = { nowMs: world.nowMs, monotonicMs: world.nowMs, after: () => () => {} };
  const gate = createGateFront({
    remote: remoteGate(env, "mock"),
    clock,
    newId,
    later: (work) => void work,
  });
  const tickets = remoteTickets(env, () => gate);
  const gateway = createGateway(
    {
      providers: new Map([["mock", provider]]),
      gate: () => gate,
      tickets,
      keys: remoteKeys(env),
      clock,
      newId,
      random: () => 0,
      sha256: (text) => `sha-of-${text.length}`,
      stopping: null,
      mask: (text) => text,
      tell: () => {},
    },
    {
      defaults: {
        provider: "mock",
        models: { anthropic: "a", openai: "o", google: "g", openrouter: "r", mock: "m" },
        maxTokens: 4096,
      },
      requestTimeoutMs: 60_000,
      maxRetries: 0,
    },
  );

  async function submit(mode: "queue" | "queue_if_unavailable" = "queue"): Promise<string> {
    const submitted = await gateway.submit(
      { ...someComparison, essayA: "Canary of essay A" },
      { ...callerIn(mode), correlationId: crypto.randomUUID(), tenant: "tenant" },
    );
    if (!submitted.ok || submitted.value.kind !== "kept") throw new Error(JSON.stringify(submitted));
    return submitted.value.ticket.about.id;
  }

  /** @param aheadMs of the object's clock is the worker's */
  function claim(id: string, aheadMs = 0) {
    const { start } = remoteGate(env, "mock");
    const parts = {
      gate: () => ({ ...gate, start }),
      tickets,
      clock: { ...clock, nowMs: () => world.nowMs() + aheadMs },
      newId,
      random: () => 0,
      askAfter: (ticketId: string) => haveAskedAfter(env, "mock", ticketId),
    };
    return claimTicket(parts, id);
  }

  async function work(id: string): Promise<void> {
    const claimed = await claim(id);
    if (claimed !== null) await gateway.run(claimed);
  }

  return {
    ...world,
    judge,
    gateway,
    claim,
    work,
    tickets,
    submit,
    statusOf: async (id: string) => (await tickets.load(id))?.state.status ?? null,
    /** Brings all messages to a worker. @returns how many there were */
    async deliver(): Promise<number> {
      const ids = await world.sent();
      for (const id of ids) await work(id);
      return ids.length;
    },
  };
}

it("keeps a comparison through an outage, and judges it when the provider is back, whoever is evicted", async () => {
  const s = await story();
  s.judge.isIll = true;
  const ids: string[] = [];
  for (let fault = 0; fault < 5; fault++) ids.push(await s.submit("queue_if_unavailable"));
  const calls = s.judge.calls;
  ids.push(await s.submit("queue_if_unavailable"));
  expect(s.judge.calls).toBe(calls);
  for (let second = 0; second < 60; second += 5) {
    await evictAll();
    await s.advance(5_000);
    await s.deliver();
  }
  s.judge.isIll = false;
  for (let second = 0; second < 120; second += 5) {
    await evictAll();
    await s.advance(5_000);
    await s.deliver();
  }
  expect(await Promise.all(ids.map(s.statusOf))).toEqual(ids.map(() => "completed"));
  expect(await remoteGate(env, "mock").status()).toMatchObject({ state: "closed", queue: { size: 0 } });
  expect(await isStored("Canary of essay A")).toBe(false);
}, 150_000);

it("finishes every ticket though every message was lost and every object evicted: its place lapses", async () => {
  const s = await story();
  const ids = [await s.submit(), await s.submit()];
  expect(await s.sent()).toEqual(ids);
  await evictAll();
  await s.advance(29_999);
  expect(await s.sent()).toEqual([]);
  await s.advance(1);
  expect(await s.deliver()).toBe(2);
  expect(await Promise.all(ids.map(s.statusOf))).toEqual(["completed", "completed"]);
});

it("judges what waits though its gate has lost all that it knew: each ticket speaks up within ten minutes", async () => {
  const s = await story();
  const ids = [await s.submit(), await s.submit()];
  await s.sent();
  await runInDurableObject(gateStub(), (_, { storage }) => storage.deleteAll());
  await evictAll();
  await s.advance(599_999);
  expect(await s.sent()).toEqual([]);
  await s.advance(1);
  expect(await s.deliver()).toBe(2);
  expect(await Promise.all(ids.map(s.statusOf))).toEqual(["completed", "completed"]);
  expect((await remoteGate(env, "mock").status()).queue.size).toBe(0);
});

it("takes a ticket up again whose worker died in the middle of its call", async () => {
  const s = await story();
  const id = await s.submit();
  await s.sent();
  await beginAndDie(id);
  expect(await s.statusOf(id)).toBe("processing");
  await evictAll();
  await s.advance(75_000);
  expect(await s.statusOf(id)).toBe("queued");
  // By its gate, and by itself: the second message finds nothing to do.
  expect(await s.deliver()).toBeGreaterThan(0);
  expect(s.judge.calls).toBe(1);
  expect(await s.tickets.load(id)).toMatchObject({
    state: { status: "completed" },
    progress: { attempts: 1, deaths: 0 },
  });
});

function newId(): string {
  return crypto.randomUUID();
}

/** A worker that never comes back from its call. */
async function beginAndDie(id: string): Promise<void> {
  const tickets = ticketsOf();
  const ticket = await tickets.load(id);
  if (ticket?.state.status !== "queued") throw new Error("it does not wait");
  const { notBeforeMs } = ticket.state;
  await remoteGate(env, "mock").start(queueItemOf(ticket), { permit: "dies", notBeforeMs, suspect: false });
  await tickets.claim(id, "dies", false);
}

it.each([-3_600_000, 3_600_000])(
  "tells a worker what is left of its lease, though the worker's clock is %i ms ahead",
  async (aheadMs) => {
    const s = await story();
    const claimed = await s.claim(await s.submit(), aheadMs);
    expect(claimed?.leaseLeftMs).toBe(ticketPolicy(configOf(env)).leaseMs);
  },
);

it("works tickets itself that Queues refuses, each once, and offers them again every 30 s", async () => {
  const s = await story();
  s.sendBatch.mockRejectedValueOnce(new Error("Queue is overloaded"));
  const id = await s.submit();
  await settled();
  await evictAll();
  expect(await lookAtGate(env, "mock")).toEqual([id]);
  expect(await lookAtGate(env, "mock")).toEqual([]);
  expect(await s.sent()).toEqual([]);
  await s.advance(30_000);
  expect(await s.sent()).toEqual([id]);
  await s.work(id);
  expect(await s.statusOf(id)).toBe("completed");
});

it("does so at each tick of the Worker's clock", async () => {
  const s = await story();
  s.sendBatch.mockRejectedValueOnce(new Error("Queue is overloaded"));
  const id = await s.submit();
  await settled();
  await worker.scheduled({} as ScheduledController, env);
  expect(await s.statusOf(id)).toBe("completed");
});

it("judges what the queue brings, and acknowledges it", async () => {
  const s = await story();
  const id = await s.submit();
  const batch = createMessageBatch("llm-provider-service-tickets", [
    { id: "m1", timestamp: new Date(), attempts: 1, body: id },
    { id: "m2", timestamp: new Date(), attempts: 1, body: crypto.randomUUID() },
  ]);
  await worker.queue(batch as MessageBatch<never>, env);
  const { explicitAcks } = await getQueueResult(batch, createExecutionContext());
  expect(explicitAcks.toSorted()).toEqual(["m1", "m2"]);
  expect(await s.statusOf(id)).toBe("completed");
});

it("hands a dead letter's ticket back to its gate, which has forgotten it", async () => {
  const s = await story();
  const id = await s.submit();
  await s.sent();
  await runInDurableObject(gateStub(), (_, { storage }) => storage.sql.exec("DELETE FROM places"));
  await evictAll();
  const dead = createMessageBatch("llm-provider-service-tickets-dead", [
    { id: "m1", timestamp: new Date(), attempts: 1, body: id },
  ]);
  await worker.queue(dead as MessageBatch<never>, env);
  expect((await getQueueResult(dead, createExecutionContext())).explicitAcks).toEqual(["m1"]);
  expect(await s.deliver()).toBe(1);
  expect(await s.statusOf(id)).toBe("completed");
});

it("keeps nothing that its gate has not admitted: withdraws it until the gate has heard, and leaves nothing", async () => {
  const s = await story();
  // It has admitted the ticket, and the answer is lost.
  const admit = vi.spyOn(ProviderGate.prototype, "admit").mockImplementation(function (
    this: ProviderGate,
    item,
    notBeforeMs,
  ) {
    this.confirm(item, notBeforeMs);
    throw new Error("no answer");
  });
  const withdraw = vi.spyOn(ProviderGate.prototype, "withdraw").mockImplementation(() => {
    throw new Error("no gate");
  });
  onTestFinished(() => void vi.restoreAllMocks());
  await expect(s.submit()).rejects.toThrow("store_away");
  const [item] = admit.mock.calls[0] ?? [];
  const id = item?.ticketId ?? "";
  const stub = env.TICKET_OBJECTS.get(env.TICKET_OBJECTS.idFromName(id));
  expect(await remoteGate(env, "mock").status()).toMatchObject({ queue: { size: 1 } });
  expect(JSON.stringify(await storedIn(stub))).not.toContain("Canary of essay A");
  await s.advance(20_000);
  // 1 s after it was asked, then 2, 4, 8, 16.
  expect(withdraw).toHaveBeenCalledTimes(6);
  expect(await s.statusOf(id)).toBeNull();
  admit.mockRestore();
  withdraw.mockRestore();
  await evictAll();
  // Whatever looks at it first: a message of the gate, which has sent it, or its alarm.
  await s.deliver();
  await s.advance(60_000);
  await settled();
  expect(await storedIn(stub)).toEqual({});
  expect(await alarmOf(stub)).toBeNull();
  expect(await remoteGate(env, "mock").status()).toMatchObject({ queue: { size: 0 } });
  expect(await s.sent()).toEqual([]);
  expect(s.judge.calls).toBe(0);
  // Long under way: nobody is let in by it any more, also by a gate that has begun anew.
  await evictAll();
  const gate = gateStub() as unknown as Remote<ProviderGate>;
  expect(item && (await gate.admit(item, 0))).toEqual({ kind: "full" });
});

it("frees the place of a ticket that is not there, or has ended, as soon as a worker finds that out", async () => {
  const s = await story();
  const gate = gateStub() as unknown as Remote<ProviderGate>;
  const ghost = {
    ticketId: crypto.randomUUID(),
    priority: 0,
    acceptedAtMs: 0,
    sizeBytes: 1,
    model: "m",
    tenant: "",
    comparison: "",
  };
  await gate.confirm(ghost, 0);
  const id = await s.submit();
  await s.deliver();
  expect(await s.statusOf(id)).toBe("completed");
  // A notice that was slower than the one that followed it.
  await gate.confirm({ ...ghost, ticketId: id }, 0);
  await s.deliver();
  expect(await remoteGate(env, "mock").status()).toMatchObject({ queue: { size: 0 } });
});

it("asks after a place whose ticket is silent for 5 minutes, and frees one that has no ticket", async () => {
  const s = await story();
  s.judge.isIll = true;
  for (let fault = 0; fault < 5; fault++) await s.submit("queue_if_unavailable");
  const ghost = {
    ticketId: crypto.randomUUID(),
    priority: 0,
    acceptedAtMs: 0,
    sizeBytes: 1,
    model: "m",
    tenant: "",
    comparison: "",
  };
  await (gateStub() as unknown as ProviderGate).confirm(ghost, s.nowMs() + 3_600_000);
  expect(await remoteGate(env, "mock").status()).toMatchObject({ queue: { size: 6 } });
  await s.advance(299_999);
  expect(await remoteGate(env, "mock").estimate(ghost.ticketId)).not.toBeNull();
  await s.advance(1);
  await settled();
  expect(await remoteGate(env, "mock").status()).toMatchObject({ queue: { size: 5 } });
}, 150_000);

it("writes nothing for an id that nobody knows, not even a table", async () => {
  await freshWorld();
  const id = crypto.randomUUID();
  expect(await ticketsOf().load(id)).toBeNull();
  expect(await remindTicket(env, id)).toBe(false);
  const stub = env.TICKET_OBJECTS.get(env.TICKET_OBJECTS.idFromName(id));
  expect(await storedIn(stub)).toEqual({});
  expect(await alarmOf(stub)).toBeNull();
});

it("leaves nothing behind when a ticket is forgotten", async () => {
  const s = await story();
  const id = await s.submit();
  await s.deliver();
  const stub = env.TICKET_OBJECTS.get(env.TICKET_OBJECTS.idFromName(id));
  expect(Object.keys(await storedIn(stub))).not.toEqual([]);
  await s.advance(86_400_000);
  expect(await storedIn(stub)).toEqual({});
  expect(await alarmOf(stub)).toBeNull();
}, 150_000);

it("never loses a gate's alarm to a failure: it is set again", async () => {
  const s = await story();
  await s.submit();
  const stub = gateStub();
  await runInDurableObject(stub, async (instance, { storage }) => {
    const gate = instance as ProviderGate;
    const transaction = vi.spyOn(storage, "transactionSync").mockImplementation(() => {
      throw new Error("disk full");
    });
    await storage.deleteAlarm();
    await gate.alarm();
    expect(await storage.getAlarm()).toBe(s.nowMs() + 30_000);
    transaction.mockRestore();
  });
});

it("sends what is due at any verb, should the alarm be late", async () => {
  const s = await story();
  const item = {
    ticketId: "late",
    priority: 0,
    acceptedAtMs: 0,
    sizeBytes: 1,
    model: "m",
    tenant: "",
    comparison: "",
  };
  await (gateStub() as unknown as ProviderGate).confirm(item, s.nowMs() + 4_000);
  s.tick(3_999);
  await remoteGate(env, "mock").status();
  expect(await s.sent()).toEqual([]);
  s.tick(1);
  await remoteGate(env, "mock").status();
  expect(await s.sent()).toEqual(["late"]);
});

it("sets an alarm that was lost when it starts", async () => {
  const s = await story();
  const id = await s.submit();
  for (const stub of [gateStub(), env.TICKET_OBJECTS.get(env.TICKET_OBJECTS.idFromName(id))]) {
    await runInDurableObject(stub, (_, { storage }) => storage.deleteAlarm());
    await evictAll();
    expect(await alarmOf(stub)).not.toBeNull();
  }
});

it("serves nothing with a wrong setting, and says so to every verb", async () => {
  await freshWorld();
  await runInDurableObject(gateStub(), (_, state) => {
    const wrong = new ProviderGate(state, { ...env, ENVIRONMENT: "test", QUEUE_MAX_SIZE: "many" } as never);
    expect(() => wrong.overview()).toThrow("a setting is wrong");
    expect(() => wrong.enter("p", "m")).toThrow("a setting is wrong");
  });
});

it("takes texts as long as a body can bring, and gives them back as they were", async () => {
  const s = await story();
  const tickets = ticketsOf();
  const about = (await tickets.load(await s.submit()))?.about;
  if (!about) throw new Error("no ticket");
  const id = crypto.randomUUID();
  const essay = 'ü\n"\u{1f600}'.repeat(100_000);
  const texts = {
    systemPrompt: "s",
    userPrompt: "u",
    essayA: essay.slice(0, 200_000),
    essayB: essay.slice(1, 200_001),
  };
  const draft = {
    about: { ...about, id },
    texts,
    spent: { calls: 0, costUsd: null },
    lastFailure: null,
    delayMs: 0,
  };
  await tickets.create(draft);
  await evictAll();
  expect((await tickets.load(id))?.state).toMatchObject({ texts });
});

it("answers StoreAway where an object can't be reached, after trying again for what may be tried again", async () => {
  await freshWorld();
  let asked = 0;
  const failing = (flags: object) =>
    ({
      ...env,
      GATES: {
        idFromName: () => null,
        get: () => ({
          overview() {
            asked++;
            return Promise.reject(Object.assign(new Error("reset"), flags));
          },
        }),
      },
    }) as never;
  const look = async (flags: object) => {
    asked = 0;
    await expect(remoteGate(failing(flags), "mock").status()).rejects.toBeInstanceOf(StoreAway);
    return asked;
  };
  expect(await look({ retryable: true })).toBeGreaterThan(2);
  expect(await look({ retryable: true, overloaded: true })).toBe(1);
  expect(await look({ remote: true })).toBe(1);
}, 150_000);

it("asks a gate's table at most 8 times for a ticket, from its reservation to its end", async () => {
  const s = await story();
  await remoteGate(env, "mock").status();
  const transactions = await runInDurableObject(gateStub(), (_, { storage }) =>
    vi.spyOn(storage, "transactionSync"),
  );
  const id = await s.submit();
  expect(await remoteGate(env, "mock").estimate(id)).toMatchObject({ position: 1 });
  expect(await s.deliver()).toBe(1);
  await settled();
  expect(await s.statusOf(id)).toBe("completed");
  const verbs = transactions.mock.calls.length;
  transactions.mockRestore();
  expect(verbs).toBeGreaterThan(3);
  expect(verbs).toBeLessThanOrEqual(8);
});
