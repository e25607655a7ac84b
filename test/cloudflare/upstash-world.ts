/** Our objects and Workers, with an Upstash of one's own beside them. */
import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from "cloudflare:test";
import { inject, vi } from "vitest";
import type * as WorkerModule from "../../src/cloudflare/worker.ts";
import type { Environment } from "../../src/cloudflare/environment.ts";
import { upstashOf } from "../../src/cloudflare/upstash.ts";
import { checked, post, type Answered } from "../support/answers.ts";
import { ownUpstash } from "../support/redis/upstash-client.ts";
import type { UpstashFault } from "../support/redis/upstash-faults.ts";
import { env, freshWorld, settled } from "./objects.ts";

const controlUrl = inject("upstashControlUrl");

/** For `describe.skipIf`: that there is no redis-server was said once, before all tests. */
export const hasUpstash = controlUrl !== null;

vi.setConfig({ testTimeout: 60_000 });

const comparison = {
  user_prompt: "canary of the prompt",
  essay_a: "canary of essay A",
  essay_b: "canary of essay B",
  user_id: "canary of the user",
  metadata: { pair: 17 },
  llm_config_overrides: {
    provider_override: "mock",
    system_prompt_override: "canary of the system prompt",
  },
};

let modules = 0;

/** A Worker as a new isolate would be. Two tenants may ask it, with the keys `key-one` and `key-two`. */
export async function newWorker(itsEnv: Environment = env) {
  // The query makes it another module, so that it holds nothing of the one before.
  const path = `../../src/cloudflare/worker.ts?upstash-${++modules}`;
  const { default: handler } = (await import(/* @vite-ignore */ path)) as typeof WorkerModule;

  async function ask(path: string, init: RequestInit = {}, key = "key-one"): Promise<Answered> {
    const context = createExecutionContext();
    const request = new Request<unknown, IncomingRequestCfProperties>(
      `http://localhost${path}`,
      init as RequestInit<never>,
    );
    request.headers.set("authorization", `Bearer ${key}`);
    const response = await handler.fetch(request, itsEnv, context);
    const answered = await checked(init.method ?? "GET", path, response);
    await waitOnExecutionContext(context);
    return answered;
  }

  return {
    ...handler,
    ask,
    submit: (mode: "queue" | "immediate") =>
      ask("/api/v1/comparison", post({ ...comparison, processing_mode: mode })),
  };
}

/** All worlds are in one isolate. */
export async function upstashWorlds() {
  if (controlUrl === null) throw new Error("There is no redis-server here.");
  const upstash = await ownUpstash(controlUrl);
  // Before any object starts, for it has the same settings.
  Object.assign(env, {
    ENVIRONMENT: "test",
    LOG_LEVEL: "debug",
    UPSTASH_REDIS_REST_URL: upstash.url,
    UPSTASH_REDIS_REST_TOKEN: upstash.token,
    API_KEYS: `one:${await sha256("key-one")},two:${await sha256("key-two")}`,
  });
  // On a busy machine the real budget would end what is well. Only a command that waits for nothing ends in its time.
  const realTimeout = AbortSignal.timeout.bind(AbortSignal);
  let isSilent = false;
  const budgets = vi
    .spyOn(AbortSignal, "timeout")
    .mockImplementation((limitMs) => (isSilent ? realTimeout(limitMs) : new AbortController().signal));
  const printed = vi.spyOn(console, "log").mockImplementation(() => {});
  const worker = await newWorker();
  let worlds = 0;

  function fail(fault: UpstashFault, options?: Parameters<typeof upstash.fail>[1]) {
    isSilent = fault.kind === "hang" || fault.kind === "slow";
    return upstash.fail(fault, options);
  }

  function heal() {
    isSilent = false;
    return upstash.heal();
  }

  /** An empty world, in which nobody rests from what happened in the ones before: its days are later, and all have had an answer. */
  return async function freshUpstash() {
    const world = await freshWorld();
    world.tick(++worlds * 86_400_000);
    await heal();
    await runInDurableObject(env.GATES.get(env.GATES.idFromName("mock")), async (gate) => {
      // Objects have an `env` of their own here.
      for (const its of [env, (gate as unknown as { readonly env: Environment }).env])
        await upstashOf(its)?.undelivered.fetch(1);
    });
    await upstash.renew();
    printed.mockClear();
    budgets.mockClear();
    return {
      ...world,
      upstash: { ...upstash, fail, heal },
      /** What each command since this world began, or since it was cleared, was given, in milliseconds. */
      budgets,
      worker,
      /** @returns the id of one that waits */
      async ticket(): Promise<string> {
        const { status, body } = await worker.submit("queue");
        if (status !== 202) throw new Error(JSON.stringify(body));
        return String(body["queue_id"]);
      },
      /** What is written of a ticket; `null`: nothing. */
      async copy(id: string): Promise<Copy | null> {
        const record = await upstash.redis("HGET", `llm-provider-service:queue:requests:${id}`, "record");
        return typeof record === "string" ? (JSON.parse(record) as Copy) : null;
      },
      /** Is there a text of a comparison, or a user's name, anywhere in it? */
      async holdsTexts(): Promise<boolean> {
        return JSON.stringify(await upstash.dump()).includes("canary");
      },
      log: () => printed.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>),
    };
  };
}

interface Copy {
  readonly version: number;
  readonly progress: { readonly events: number; readonly updatedAtMs: number };
  readonly state: { readonly status: string };
}

/** No object of a ticket can be reached in it. */
export function withoutTickets(): Environment {
  const away = () => Promise.reject(new Error("Network connection lost."));
  const verbs = { create: away, load: away, claim: away, settle: away, giveBack: away, remind: away };
  return {
    ...env,
    TICKET_OBJECTS: { idFromName: () => null, get: () => verbs } as unknown as DurableObjectNamespace,
  };
}

/** Waits for what goes on behind the answers. @throws {Error} where it does not come to pass in 15 s */
export async function until(check: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 750; turn++) {
    await settled();
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it did not come to pass");
}

async function sha256(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
