/** A real Prometheus, which scrapes each second and judges our alerts at a shortened patience. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort, startServer } from "../../bench/processes.ts";

export interface Target {
  readonly job: string;
  readonly origin: string;
}

interface Answered {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [atSeconds: number, value: string];
}

export interface Prometheus {
  /** At this moment. @throws {Error} with its words, where it can't make sense of it */
  query(expression: string): Promise<readonly Answered[]>;
  /** Names of all metrics of a job. */
  names(job: string): Promise<readonly string[]>;
  /** Resolves when every target was scraped twice: what begins at 0 is seen at 0. @throws {Error} where one of them is not within half a minute */
  hasSeenAll(): Promise<void>;
  stop(): void;
}

export async function startPrometheus(
  folder: string,
  operatorKey: string,
  targets: readonly Target[],
  alerts: string,
): Promise<Prometheus> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "operator.key"), operatorKey, { mode: 0o600 });
  writeFileSync(join(folder, "alerts.yml"), alerts);
  const jobs = targets.map(({ job, origin }) => ({
    job_name: job,
    authorization: { type: "Bearer", credentials_file: join(folder, "operator.key") },
    static_configs: [{ targets: [new URL(origin).host] }],
  }));
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: [join(folder, "alerts.yml")],
    scrape_configs: jobs,
  };
  // JSON is YAML.
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
  const port = await freePort();
  const args = [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--log.level=warn",
  ];
  const { origin, stop } = await startServer({ file: "prometheus", args, cwd: folder }, port, null);

  /** It answers before it is ready. */
  async function untilReady(): Promise<void> {
    for (let tries = 0; tries < 150; tries++) {
      if ((await fetch(`${origin}/-/ready`)).ok) return;
      await pause(200);
    }
  }
  await untilReady();

  async function api(path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const response = await fetch(`${origin}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const said = (await response.json()) as { status: string; error?: string; data: unknown };
    if (said.status !== "success") throw new Error(`Prometheus: ${said.error}`);
    return said.data;
  }

  const query = async (expression: string) =>
    ((await api("query", { query: expression })) as { result: Answered[] }).result;

  return {
    stop,
    query,
    async hasSeenAll() {
      for (let tries = 0; tries < 150; tries++) {
        if ((await query("sum_over_time(up[1m]) >= 2")).length === targets.length) return;
        await pause(200);
      }
      throw new Error(`Prometheus can't scrape all: ${JSON.stringify(await query("up"))}`);
    },
    names: async (job) => (await api("label/__name__/values", { "match[]": `{job="${job}"}` })) as string[],
  };
}

/** Where an alert's rule has a number that no story of half a minute comes to: that number, and the story's. */
const lowered: Readonly<Record<string, readonly [theirs: string, ours: string]>> = {
  QueueStuck: ["> 600", "> 2"],
  CostRate: ["> 20", "> 0.01"],
  FirstSlotSkew: [">= 200", ">= 20"],
};

/** Alerts that no story makes fire, and why. Their unit tests do (`docs/monitoring/alerts.test.yml`). */
export const notInTheStory: Readonly<Record<string, string>> = {
  GateAway: "no client and no vendor can take a gate away; where Redis is gone, the gate in SQLite answers",
  EventLoopLag: "it takes a machine that is busy for seconds, on which nothing else here could be timed",
  WebhooksFailing: "the story has no receivers; what is sent to them is the oracle webhooks'",
};

/** The rules as they are shipped, but for how long they wait. @throws {Error} where one of them has changed and no number of it is known */
export function hastened(): { readonly text: string; readonly names: readonly string[] } {
  let text = readFileSync("docs/monitoring/alerts.yml", "utf8").replaceAll(/^( +for:) \w+$/gm, "$1 1s");
  for (const [name, [theirs, ours]] of Object.entries(lowered)) {
    const at = text.indexOf(`- alert: ${name}\n`);
    const found = text.indexOf(theirs, at);
    if (at < 0 || found < 0) throw new Error(`${name} has no "${theirs}" any more`);
    text = text.slice(0, found) + ours + text.slice(found + theirs.length);
  }
  return { text, names: [...text.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = ""]) => name) };
}
