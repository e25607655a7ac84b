/** The dashboard as Grafana imports it. Grafana's own builder is a package of 11 MB for the few fields that are used here. */
import { rows, type Panel } from "./panels.ts";

const gridColumns = 24;
const panelWidth = 8;
const panelHeight = 8;
const datasource = { type: "prometheus", uid: "${datasource}" };

/** The whole file, with its last newline. */
export function dashboardText(): string {
  return `${JSON.stringify(dashboard(), null, 2)}\n`;
}

function dashboard() {
  return {
    uid: "llm-provider-service",
    title: "LLM provider service",
    tags: ["llm-provider-service"],
    description: "docs/monitoring/metrics.md says what each metric means, docs/operate.md what to do.",
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: "1m",
    time: { from: "now-6h", to: "now" },
    timezone: "",
    templating: { list: [sourceVariable, jobVariable, providerVariable] },
    panels: placed(),
  };
}

const sourceVariable = {
  name: "datasource",
  label: "Prometheus",
  type: "datasource",
  query: "prometheus",
};

const jobVariable = {
  ...fromLabel("job", "Job", "label_values(llm_provider_build_info, job)"),
  multi: false,
  includeAll: false,
};

const providerVariable = {
  ...fromLabel("provider", "Provider", 'label_values(llm_provider_gate_up{job=~"$job"}, provider)'),
  multi: true,
  includeAll: true,
  // Comparisons that could not be read are of no provider, and are shown with all.
  allValue: ".*",
  current: { text: ["All"], value: ["$__all"] },
};

function fromLabel(name: string, label: string, query: string) {
  return {
    name,
    label,
    type: "query",
    datasource,
    query: { query, refId: name },
    refresh: 2,
    sort: 1,
  };
}

/** Rows one below the other, their panels three beside each other. */
function placed(): readonly object[] {
  const all: object[] = [];
  let y = 0;
  const add = (panel: object) => all.push({ id: all.length + 1, ...panel });
  for (const { title, panels } of rows) {
    add({ type: "row", title, collapsed: false, panels: [], gridPos: { x: 0, y, w: gridColumns, h: 1 } });
    y += 1;
    panels.forEach((panel, index) => {
      const x = (index * panelWidth) % gridColumns;
      if (x === 0 && index > 0) y += panelHeight;
      add({ ...drawn(panel), gridPos: { x, y, w: panelWidth, h: panelHeight } });
    });
    y += panelHeight;
  }
  return all;
}

function drawn(panel: Panel) {
  const { title, about, kind, queries, nodeOnly } = panel;
  return {
    title,
    description: nodeOnly === undefined ? about : `${about} Node only.`,
    datasource,
    ...looks[kind],
    fieldConfig: { defaults: { ...field(panel), custom: custom(panel) }, overrides: [] },
    targets: queries.map(({ expression, legend }, index) => ({
      refId: "ABCDEFGH".charAt(index),
      datasource,
      expr: expression,
      ...(kind === "table" ? { format: "table", instant: true } : { legendFormat: legend, range: true }),
    })),
  };
}

const legend = (showLegend: boolean) => ({
  showLegend,
  displayMode: "list",
  placement: "bottom",
  calcs: [],
});
const tooltip = { mode: "multi", sort: "desc" };

const looks: Readonly<Record<Panel["kind"], object>> = {
  lines: { type: "timeseries", options: { legend: legend(true), tooltip } },
  states: {
    type: "state-timeline",
    options: { mergeValues: true, showValue: "auto", legend: legend(false), tooltip },
  },
  table: { type: "table", options: { showHeader: true } },
};

function field({ unit, words, bad }: Panel) {
  const mappings =
    words === undefined
      ? []
      : [
          {
            type: "value",
            options: Object.fromEntries(
              Object.entries(words).map(([value, word], index) => [value, { ...word, index }]),
            ),
          },
        ];
  return { unit, mappings, ...(unit !== "short" && { min: 0 }), thresholds: thresholds(bad) };
}

function custom({ kind, bad }: Panel) {
  if (kind !== "lines") return {};
  return {
    drawStyle: "line",
    lineWidth: 1,
    fillOpacity: 10,
    showPoints: "never",
    thresholdsStyle: { mode: bad === undefined ? "off" : "line+area" },
  };
}

function thresholds(bad: Panel["bad"]) {
  const good = { color: "transparent", value: null };
  if (bad === undefined) return { mode: "absolute", steps: [{ ...good, color: "green" }] };
  if ("from" in bad) return { mode: "absolute", steps: [good, { color: "red", value: bad.from }] };
  const [least, most] = bad.outside;
  const steps = [
    { color: "red", value: null },
    { color: "transparent", value: least },
    { color: "red", value: most },
  ];
  return { mode: "absolute", steps };
}
