/** What older code has left in Durable Objects, under the present code: its Worker, its objects, and messages brought by hand. */
import { env as given } from "cloudflare:workers";
import {
  createExecutionContext,
  createMessageBatch,
  createScheduledController,
  evictAllDurableObjects,
  listDurableObjectIds,
  reset,
  runInDurableObject,
  waitOnExecutionContext,
} from "cloudflare:test";
import { inject, onTestFinished, vi } from "vitest";
import type * as WorkerModule from "../../src/cloudflare/worker.ts";
// As text: vite itself does not read half a surrogate pair.
import first from "../migration/fixtures/1df0c65/workerd.json?raw";
import firstManifest from "../migration/fixtures/1df0c65/workerd.manifest.json?raw";
import second from "../migration/fixtures/fd2ab07/workerd.json?raw";
import secondManifest from "../migration/fixtures/fd2ab07/workerd.manifest.json?raw";
import type { Manifest, WorkerdFixture } from "../migration/fixture.ts";
import { moveTo } from "../migration/moments.ts";
import { testMigration } from "../migration/suite.ts";
import { headersFor, settingsFor } from "../migration/world.ts";
import { checked } from "../support/answers.ts";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import { loadObjects } from "./load-workerd.ts";

type Environment = Parameters<typeof WorkerModule.default.fetch>[1];

const bound = given as unknown as Environment;

/** As many messages as a batch has, and how long the platform may take to bring it. */
const batch = 5;
const betweenBatchesMs = 100;

let worlds = 0;

for (const [fixture, manifest] of [
  [first, firstManifest],
  [second, secondManifest],
] as const) {
  testOver(JSON.parse(fixture) as WorkerdFixture, JSON.parse(manifest) as Manifest);
}

function testOver(fixture: WorkerdFixture, manifest: Manifest): void {
  testMigration({
    name: "Durable Objects",
    manifest,
    ownerIsDead: false,
    // Over before the next test, whose tickets have the same ids.
    silent: { fault: "unavailable", delayMs: 1_500, times: "forever" },
    async open(ageMs, steps) {
      await reset();
      await evictAllDurableObjects();
      const lane = fakeLane(inject("fakeUpstreamUrl"), `migration-workerd-${++worlds}`);
      await lane.clear();
      await lane.rescript(steps);
      let messages: string[] = [];
      const working = new Set<Promise<unknown>>();
      const sending = vi.spyOn(bound.TICKETS, "sendBatch");
      sending.mockImplementation((sent: Iterable<MessageSendRequest<string>>) => {
        messages.push(...[...sent].map(({ body }) => body));
        return Promise.resolve({} as QueueSendBatchResponse);
      });
      onTestFinished(async () => {
        await Promise.all(working);
        sending.mockRestore();
      });
      const { madeAtMs, objects } = fixture;
      const move = moveTo(madeAtMs, Date.now(), ageMs);
      await loadObjects(bound, objects, move);
      // The query makes it another module, so it holds nothing of the world before; what it imports is shared.
      const path = `../../src/cloudflare/worker.ts?migration=${worlds}`;
      const { default: worker } = (await import(/* @vite-ignore */ path)) as typeof WorkerModule;
      const env: Environment = {
        ...bound,
        ...settingsFor(manifest, lane),
        LOG_LEVEL: "error",
      } as Environment;
      // The Worker's clock ticks within a minute of a deploy.
      await begin(worker.scheduled(createScheduledController() as ScheduledController, env));

      async function begin(work: Promise<unknown>): Promise<void> {
        working.add(work);
        await work.finally(() => working.delete(work));
      }

      function deliver(): void {
        const now = messages.splice(0, batch);
        if (now.length === 0) return;
        const brought = now.map((body) => ({
          id: crypto.randomUUID(),
          timestamp: new Date(),
          attempts: 1,
          body,
        }));
        const queue = createMessageBatch("llm-provider-service-tickets", brought);
        void begin(worker.queue(queue as MessageBatch<never>, env));
      }

      return {
        lane,
        move,
        async ask(tenant, path, init = {}) {
          const context = createExecutionContext();
          const headers = headersFor(manifest, tenant, init);
          const request = new Request<unknown, IncomingRequestCfProperties>(`http://localhost${path}`, {
            ...(init as RequestInit<never>),
            headers,
          });
          const response = await worker.fetch(request, env, context);
          const answered = await checked(init.method ?? "GET", path, response, "idempotency-key" in headers);
          await waitOnExecutionContext(context);
          return answered;
        },
        async live(ms) {
          const endsAtMs = Date.now() + ms;
          do {
            deliver();
            // Old rows hold moments of the real clock, which alarms go by.
            await new Promise((resolve) => setTimeout(resolve, betweenBatchesMs));
          } while (Date.now() < endsAtMs);
        },
        stored: allTickets,
      };
    },
  });
}

/** Every row of every ticket's object. */
async function allTickets(): Promise<string> {
  const space = bound.TICKET_OBJECTS;
  const rows = (await listDurableObjectIds(space)).map((id) =>
    runInDurableObject(space.get(id), (_, { storage: { sql } }) => {
      const tables = sql.exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      );
      return tables.toArray().map(({ name }) => sql.exec(`SELECT * FROM ${name}`).toArray());
    }),
  );
  return JSON.stringify(await Promise.all(rows));
}
