/** The bus on Workers over a real queue: the Worker in workerd with the binding `EVENTS`, as wrangler.toml says, and a consumer that passes on what comes. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { freePort, startServer } from "../proofs/bench/processes.ts";
import { checked, goodBody, post } from "../support/answers.ts";
import { eventSink, storiesIn } from "../support/event-sink.ts";
import { until } from "../support/redis/pair.ts";

it("every transition of every ticket is a message, in order, with no text in it", async () => {
  const sink = await eventSink();
  onTestFinished(() => sink.close());
  const folder = mkdtempSync(join(tmpdir(), "workers-bus-"));
  const port = await freePort();
  const worker = await startServer(
    {
      file: resolve("node_modules/.bin/wrangler"),
      args: [
        "dev",
        "-c",
        workerIn(folder),
        "-c",
        consumerIn(folder, sink.url),
        "--port",
        String(port),
        "--ip",
        "127.0.0.1",
        "--var",
        "ENVIRONMENT:development",
        "--show-interactive-dev-session=false",
      ],
      env: { WRANGLER_SEND_METRICS: "false", HOME: folder, CI: "1" },
      cwd: folder,
    },
    port,
    null,
  );
  onTestFinished(() => worker.stop());
  const ids = await Promise.all(
    Array.from({ length: 5 }, async (_, at) => {
      const path = "/api/v1/comparison";
      const asked = { ...goodBody, essay_a: `canary ${at}`, processing_mode: "queue" };
      const { status, body } = await checked("POST", path, await fetch(worker.origin + path, post(asked)));
      expect(status).toBe(202);
      return String(body["queue_id"]);
    }),
  );
  const stories = await until(
    async () => Object.fromEntries(storiesIn(sink.events)),
    (stories) => ids.every((id) => stories[id] === "queued processing completed"),
    60,
  );
  expect(Object.keys(stories).toSorted()).toEqual(ids.toSorted());
  for (const { text } of sink.events) expect(text).not.toContain("canary");
});

/** The marks before the binding taken away, as an operator does. */
function workerIn(folder: string): string {
  const settings = readFileSync("wrangler.toml", "utf8")
    .replace('"src/cloudflare/worker.ts"', JSON.stringify(resolve("src/cloudflare/worker.ts")))
    .replace(
      /# (\[\[queues\.producers\]\]\n)# (binding = "EVENTS"\n)# (queue = "llm-provider-service-events"\n)/,
      "$1$2$3",
    );
  expect(settings).toContain('\nbinding = "EVENTS"\n');
  const file = join(folder, "worker.toml");
  writeFileSync(file, settings);
  return file;
}

function consumerIn(folder: string, sinkUrl: string): string {
  writeFileSync(
    join(folder, "consumer.js"),
    `export default {
       fetch: () => new Response("consumer"),
       async queue(batch) {
         for (const { body } of batch.messages)
           await fetch(${JSON.stringify(sinkUrl)}, { method: "POST", body: JSON.stringify(body) });
       },
     };`,
  );
  const file = join(folder, "consumer.json");
  writeFileSync(
    file,
    JSON.stringify({
      name: "consumer",
      main: "consumer.js",
      compatibility_date: "2026-11-01",
      queues: {
        consumers: [{ queue: "llm-provider-service-events", max_batch_size: 10, max_batch_timeout: 1 }],
      },
    }),
  );
  return file;
}
