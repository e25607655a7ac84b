/** What a comparison costs in requests to Durable Objects. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { expect, it, onTestFinished, vi } from "vitest";
import type { Environment } from "../../src/cloudflare/environment.ts";
import { ProviderGate } from "../../src/cloudflare/objects/gate-object.ts";
import { KeyObject } from "../../src/cloudflare/objects/key-object.ts";
import { MetricsObject } from "../../src/cloudflare/objects/metrics-object.ts";
import { OperatorObject } from "../../src/cloudflare/objects/operator-object.ts";
import { TenantIndex } from "../../src/cloudflare/objects/tenant-index.ts";
import { TicketObject } from "../../src/cloudflare/objects/ticket-object.ts";
import { TotalsObject } from "../../src/cloudflare/objects/totals-object.ts";
import type * as WorkerModule from "../../src/cloudflare/worker.ts";
import { remoteGate } from "../../src/cloudflare/stubs/gate.ts";
import { remoteTotals } from "../../src/cloudflare/stubs/totals.ts";
import { createGateFront } from "../../src/engine/front/front.ts";
import { goodBody, post } from "../support/answers.ts";
import { env, freshWorld, settled, ticketsOf } from "./objects.ts";

it("asks objects less than once in twenty comparisons at fifty a second in one isolate", async () => {
  const world = await freshWorld();
  let requests = 0;
  const counted = {
    ...env,
    GATES: counting(env.GATES),
    TOTALS_OBJECTS: counting(env.TOTALS_OBJECTS),
  };
  function counting(namespace: DurableObjectNamespace): DurableObjectNamespace {
    return {
      idFromName: (name: string) => namespace.idFromName(name),
      get(id: DurableObjectId) {
        requests++;
        return namespace.get(id);
      },
    } as DurableObjectNamespace;
  }

  let timers: { readonly atMs: number; readonly run: () => void }[] = [];
  const clock = {
    nowMs: world.nowMs,
    monotonicMs: world.nowMs,
    after(delayMs: number, run: () => void) {
      const timer = { atMs: world.nowMs() + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
  };
  const gate = createGateFront({ remote: remoteGate(counted, "mock"), clock, newId, later });
  const totals = remoteTotals(counted, clock, later);

  const comparisons = 50 * 30;
  for (let number = 0; number < comparisons; number++) {
    expect((await gate.enter(newId(), { tenant: "", model: "m" })).kind).toBe("call");
    await gate.report({ permit: null, epoch: 0, finding: { kind: "healthy" }, durationMs: 100 });
    totals.add("tenant", "2100-01-01", 1, 0.001);
    world.tick(20);
    const due = timers.filter(({ atMs }) => atMs <= world.nowMs());
    timers = timers.filter((timer) => !due.includes(timer));
    for (const { run } of due) run();
    // What is under way comes back within these 20 ms. Objects answer in real time, and some of what waits for them waits for the clock above too.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await settled();
  expect(requests / comparisons).toBeLessThan(0.05);
  // All of them were told.
  expect(await remoteGate(env, "mock").status()).toMatchObject({ meanResponseMs: 100 });
  expect((await totals.of("tenant", "2100-01-01")).requests).toBe(comparisons);
}, 150_000);

it("asks two objects for a 202, and eleven times in a ticket's whole life, its gate four times and its tenant's index twice", async () => {
  const world = await freshWorld();
  const asked = countedRequests();
  const { default: worker } = (await import("../../src/cloudflare/worker.ts")) as typeof WorkerModule;
  const itsEnv = { ...env, ENVIRONMENT: "development" } as Environment;
  const context = createExecutionContext();
  const body = { ...goodBody, processing_mode: "queue", llm_config_overrides: { provider_override: "mock" } };
  const request = new Request<unknown, IncomingRequestCfProperties>(
    "http://localhost/api/v1/comparison",
    post(body) as RequestInit<never>,
  );
  const response = await worker.fetch(request, itsEnv, context);
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({ position_in_queue: 1, retry_after: 1 });
  // The index is told beside the answer, which waits for neither.
  expect(asked.verbs().filter((verb) => verb !== "index note")).toEqual(["ticket create", "gate admit"]);
  await waitOnExecutionContext(context);

  const [id = ""] = await world.sent();
  const message = { id: "m", timestamp: new Date(), body: id, attempts: 1, ack() {}, retry() {} };
  const queue = "llm-provider-service-tickets";
  const batch = { queue, messages: [message], ackAll() {}, retryAll() {} } as unknown as MessageBatch<string>;
  await worker.queue(batch, itsEnv);
  await settled();
  const ticket = await asked.without(() => ticketsOf().load(id));
  expect(ticket?.state.status).toBe("completed");
  const ofGate = asked.verbs().filter((verb) => verb.startsWith("gate "));
  expect(ofGate).toEqual(["gate admit", "gate start", "gate exchange", "gate release"]);
  expect(asked.verbs().filter((verb) => verb.startsWith("index "))).toEqual(["index note", "index note"]);
  // Once a day for each tenant.
  const ofTicket = asked.verbs().filter((verb) => verb !== "operator noteTenant");
  expect(asked.verbs().length - ofTicket.length).toBeLessThanOrEqual(1);
  expect(ofTicket.length).toBeLessThanOrEqual(11);
});

it("asks each gate once for where all waiting tickets of a list stand", async () => {
  const positions = await positionsOfWaiting();
  const asked = countedRequests();
  expect((await positions()).filter(Boolean).length).toBeGreaterThan(0);
  expect(asked.verbs().filter((verb) => verb.startsWith("gate outlook"))).toEqual(["gate outlooks"]);
});

it("lists tickets without where they stand while a gate of older code is asked, which knows no such question", async () => {
  const positions = await positionsOfWaiting();
  const verb = Object.getOwnPropertyDescriptor(ProviderGate.prototype, "outlooks") ?? {};
  onTestFinished(() => void Object.defineProperty(ProviderGate.prototype, "outlooks", verb));
  Reflect.deleteProperty(ProviderGate.prototype, "outlooks");
  expect(await positions()).toEqual([null, null, null, null]);
});

/** Four tickets, some of which wait. @returns lists them: where each says it stands */
async function positionsOfWaiting(): Promise<() => Promise<readonly (number | null)[]>> {
  await freshWorld();
  const { default: worker } = (await import("../../src/cloudflare/worker.ts")) as typeof WorkerModule;
  const itsEnv = { ...env, ENVIRONMENT: "development" } as Environment;
  const context = createExecutionContext();
  const send = (path: string, init: RequestInit) =>
    worker.fetch(
      new Request<unknown, IncomingRequestCfProperties>(
        `http://localhost${path}`,
        init as RequestInit<never>,
      ),
      itsEnv,
      context,
    );
  const body = { ...goodBody, processing_mode: "queue", llm_config_overrides: { provider_override: "mock" } };
  for (let count = 0; count < 4; count++) await send("/api/v1/comparison", post(body));
  await settled();
  return async () => {
    const answer = await send("/api/v1/tickets", {});
    expect(answer.status).toBe(200);
    const { tickets } = await answer.json<{ tickets: { position_in_queue: number | null }[] }>();
    return tickets.map((ticket) => ticket.position_in_queue);
  };
}

/** Every request of an object's verb. */
function countedRequests() {
  const verbs: string[] = [];
  let isCounting = true;
  const objects = {
    gate: ProviderGate,
    ticket: TicketObject,
    totals: TotalsObject,
    key: KeyObject,
    index: TenantIndex,
    metrics: MetricsObject,
    operator: OperatorObject,
  };
  for (const [name, { prototype }] of Object.entries(objects)) {
    for (const verb of Object.getOwnPropertyNames(prototype)) {
      if (verb === "constructor" || verb === "alarm") continue;
      const target = prototype as unknown as Record<string, (...given: unknown[]) => unknown>;
      const original = target[verb];
      vi.spyOn(target, verb).mockImplementation(function (this: unknown, ...given) {
        if (isCounting) verbs.push(`${name} ${verb}`);
        return original?.apply(this, given);
      });
    }
  }
  onTestFinished(() => void vi.restoreAllMocks());
  return {
    verbs: () => verbs,
    async without<T>(work: () => Promise<T>): Promise<T> {
      isCounting = false;
      return await work().finally(() => (isCounting = true));
    },
  };
}

function later(work: Promise<unknown>): void {
  void work;
}

function newId(): string {
  return crypto.randomUUID();
}
