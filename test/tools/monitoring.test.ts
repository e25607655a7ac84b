/** Dashboard and alerts say nothing that `/metrics` doesn't, each alert was tried, and each says what to do. `npm run oracles` asks a real Prometheus. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { countedFamilies, shownFamilies } from "../../src/telemetry/metrics/families.ts";
import { dashboardText } from "../../tools/monitoring/dashboard.ts";
import { inNoPanel, rows } from "../../tools/monitoring/panels.ts";

const read = (file: string) => readFileSync(file, "utf8");
const alerts = read("docs/monitoring/alerts.yml");
const tried = read("docs/monitoring/alerts.test.yml");
const names = [...alerts.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = ""]) => name);
const families = { ...countedFamilies, ...shownFamilies };

/** Without what a histogram's series add to it. */
const metricsIn = (text: string) =>
  new Set(
    [...text.matchAll(/\bllm_provider_\w+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, "")),
  );

it("docs/monitoring/dashboard.json is what `npm run dashboard` makes", () => {
  expect(read("docs/monitoring/dashboard.json")).toBe(dashboardText());
});

it("dashboard and alerts name no metric of ours that there isn't", () => {
  const named = [...metricsIn(dashboardText()), ...metricsIn(alerts), ...metricsIn(tried)];
  expect(named.filter((name) => !(name in families))).toEqual([]);
});

it("each metric of ours is shown, or it is said why not", () => {
  const shown = metricsIn(JSON.stringify(rows));
  expect(Object.keys(families).filter((name) => !shown.has(name) && !(name in inNoPanel))).toEqual([]);
});

describe.each(names)("the alert %s", (name) => {
  const rule = alerts.split(/^ +- alert: /m).find((text) => text.startsWith(`${name}\n`)) ?? "";
  const tests = tried.split(/^ +- name: /m).filter((text) => text.startsWith(`${name}\n`));

  it("was seen to fire and to be over", () => {
    expect(tests).not.toEqual([]);
    for (const test of tests) {
      expect(test).toContain("exp_alerts");
      expect(test.trimEnd().split("\n").at(-1) ?? "").toMatch(/eval_time: \w+, alertname: \w+ }$|^ *#/);
    }
  });

  it("asks something in a sentence, and links to what it asks to be done", () => {
    expect(rule).toMatch(/summary: ".*\?.*"/);
    const [, anchor = ""] = /runbook: docs\/operate\.md#(\w+)/.exec(rule) ?? [];
    const headings = [...read("docs/operate.md").matchAll(/^### (.+)$/gm)].map(([, text = ""]) =>
      text.toLowerCase(),
    );
    expect(headings).toContain(anchor);
    expect(anchor).toBe(name.toLowerCase());
  });
});
