/** Processes of one service, as far as they share a Redis: each with its own connection and a judge that a test scripts. */
import { onTestFinished, vi } from "vitest";
import type { Failure } from "../../../src/domain/failure.ts";
import type { QueueSettings } from "../../../src/settings/limits.ts";
import { err, ok } from "../../../src/domain/result.ts";
import { createGateway } from "../../../src/gateway/gateway.ts";
import { createKeyedSubmit } from "../../../src/gateway/idempotency.ts";
import type { Ports, Provider } from "../../../src/gateway/ports.ts";
import type { Caller } from "../../../src/gateway/submission.ts";
import { endedEventJson } from "../../../src/http/notices.ts";
import { redisTransport } from "../../../src/node/redis/connection.ts";
import { openRedis } from "../../../src/node/redis/store.ts";
import { callerIn, someComparison } from "../asking.ts";
import { realClock } from "./stores.ts";
import { goodVerdict, signed } from "../../../tools/fake-upstream/signed.ts";

export interface InstanceOptions {
  readonly name: string;
  readonly url: string;
  readonly settings: QueueSettings;
  /** One call; `null`: it brought a judgement. */
  readonly judge: (instance: string) => Promise<Failure | null>;
}

const requestTimeoutMs = 10_000;

/** Is connected when it is there. `store.start(gateway.run)` makes it take tickets. */
export async function instance({ name, url, settings, judge }: InstanceOptions) {
  const faults: unknown[] = [];
  // More patient than the service: the machine may be busy with other tests.
  const redis = redisTransport(url, realClock, 5_000);
  const store = openRedis(
    {
      url,
      settings,
      clock: realClock,
      random: () => 0.5,
      newId: () => crypto.randomUUID(),
      endedEvent: endedEventJson,
      onFault: (error) => faults.push(error),
    },
    redis,
  );
  onTestFinished(() => store.close());

  const provider: Provider = {
    name: "mock",
    plan: () => ({ temperature: null, reasoningEffort: null, structure: "schema", dropped: [] }),
    cost: () => null,
    async judge({ user }) {
      const failure = await judge(name);
      const outcome = failure === null ? ok({ text: signed(goodVerdict, user), model: name }) : err(failure);
      return { outcome, usage: null, requestId: null, status: null };
    },
  };
  const ports: Ports = {
    providers: new Map([["mock", provider]]),
    gate: store.gate,
    tickets: store.tickets,
    keys: store.keys,
    clock: realClock,
    newId: () => crypto.randomUUID(),
    random: () => 0.5,
    sha256: (text) => `sha-of-${text.length}`,
    stopping: null,
    mask: (text) => text,
    tell: () => {},
  };
  const models = { anthropic: "a", openai: "o", google: "g", openrouter: "r", mock: "m" };
  const defaults = { provider: "mock", models, maxTokens: 4096 } as const;
  const gateway = createGateway(ports, { defaults, requestTimeoutMs, maxRetries: 0 });
  const submitKeyed = createKeyedSubmit(ports, gateway.submit, {
    leaseMs: requestTimeoutMs,
    retentionMs: settings.queue.retentionMs,
  });

  await vi.waitFor(() => store.health(), { timeout: 40_000, interval: 5 });
  return {
    name,
    store,
    gateway,
    faults,
    submit: (mode: Caller["mode"]) => gateway.submit(someComparison, callerIn(mode)),
    submitKeyed: (key: string) =>
      submitKeyed({ name: key, requestSha256: "same" }, someComparison, callerIn("immediate"), (judged) =>
        JSON.stringify(judged.judgement),
      ),
    /** @returns its id */
    async queue(): Promise<string> {
      const submitted = await gateway.submit(someComparison, callerIn("queue"));
      if (!submitted.ok || submitted.value.kind !== "kept") throw new Error(JSON.stringify(submitted));
      return submitted.value.ticket.about.id;
    },
    /** Of what it judged: who did it. `null`: it has not ended so. */
    async judgedBy(id: string): Promise<string | null> {
      const ticket = await store.tickets.load(id);
      return ticket?.state.status === "completed" ? ticket.state.result.model : null;
    },
  };
}
