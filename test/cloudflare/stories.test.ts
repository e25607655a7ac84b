/** The stories inside workerd: the Worker, its objects and their real alarms, and messages brought by hand. */
import { env as given } from "cloudflare:workers";
import {
  createExecutionContext,
  createMessageBatch,
  createScheduledController,
  waitOnExecutionContext,
} from "cloudflare:test";
import { inject, vi } from "vitest";
import worker from "../../src/cloudflare/worker.ts";
import { checked } from "../support/answers.ts";
import { testStories } from "../stories/suite.ts";
import { throwingText } from "../stories/throwing-text.ts";
import { freshLanes, storySettings } from "../stories/world.ts";

type Environment = Parameters<typeof worker.fetch>[1];

const env = given as unknown as Environment;
/** As many messages as a batch has, and how long the platform may take to bring it. */
const batch = 5;
const betweenBatchesMs = 50;

testStories({
  name: "Workers",
  async open() {
    const lanes = await freshLanes(inject("fakeUpstreamUrl"), "stories-workerd");
    // Before any object starts, for it has the same settings.
    Object.assign(env, await storySettings(lanes), { LOG_LEVEL: "error" });
    makeAdaptersThrow();
    // Whoever throws writes a line.
    vi.spyOn(console, "log").mockImplementation(() => {});

    const messages: string[] = [];
    vi.spyOn(env.TICKETS, "sendBatch").mockImplementation((sent: Iterable<MessageSendRequest<string>>) => {
      messages.push(...[...sent].map(({ body }) => body));
      return Promise.resolve({} as QueueSendBatchResponse);
    });
    await worker.scheduled(createScheduledController() as ScheduledController, env);
    const working = new Set<Promise<unknown>>();
    // Queues brings messages by itself, in its own time: so does this, by the clock that alarms and breakers go by.
    const bringing = setInterval(() => {
      const now = messages.splice(0, batch);
      if (now.length === 0) return;
      const brought = now.map((body) => ({
        id: crypto.randomUUID(),
        timestamp: new Date(),
        attempts: 1,
        body,
      }));
      const queue = createMessageBatch("llm-provider-service-tickets", brought);
      const work = worker.queue(queue as MessageBatch<never>, env).finally(() => working.delete(work));
      working.add(work);
    }, betweenBatchesMs);

    return {
      lanes,
      async ask(path, init = {}) {
        const context = createExecutionContext();
        const request = new Request<unknown, IncomingRequestCfProperties>(
          `http://localhost${path}`,
          init as RequestInit<never>,
        );
        const response = await worker.fetch(request, env, context);
        const answered = await checked(init.method ?? "GET", path, response);
        await waitOnExecutionContext(context);
        return answered;
      },
      async close() {
        clearInterval(bringing);
        await Promise.all(working);
      },
    };
  },
});

/** An answer whose headers throw when they are looked at: past where a transport expects faults, as a bug in an adapter would. */
function makeAdaptersThrow(): void {
  const fetch = globalThis.fetch.bind(globalThis);
  vi.spyOn(globalThis, "fetch").mockImplementation((url, init) => {
    if (!String(init?.body).includes(throwingText)) return fetch(url, init);
    const response = new Response(null, { status: 200 });
    Object.defineProperty(response, "headers", {
      get() {
        throw new TypeError("a bug of ours");
      },
    });
    return Promise.resolve(response);
  });
}
