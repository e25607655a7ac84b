/**
 * Prometheus: promtool reads what we serve and ship, and a real server scrapes real processes, on Node, on Workers and on Node with Redis, while a
 * story is told in which everything happens (`story/chapters.ts`). Then metrics and log are held against the clients' and the vendors' books, and
 * dashboard and alerts against what Prometheus has seen.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startFakeUpstream, type FakeUpstream } from "../../../tools/fake-upstream/server.ts";
import { startRedis } from "../../support/redis/server.ts";
import type { Check, Oracle } from "./oracle.ts";
import { promtool } from "./prometheus/promtool.ts";
import {
  everyAlertFired,
  everyMetricIsShown,
  everyNameIsServed,
  everyQueryMoves,
  none,
} from "./prometheus/questions.ts";
import { hastened, startPrometheus, type Prometheus } from "./prometheus/server.ts";
import { entriesOf, type Books, type Entry } from "./story/books.ts";
import { endOf, tell, ticketOf } from "./story/chapters.ts";
import { canaries } from "./story/ledger.ts";
import { disagreements, inNoStory } from "./story/log-lines.ts";
import { samplesIn, summed } from "./story/metrics-text.ts";
import { keysOf, openStage, operatorKey, throwing, type Stage } from "./story/stage.ts";
import { tellOfStoreTrouble } from "./story/store-trouble.ts";

const howToGet = "apt-get install prometheus, or https://prometheus.io/download";
const ofDebian = (command: string) => ({
  command,
  versionArgs: ["--version"],
  debianPackage: "prometheus",
  howToGet,
});

export const oracle: Oracle = {
  tools: [
    ofDebian("promtool"),
    ofDebian("prometheus"),
    {
      command: "redis-server",
      versionArgs: ["--version"],
      debianPackage: "redis-server",
      howToGet: "apt-get install redis-server",
    },
  ],
  async ask(check) {
    const folder = mkdtempSync(join(tmpdir(), "oracle-prometheus-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    await check("promtool takes our prometheus.yml", async () => {
      const shipped = join(folder, "shipped");
      cpSync("docs/monitoring", shipped, { recursive: true });
      writeFileSync(join(shipped, "llm-provider-service.key"), operatorKey);
      await promtool(["check", "config", join(shipped, "prometheus.yml")]);
    });
    await check("promtool takes the alerts without a word, and each fires and is over", async () => {
      await promtool(["check", "rules", "--lint=all", "--lint-fatal", "docs/monitoring/alerts.yml"]);
      await promtool(["test", "rules", "docs/monitoring/alerts.test.yml"]);
    });
    const upstream = await startFakeUpstream();
    const redis = await startRedis();
    try {
      await watchTheStory(check, { folder, upstream, redis });
    } finally {
      await redis.close();
      await upstream.close();
    }
  },
};

/** Alerts with a `for` of a second have seen by then what lasts, on Workers too, where counts come each five seconds. */
const seenMs = 3_500;

interface World {
  readonly folder: string;
  readonly upstream: FakeUpstream;
  readonly redis: Awaited<ReturnType<typeof startRedis>>;
}

/** A stage, and how the tickets of its story have ended. */
interface Told {
  readonly stage: Stage;
  readonly ended: Books["ended"];
}

async function watchTheStory(check: Check, { folder, upstream, redis }: World): Promise<void> {
  const [node, workers, withRedis] = await Promise.all([
    openStage("node", upstream, join(folder, "node"), throwing),
    openStage("workerd", upstream, join(folder, "workers")),
    openStage("node", upstream, join(folder, "redis"), { REDIS_URL: redis.url }),
  ]);
  const stages = [
    { job: "llm-provider-service", stage: node },
    { job: "llm-provider-service-workers", stage: workers },
    { job: "llm-provider-service-redis", stage: withRedis },
  ];
  const targets = stages.map(({ job, stage }) => ({ job, origin: stage.service.origin }));
  const alerts = hastened();
  const prometheus = await startPrometheus(join(folder, "prometheus"), operatorKey, targets, alerts.text);
  await prometheus.hasSeenAll();

  const scene = ({ ledger, lanes, platform }: Stage) => ({
    ledger,
    lanes,
    canThrow: platform === "node",
    seenMs,
  });
  let ends: readonly (readonly Books["ended"][number][])[] = [];
  const isTold = await check(
    "the story is told on Node, on Workers, and on Node with a Redis that dies",
    async () => {
      ends = await Promise.all([
        tell(scene(node)).then((all) => [...all]),
        tell(scene(workers)).then((all) => [...all]),
        tellOfStoreTrouble(scene(withRedis), redis),
      ]);
    },
  );
  if (!isTold) return;

  for (const [at, { job, stage }] of stages.entries()) {
    const books = { heard: [...stage.ledger.heard], calls: await stage.calls(), ended: ends[at] ?? [] };
    await check(`${job}: every count is what clients and vendors have in their books`, () =>
      agree(stage, books),
    );
    await check(`${job}: promtool finds nothing to say about /metrics`, async () => {
      await promtool(["check", "metrics"], await stage.metrics());
    });
    await checkDashboard(check, prometheus, job, stage, at < 2);
    await check(`${job}: no text of a client, no user and no key is in log or metrics`, async () => {
      const sinks = { log: stage.log(), metrics: await stage.metrics() };
      const secrets = [...Object.values(canaries), ...keysOf(stage), operatorKey];
      none(
        Object.entries(sinks).flatMap(([sink, text]) =>
          secrets.filter((secret) => text.includes(secret)).map((secret) => `${secret} is in ${sink}`),
        ),
      );
    });
  }
  await check("every metric of panels and alerts is served", () =>
    everyNameIsServed(prometheus, "llm-provider-service", alerts.text),
  );
  const all = stages.map(({ stage }, at) => ({ stage, ended: ends[at] ?? [] }));
  await atTheEnd(check, prometheus, alerts.names, upstream, all);
}

async function checkDashboard(
  check: Check,
  prometheus: Prometheus,
  job: string,
  stage: Stage,
  isWhole: boolean,
): Promise<void> {
  if (isWhole)
    await check(`${job}: every query of the dashboard runs, and has moved`, () =>
      everyQueryMoves(prometheus, job, stage.platform === "node"),
    );
  await check(`${job}: every metric is in a panel, or on the list`, () =>
    everyMetricIsShown(prometheus, job),
  );
}

/** What isolates of a Worker have counted arrives within about five seconds. */
async function agree(stage: Stage, books: Books): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const samples = samplesIn(await stage.metrics());
    const wrong = entriesOf(books, stage.platform === "node").flatMap((entry) =>
      differencesIn(entry, summed(samples, entry.metric, entry.by)),
    );
    if (wrong.length === 0) return;
    if (performance.now() > deadline) none(wrong);
    await pause(500);
  }
}

function differencesIn(
  { metric, by, sums }: Entry,
  shown: Readonly<Record<string, number>>,
): readonly string[] {
  const keys = [...new Set([...Object.keys(sums), ...Object.keys(shown)])];
  // Who waits for a start asks for `/`, and Prometheus for `/metrics`.
  const notAsked = (key: string) => metric.startsWith("http_") && /^(\/|\/metrics|unmatched) GET/.test(key);
  // Dollars are summed up in another order.
  const differs = (key: string) => Math.abs((sums[key] ?? 0) - (shown[key] ?? 0)) > 1e-9;
  return keys
    .filter((key) => !notAsked(key) && differs(key))
    .map(
      (key) =>
        `${metric} by ${by.join(", ")}: ${key}: ${shown[key] ?? 0} shown, ${sums[key] ?? 0} in the books`,
    );
}

/** A process is stopped with a ticket unfinished, alerts have heard of it, and another process ends that ticket. Then the logs are whole. */
async function atTheEnd(
  check: Check,
  prometheus: Prometheus,
  names: readonly string[],
  upstream: FakeUpstream,
  all: readonly Told[],
): Promise<void> {
  const [first, ...others] = all;
  if (first === undefined) return;
  await first.stage.lanes.openai.rescript([{ fault: "unavailable", times: "forever" }]);
  const left = ticketOf((await first.stage.ledger.compare({ provider: "openai", mode: "queue" }, 202)).body);
  for (const { stage } of all) await stage.service.stop();
  await pause(seenMs);
  await check("every alert has fired, but those that are on the list", () =>
    everyAlertFired(prometheus, names),
  );
  prometheus.stop();
  let again: Told | null = null;
  await check("what a process has left unfinished the next one finds, and ends", async () => {
    const stage = await openStage("node", upstream, first.stage.folder, throwing);
    await stage.lanes.openai.rescript([]);
    again = { stage, ended: [await endOf(stage, left)] };
    await stage.service.stop();
  });
  await checkLogs(check, [mergedWith(first, again), ...others]);
}

/** The log of both stands in the same file. */
function mergedWith(first: Told, again: Told | null): Told {
  if (again === null) return first;
  const heard = [...first.stage.ledger.heard, ...again.stage.ledger.heard];
  const ledger = { ...again.stage.ledger, heard };
  return { stage: { ...again.stage, ledger }, ended: [...first.ended, ...again.ended] };
}

async function checkLogs(check: Check, all: readonly Told[]): Promise<void> {
  for (const { stage, ended } of all) {
    await check(
      `${stage.folder.split("/").at(-1)}: the log says what clients and vendors have in their books`,
      async () => {
        none(disagreements(stage.events(), { heard: stage.ledger.heard, calls: await stage.calls(), ended }));
      },
    );
  }
  await check("every event of the log was there, but those that are on the list", () => {
    const { logEvents } = JSON.parse(readFileSync("test/kept-names.json", "utf8")) as {
      logEvents: readonly string[];
    };
    const seen = new Set(all.flatMap(({ stage }) => stage.events().map(({ event }) => event)));
    none(logEvents.filter((event) => seen.has(event) === event in inNoStory));
  });
}
