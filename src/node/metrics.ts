/** What this process has of metrics: its own counts, its connections to the vendors, and itself. */
import type { MetricsSource } from "../http/metrics.ts";
import type { Config } from "../settings/config.ts";
import type { Meter } from "../telemetry/metrics/meter.ts";
import { differencesOf } from "../telemetry/metrics/sums.ts";
import type { Recent } from "../telemetry/recent.ts";
import { shown, shownAs, type Sample } from "../telemetry/metrics/text.ts";
import { watchProcess } from "./process-metrics.ts";
import type { ConnectionCounts } from "./vendors/undici-transport.ts";

export function nodeMetrics(
  { providers }: Pick<Config, "providers">,
  meter: Meter,
  recent: Recent,
  connections: () => ReadonlyMap<string, ConnectionCounts>,
  listening: () => Readonly<Record<string, number>>,
): MetricsSource {
  const processNow = watchProcess();
  /** Where two providers have the same origin, the first stands for both. */
  const providerAt = new Map(
    Object.entries(providers)
      .toReversed()
      .map(([name, { baseUrl }]) => [new URL(baseUrl).origin, name]),
  );

  function connectionSamples(): readonly Sample[] {
    return [...connections()].flatMap(([origin, counts]) => {
      const provider = providerAt.get(origin);
      if (provider === undefined) return [];
      return (["running", "free", "queued"] as const).map((state) => ({
        values: [provider, state],
        value: counts[state],
      }));
    });
  }

  return {
    counted: async () => differencesOf(meter.sums),
    recent: async () => recent,
    ofPlatform: () => [
      shownAs("llm_provider_http_requests_in_flight", meter.inFlight()),
      shown(
        "llm_provider_listeners",
        Object.entries(listening()).map(([kind, value]) => ({ values: [kind], value })),
      ),
      shown("llm_provider_upstream_connections", connectionSamples()),
      ...processNow(),
    ],
  };
}
