/** How this process is, under the names that stock dashboards of Node know (those of prom-client). */
import { constants, monitorEventLoopDelay, PerformanceObserver, performance } from "node:perf_hooks";
import { getHeapSpaceStatistics } from "node:v8";
import { readdirSync, readFileSync } from "node:fs";
import type { Shown } from "../telemetry/metrics/text.ts";
import { observe, type Series } from "../telemetry/metrics/sums.ts";

/** Begins to watch the event loop and the garbage collector. @returns how the process is now, each time that it is called */
export function watchProcess(): () => readonly Shown[] {
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
  delay.enable();
  const collections = watchCollections();

  return () => {
    const lag = lagIn(delay);
    delay.reset();
    return [...resources(), ...lag, ...memory(), collections(), ...handles(), nodeVersion()];
  };
}

/** The figures count from this on: a loop that is never late shows so much. */
const delayResolutionMs = 10;

function resources(): readonly Shown[] {
  const { user, system } = process.cpuUsage();
  const files = openFiles();
  return [
    counter("process_cpu_user_seconds_total", "User CPU time.", user / 1e6),
    counter("process_cpu_system_seconds_total", "System CPU time.", system / 1e6),
    counter("process_cpu_seconds_total", "User and system CPU time.", (user + system) / 1e6),
    gauge(
      "process_start_time_seconds",
      "When the process started, as Unix time.",
      Math.round(performance.timeOrigin / 1000),
    ),
    gauge("process_resident_memory_bytes", "Resident memory.", process.memoryUsage.rss()),
    ...(files === null
      ? []
      : [
          gauge("process_open_fds", "Open file descriptors.", files.open),
          gauge("process_max_fds", "The limit of open file descriptors.", files.most),
        ]),
  ];
}

/** @returns `null`: the system does not say (it is no Linux) */
function openFiles(): { readonly open: number; readonly most: number } | null {
  try {
    const open = readdirSync("/proc/self/fd").length;
    const [, most = ""] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return { open, most: most === "" ? Infinity : Number(most) };
  } catch {
    return null;
  }
}

type Delay = ReturnType<typeof monitorEventLoopDelay>;

/** Since the last scrape. */
function lagIn(delay: Delay): readonly Shown[] {
  const name = "nodejs_eventloop_lag";
  return [
    gauge(
      `${name}_min_seconds`,
      "The least delay of the event loop.",
      delay.count === 0 ? 0 : seconds(delay.min),
    ),
    gauge(`${name}_max_seconds`, "The greatest delay of the event loop.", seconds(delay.max)),
    gauge(`${name}_mean_seconds`, "The mean delay of the event loop.", seconds(delay.mean)),
    gauge(`${name}_p50_seconds`, "Half of the delays were below.", seconds(delay.percentile(50))),
    gauge(`${name}_p90_seconds`, "Nine in ten delays were below.", seconds(delay.percentile(90))),
    gauge(`${name}_p99_seconds`, "Of a hundred delays 99 were below.", seconds(delay.percentile(99))),
  ];
}

/** Before anything was measured it is no number. */
function seconds(nanoseconds: number): number {
  return Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0;
}

function memory(): readonly Shown[] {
  const { heapTotal, heapUsed, external } = process.memoryUsage();
  const spaces = getHeapSpaceStatistics().map(({ space_name, space_used_size }) => ({
    values: [space_name.replace(/_space$/, "")],
    value: space_used_size,
  }));
  return [
    gauge("nodejs_heap_size_total_bytes", "Size of the heap.", heapTotal),
    gauge("nodejs_heap_size_used_bytes", "Of the heap: in use.", heapUsed),
    gauge("nodejs_external_memory_bytes", "Memory outside the heap.", external),
    {
      name: "nodejs_heap_space_size_used_bytes",
      type: "gauge",
      help: "In use, by space.",
      labels: ["space"],
      samples: spaces,
    },
  ];
}

function handles(): readonly Shown[] {
  const byType = Object.groupBy(process.getActiveResourcesInfo(), (type) => type);
  const samples = Object.entries(byType).map(([type, all = []]) => ({ values: [type], value: all.length }));
  // Prom-client has their sum too, as a gauge with the name of a counter (`…_total`), which promtool is right to refuse.
  return [
    {
      name: "nodejs_active_resources",
      type: "gauge",
      help: "What keeps the event loop alive.",
      labels: ["type"],
      samples,
    },
  ];
}

const gcEdges = [0.001, 0.01, 0.1, 1, 2, 5];
const gcKinds: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "major",
  [constants.NODE_PERFORMANCE_GC_MINOR]: "minor",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "incremental",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weakcb",
};

function watchCollections(): () => Shown {
  const series = new Map<string, Series>();
  new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries() as GcEntry[]) {
      const kind = gcKinds[detail?.kind ?? 0] ?? "other";
      const known = series.get(kind) ?? { values: [kind], value: 0, counts: gcEdges.map(() => 0).concat(0) };
      series.set(kind, known);
      observe(known, gcEdges, duration / 1000);
    }
  }).observe({ entryTypes: ["gc"] });
  return () => ({
    name: "nodejs_gc_duration_seconds",
    type: "histogram",
    help: "Time of garbage collections.",
    labels: ["kind"],
    buckets: gcEdges,
    samples: [...series.values()],
  });
}

type GcEntry = PerformanceEntry & { readonly detail?: { readonly kind?: number } };

function nodeVersion(): Shown {
  const [major = "", minor = "", patch = ""] = process.versions.node.split(".");
  return {
    name: "nodejs_version_info",
    type: "gauge",
    help: "The version of Node.",
    labels: ["version", "major", "minor", "patch"],
    samples: [{ values: [process.version, major, minor, patch], value: 1 }],
  };
}

function counter(name: string, help: string, value: number): Shown {
  return { name, type: "counter", help, labels: [], samples: [{ values: [], value }] };
}

function gauge(name: string, help: string, value: number): Shown {
  return { name, type: "gauge", help, labels: [], samples: [{ values: [], value }] };
}
