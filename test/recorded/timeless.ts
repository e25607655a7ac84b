/** What differs between two runs of one story is told alike: ids by the order in which they are named first, moments and durations by their kind. */
import { version } from "../../src/version.ts";

export function timeless(text: string): string {
  const ids = new Map<string, number>();
  const idOf = (id: string) => ids.get(id) ?? ids.set(id, ids.size + 1).size;
  return (
    text
      .replaceAll(/"deployment":"[^"]*",/g, "")
      .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, (id) => `<id ${idOf(id)}>`)
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "<moment>")
      .replaceAll(durations, '"$1":<number>')
      .replaceAll(/^retry-after: \d+$/gm, "retry-after: <number>")
      .replaceAll(/"warnings":\["[^\]]*\]/g, '"warnings":[<words>]')
      // Costs are added up in the order in which calls ended.
      .replaceAll(
        /"total_cost_today":[\d.e-]+/g,
        (sum) => `"total_cost_today":${Number(Number(sum.slice(19)).toFixed(9))}`,
      )
      .replaceAll(/127\.0\.0\.1:\d+/g, "<address>")
      .replaceAll(`"${version}"`, '"<version>"')
  );
}

const durations = new RegExp(
  `"(${["response_time_ms", "average_response_time_ms", "latency_ms", "oldest_age_seconds", "retry_after", "estimated_wait_minutes"].join("|")})":[\\d.]+`,
  "g",
);
