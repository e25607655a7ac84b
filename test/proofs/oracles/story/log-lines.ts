/** The log, held against what clients and vendors know; and which events no story brings about. */
import type { Books } from "./books.ts";
import { routes } from "./ledger.ts";

type Event = Readonly<Record<string, unknown>>;

/** @returns what doesn't agree, a sentence each */
export function disagreements(events: readonly Event[], { heard, calls, ended }: Books): readonly string[] {
  const lines = (name: string) => events.filter(({ event }) => event === name);
  const known = new Set(heard.map(({ route }) => route));
  const requests = lines("request").filter(
    ({ route }) => known.has(routeIn(route)) && routeIn(route) !== "unmatched",
  );
  const kept = heard.filter(({ route, status }) => route === routes.comparison && status === 202);
  const told = heard.filter(({ route }) => route !== "unmatched");
  return [
    ...differ(
      "requests",
      count(told.map(({ route, status }) => `${route} ${status}`)),
      count(requests.map(({ route, status }) => `${routeIn(route)} ${String(status)}`)),
    ),
    ...differ(
      "calls",
      count(calls.map(({ vendor }) => String(vendor))),
      count(lines("attempt").map(({ provider }) => String(provider))),
    ),
    ...differ(
      "tickets kept",
      count(kept.map(({ body }) => String(body["queue_id"]))),
      count(lines("ticket_kept").map((line) => String(line["queue_id"]))),
    ),
    ...differ(
      "tickets ended",
      count(ended.map(({ provider, end }) => `${provider} ${end}`)),
      count(
        lines("ticket_ended").map((line) => `${String(line["provider"])} ${String(line["ticket_status"])}`),
      ),
    ),
  ];
}

function routeIn(route: unknown): string {
  return typeof route !== "string" || route.includes("*") ? "unmatched" : route;
}

function differ(
  what: string,
  wanted: Readonly<Record<string, number>>,
  found: Readonly<Record<string, number>>,
): readonly string[] {
  const keys = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
  return keys
    .filter((key) => wanted[key] !== found[key])
    .map((key) => `${what}: ${key}: ${found[key] ?? 0} in the log, ${wanted[key] ?? 0} in the books`);
}

function count(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}

const ourFault =
  "a fault of ours, or of the platform's, behind a request: no client and no vendor can bring it about";

/** Events that no stage's story brings about, and why; or which test does. */
export const inNoStory: Readonly<Record<string, string>> = {
  background_fault: ourFault,
  bus_back: "test/push/relay.test.ts",
  bus_dropped: "test/push/relay.test.ts",
  bus_failing: "test/push/relay.test.ts",
  gate_alarm_failed: ourFault,
  gate_away: ourFault,
  gate_start_failed: ourFault,
  index_alarm_failed: ourFault,
  key_alarm_failed: ourFault,
  message_failed: "test/cloudflare/queue.test.ts",
  message_unreadable: "test/cloudflare/queue.test.ts",
  metrics_not_stored: ourFault,
  queue_refused: ourFault,
  recording_failed: ourFault,
  ticket_alarm_failed: ourFault,
  ticket_failed: ourFault,
  ticket_silent: ourFault,
  judged_for_nobody: "test/stores/failover/moves.test.ts",
  log_lines_dropped: "test/node/log-output.test.ts",
  settings_wrong: "a Worker that is set up wrongly has no story to tell: each route is a 503",
  spans_dropped: "test/node/tracing.test.ts",
  spooled_too_late: "test/stores/failover/claims.test.ts",
  store_accepts: "test/node/full-disk.test.ts",
  store_refuses: "test/node/full-disk.test.ts",
  store_warnings: "test/node/redis/trouble.test.ts",
  webhook_failing: "test/node/push/webhooks.test.ts",
  webhook_off: "test/node/push/webhooks.test.ts",
  webhook_on: "test/node/push/webhooks.test.ts",
  upstash_away: "test/cloudflare/upstash-copies.test.ts",
};
