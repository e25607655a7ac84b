/** What is asked of a Prometheus that has watched the story. Each throws an error that names all that is wrong. */
import { rows, inNoPanel } from "../../../../tools/monitoring/panels.ts";
import { notInTheStory, type Prometheus } from "./server.ts";

/** All of the story, and more. */
const all = "10m";

/** A query moves: at some time of the story it had a value above 0. */
export async function everyQueryMoves(prometheus: Prometheus, job: string, isNode: boolean): Promise<void> {
  const still: string[] = [];
  for (const { title, queries, nodeOnly } of rows.flatMap(({ panels }) => panels)) {
    if (nodeOnly === true && !isNode) continue;
    for (const { expression } of queries) {
      const asked = expression
        .replaceAll("$job", job)
        .replaceAll("$provider", ".*")
        .replaceAll("$__rate_interval", "15s");
      const answered = await prometheus.query(`max_over_time((${asked})[${all}:1s])`);
      if (!answered.some(({ value: [, value] }) => Number(value) > 0)) still.push(`${title}: ${asked}`);
    }
  }
  none(still);
}

/** Each metric is in a panel, or on the list of those that are in none; and each that a panel names is there. */
export async function everyMetricIsShown(prometheus: Prometheus, job: string): Promise<void> {
  const ofPrometheus = /^(up|scrape_\w+|ALERTS\w*)$/;
  const base = (name: string) => name.replace(/_(bucket|sum|count)$/, "");
  const served = (await prometheus.names(job)).filter((name) => !ofPrometheus.test(name)).map(base);
  const shown = new Set(
    JSON.stringify(rows)
      .match(/\b(llm_provider|process|nodejs)_\w+/g)
      ?.map(base),
  );
  none([...new Set(served)].filter((name) => !shown.has(name) && !(name in inNoPanel)));
}

export async function everyNameIsServed(prometheus: Prometheus, job: string, alerts: string): Promise<void> {
  const served = new Set(await prometheus.names(job));
  const named = `${JSON.stringify(rows)} ${alerts}`.match(/\b(llm_provider|process|nodejs)_\w+/g) ?? [];
  none([...new Set(named)].filter((name) => !served.has(name)));
}

export async function everyAlertFired(prometheus: Prometheus, names: readonly string[]): Promise<void> {
  const fired = await prometheus.query(
    `count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[${all}]))`,
  );
  const heard = new Set(fired.map(({ metric }) => metric["alertname"]));
  none(names.filter((name) => !heard.has(name) && !(name in notInTheStory)));
  none(Object.keys(notInTheStory).filter((name) => !names.includes(name)));
}

export function none(wrong: readonly string[]): void {
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
}
