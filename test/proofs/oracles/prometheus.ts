/**
 * Prometheus: promtool reads what we serve and ship, and a real server scrapes real processes, on Node, on Workers and on Node with Redis, while a
 * story is told in which everything happens (`story/chapters.ts`). Then metrics and log are held against the clients' and the vendors' books, and
 * dashboard and alerts against what Prometheus has seen.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFakeUpstream, type FakeUpstream } from "../../../tools/fake-upstream/server.ts";
import { otlpReceiver } from "../../support/otlp-receiver.ts";
import { startRedis } from "../../support/redis/server.ts";
import type { Check, Oracle } from "./oracle.ts";
import { booksOf, countsAgree } from "./prometheus/against-books.ts";
import { promtool } from "./prometheus/promtool.ts";
import { everyMetricIsShown, everyNameIsServed, everyQueryMoves } from "./prometheus/questions.ts";
import { hastened, startPrometheus, type Prometheus } from "./prometheus/server.ts";
import { tellTheEnd } from "./prometheus/the-end.ts";
import type { Books } from "./story/books.ts";
import { tell } from "./story/chapters.ts";
import { nothingLeaks } from "./story/sinks.ts";
import { openStage, lookingKey, throwing, type Stage } from "./story/stage.ts";
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
      writeFileSync(join(shipped, "llm-provider-service.key"), lookingKey);
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

async function watchTheStory(check: Check, { folder, upstream, redis }: World): Promise<void> {
  const collector = await otlpReceiver();
  const [node, workers, withRedis] = await Promise.all([
    openStage("node", upstream, join(folder, "node"), throwing, collector),
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
  const prometheus = await startPrometheus(join(folder, "prometheus"), lookingKey, targets, alerts.text);
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
    const books = await booksOf({ stage, ended: ends[at] ?? [] });
    await check(`${job}: every count is what clients and vendors have in their books`, () =>
      countsAgree(stage, books),
    );
    await check(`${job}: promtool finds nothing to say about /metrics`, async () => {
      await promtool(["check", "metrics"], await stage.metrics());
    });
    await checkDashboard(check, prometheus, job, stage, at < 2);
    await check(`${job}: no text of a client, no user and no key is in a sink`, () => nothingLeaks(stage));
  }
  await check("every metric of panels and alerts is served", () =>
    everyNameIsServed(prometheus, "llm-provider-service", alerts.text),
  );
  const all = stages.map(({ stage }, at) => ({ stage, ended: ends[at] ?? [] }));
  await tellTheEnd(check, prometheus, alerts.names, { upstream, seenMs }, all);
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
