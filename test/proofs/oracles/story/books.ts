/**
 * What metrics and log must say, from two books of others: what clients were told (`ledger.ts`), and what the vendors were asked (the record of
 * the fake upstream). Nothing here asks the service.
 */
import type { RecordedRequest } from "../../../../tools/fake-upstream/script.ts";
import { markIn, ofCalls } from "./calls.ts";
import { count, entry, type Entry } from "./entries.ts";
import { judgedCalls, ofJudgements } from "./judgements.ts";
import { isStoreAway, routes, type Asked, type Heard } from "./ledger.ts";

export interface Books {
  readonly heard: readonly Heard[];
  /** Calls for a judgement, of all vendors. */
  readonly calls: readonly RecordedRequest[];
  /** Tickets that have ended, as their clients saw it. */
  readonly ended: readonly { readonly id: string; readonly provider: string; readonly end: string }[];
}

/** @param measuresItself whether the service says how long it takes itself (on Node) */
export function entriesOf(books: Books, measuresItself: boolean): readonly Entry[] {
  const { heard } = books;
  const own = heard.filter(
    ({ route, status, asked }) => route === routes.comparison && status === 200 && asked?.key === undefined,
  );
  return [
    ...ofRequests(books),
    ...ofCalls(books.calls, judgedCalls(heard)),
    ...ofJudgements(heard),
    ...ofTickets(books),
    entry("request_overhead_seconds_count", [], { "": measuresItself ? own.length : 0 }),
  ];
}

function ofRequests({ heard, calls }: Books): readonly Entry[] {
  const comparisons = heard.filter(({ route, status }) => route === routes.comparison && status !== 401);
  const result = ({ status }: Heard) => (status === 200 ? "judged" : status === 202 ? "kept" : "refused");
  const kept = comparisons.filter((line) => result(line) !== "refused");
  return [
    entry(
      "http_requests_total",
      ["route", "method", "status"],
      count(heard, ({ route, method, status }) => `${route} ${method} ${status}`),
    ),
    entry(
      "http_request_duration_seconds_count",
      ["route", "method"],
      count(heard, ({ route, method }) => `${route} ${method}`),
    ),
    entry(
      "comparisons_total",
      ["provider", "mode", "result", "error_type"],
      count(comparisons, (line) => {
        const whose = line.asked === null ? "none none" : `${line.asked.provider} ${line.asked.mode}`;
        return `${whose} ${result(line)} ${String(line.body["error_type"] ?? "none")}`;
      }),
    ),
    entry("turned_away_total", ["provider", "why"], turnedAway(comparisons, calls)),
    entry(
      "tenant_requests_total",
      ["tenant"],
      count(kept, ({ tenant }) => String(tenant)),
    ),
    entry("idempotent_requests_total", ["outcome"], keyedOutcomes(comparisons)),
  ];
}

/** Nobody was called for it before its client had an answer, and that answer says why. */
function turnedAway(
  comparisons: readonly Heard[],
  calls: readonly RecordedRequest[],
): Record<string, number> {
  const firstCalls = new Map<string, number>();
  for (const { bodyText, receivedAtMs } of calls) {
    const mark = markIn(bodyText);
    if (mark !== null) firstCalls.set(mark, Math.min(receivedAtMs, firstCalls.get(mark) ?? Infinity));
  }
  const whys = comparisons.flatMap((line) => {
    const { asked, mark, atMs, status, body } = line;
    if (asked === null || isStoreAway(line) || (firstCalls.get(mark ?? "") ?? Infinity) <= atMs) return [];
    const why =
      status === 202 ? whyKept(asked, String(body["message"])) : whyRefused[String(body["error_type"])];
    return why === undefined ? [] : [`${asked.provider} ${why}`];
  });
  return count(whys, (key) => key);
}

const whyRefused: Readonly<Record<string, string>> = {
  CIRCUIT_BREAKER_OPEN: "breaker",
  RATE_LIMIT: "rate_limit",
  QUEUE_FULL: "queue_full",
  SERVICE_UNAVAILABLE: "crowded",
};

function whyKept({ mode }: Asked, message: string): string | undefined {
  if (mode === "queue") return undefined;
  if (/ is (down|paused by an operator)/.test(message)) return "breaker";
  return message.includes(" be left alone ") ? "rate_limit" : undefined;
}

function keyedOutcomes(comparisons: readonly Heard[]): Record<string, number> {
  const answered = new Set<unknown>();
  return count(
    comparisons.filter(({ asked }) => asked?.key !== undefined),
    ({ status, body }) => {
      if (status === 409) return "in_progress";
      if (status === 422) return "mismatch";
      const id = body["correlation_id"];
      if (answered.has(id)) return "replayed";
      answered.add(id);
      return "first";
    },
  );
}

function ofTickets({ heard, ended, calls }: Books): readonly Entry[] {
  const accepted = heard.filter(({ route, status }) => route === routes.comparison && status === 202);
  const markOf = new Map(accepted.map(({ body, mark }) => [String(body["queue_id"]), mark]));
  const called = new Set(calls.map(({ bodyText }) => markIn(bodyText)));
  const wereCalledFor = ended.filter(({ id }) => called.has(markOf.get(id) ?? ""));
  return [
    entry("tickets_total", ["provider", "event"], {
      ...count(accepted, ({ body }) => `${String(body["provider"])} accepted`),
      ...count(ended, ({ provider, end }) => `${provider} ${end}`),
    }),
    entry(
      "ticket_wait_seconds_count",
      ["provider", "end"],
      count(wereCalledFor, ({ provider, end }) => `${provider} ${end}`),
    ),
    entry(
      "ticket_duration_seconds_count",
      ["provider", "end"],
      count(ended, ({ provider, end }) => `${provider} ${end}`),
    ),
  ];
}
