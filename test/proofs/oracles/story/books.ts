/**
 * What metrics and log must say, from two books of others: what clients were told (`ledger.ts`), and what the vendors were asked (the record of
 * the fake upstream). Nothing here asks the service.
 */
import type { RecordedRequest } from "../../../../tools/fake-upstream/script.ts";
import { routes, type Asked, type Heard } from "./ledger.ts";

export interface Books {
  readonly heard: readonly Heard[];
  /** Calls for a judgement, of all vendors. */
  readonly calls: readonly RecordedRequest[];
  /** Tickets that have ended, as their clients saw it. */
  readonly ended: readonly { readonly id: string; readonly provider: string; readonly end: string }[];
}

/** Sums of one metric, by the values of some of its labels. What is 0 is left out. */
export interface Entry {
  readonly metric: string;
  readonly by: readonly string[];
  readonly sums: Readonly<Record<string, number>>;
}

/** @param measuresItself whether the service says how long it takes itself (on Node) */
export function entriesOf(books: Books, measuresItself: boolean): readonly Entry[] {
  const { heard } = books;
  const own = heard.filter(
    ({ route, status, asked }) => route === routes.comparison && status === 200 && asked?.key === undefined,
  );
  return [
    ...ofRequests(books),
    ...ofCalls(books),
    ...ofJudgements(books),
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
  const whys = comparisons.flatMap(({ asked, mark, atMs, status, body }) => {
    if (asked === null || (firstCalls.get(mark ?? "") ?? Infinity) <= atMs) return [];
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
  if (message.includes(" is down, ")) return "breaker";
  return message.includes(" be left alone ") ? "rate_limit" : undefined;
}

function markIn(text: string): string | null {
  return /\[\w+\]/.exec(text)?.[0] ?? null;
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

/** By whom the calls were made doesn't stand in the vendors' books. */
function ofCalls({ calls, heard }: Books): readonly Entry[] {
  const judged = judgementsIn(heard).length + heard.filter(isTriedOut).length;
  const answered = calls.filter(({ outcome }) => outcome === "answered").length;
  const outcomes = count(
    calls.filter(({ outcome }) => outcome !== "answered"),
    ({ outcome }) => reasons[outcome] ?? outcome,
  );
  return [
    entry(
      "attempts_total",
      ["provider"],
      count(calls, ({ vendor }) => String(vendor)),
    ),
    entry("attempts_total", ["outcome"], nonZero({ ...outcomes, judged, unreadable: answered - judged })),
    entry(
      "attempt_duration_seconds_count",
      ["provider"],
      count(calls, ({ vendor }) => String(vendor)),
    ),
    entry(
      "upstream_responses_total",
      ["provider", "status"],
      count(calls, ({ vendor, status }) => `${vendor} ${status ?? "none"}`),
    ),
    ...ofRepeatedCalls(calls),
  ];
}

/** A call for a comparison whose call before failed is a retry; after an answer without a judgement it is the one more ask. */
function ofRepeatedCalls(calls: readonly RecordedRequest[]): readonly Entry[] {
  const retries: string[] = [];
  let reasks = 0;
  for (const [before, call] of pairs(calls)) {
    if (before.outcome === "answered") reasks++;
    else retries.push(`${call.vendor} ${reasons[before.outcome] ?? before.outcome}`);
  }
  return [
    entry(
      "retries_total",
      ["provider", "reason"],
      count(retries, (key) => key),
    ),
    entry("reasks_total", ["provider"], { openai: reasks }),
  ];
}

function pairs(calls: readonly RecordedRequest[]): readonly (readonly [RecordedRequest, RecordedRequest])[] {
  const byMark = Map.groupBy(calls, ({ bodyText }) => markIn(bodyText));
  byMark.delete(null);
  return [...byMark.values()].flatMap((all) =>
    all.slice(1).flatMap((call, at) => {
      const before = all[at];
      return before === undefined ? [] : [[before, call] as const];
    }),
  );
}

/** What the vendors' troubles are to us. */
const reasons: Readonly<Record<string, string>> = {
  unavailable: "unavailable",
  rateLimited: "rate_limited",
  credentialsRefused: "credentials_refused",
  creditExhausted: "quota_exhausted",
  contextTooLong: "request_refused",
  refusal: "content_refused",
  truncatedAnswer: "truncated",
  stall: "timeout",
  cut: "connection",
};

interface Told {
  readonly provider: string;
  readonly model: string;
  readonly tenant: string;
  readonly winner: string;
  readonly confidence: number;
  readonly cost: number | null;
  readonly usage: Readonly<Record<string, number>>;
  readonly normalizations: readonly string[];
  readonly answeredBy: string;
}

/** Each judgement once, however often it was told. */
function judgementsIn(heard: readonly Heard[]): readonly Told[] {
  const known = new Map<unknown, Told>();
  for (const { status, body, tenant, route } of heard) {
    if (
      status !== 200 ||
      body["winner"] === undefined ||
      (route !== routes.comparison && route !== routes.results)
    )
      continue;
    const metadata = body["metadata"] as { requested_model: string; normalizations: string[] };
    known.set(body["correlation_id"], {
      provider: String(body["provider"]),
      model: metadata.requested_model,
      tenant: String(tenant),
      winner: String(body["winner"]),
      confidence: Number(body["confidence"]),
      cost: body["cost_estimate"] as number | null,
      usage: body["token_usage"] as Record<string, number>,
      normalizations: metadata.normalizations,
      answeredBy: String(body["model"]),
    });
  }
  return [...known.values()];
}

function isTriedOut({ route, body }: Heard): boolean {
  return route === routes.test && body["success"] === true;
}

function ofJudgements({ heard }: Books): readonly Entry[] {
  const all = judgementsIn(heard).filter(({ provider }) => provider !== "mock");
  const tokens = (name: string) =>
    total(
      all,
      ({ provider }) => provider,
      ({ usage }) => usage[name] ?? 0,
    );
  return [
    entry(
      "verdicts_total",
      ["provider", "shown"],
      count(all, ({ provider, winner }) => `${provider} ${winner === "Essay A" ? "first" : "second"}`),
    ),
    entry(
      "confidence_count",
      ["provider"],
      count(all, ({ provider }) => provider),
    ),
    entry(
      "normalizations_total",
      ["kind"],
      count(
        all.flatMap(({ normalizations }) => normalizations),
        (kind) => kind,
      ),
    ),
    entry(
      "confidence_sum",
      ["provider"],
      total(
        all,
        ({ provider }) => provider,
        ({ confidence }) => confidence,
      ),
    ),
    entry(
      "cost_dollars_total",
      ["provider"],
      total(
        all,
        ({ provider }) => provider,
        ({ cost }) => cost ?? 0,
      ),
    ),
    entry(
      "tenant_cost_dollars_total",
      ["tenant"],
      total(
        all,
        ({ tenant }) => tenant,
        ({ cost }) => cost ?? 0,
      ),
    ),
    entry(
      "unpriced_attempts_total",
      ["provider"],
      count(
        all.filter(({ cost }) => cost === null),
        ({ provider }) => provider,
      ),
    ),
    entry(
      "answered_by_other_model_total",
      ["provider"],
      count(
        all.filter(({ model, answeredBy }) => model !== answeredBy),
        ({ provider }) => provider,
      ),
    ),
    entry("input_tokens_total", ["provider"], tokens("prompt_tokens")),
    entry("output_tokens_total", ["provider"], tokens("completion_tokens")),
    entry("cached_input_tokens_total", ["provider"], tokens("cached_tokens")),
    entry("reasoning_output_tokens_total", ["provider"], tokens("reasoning_tokens")),
  ];
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

function entry(metric: string, by: readonly string[], sums: Readonly<Record<string, number>>): Entry {
  return { metric, by, sums: nonZero(sums) };
}

function nonZero(sums: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(sums).filter(([, value]) => value !== 0));
}

function count<Item>(items: readonly Item[], keyOf: (item: Item) => string): Record<string, number> {
  return total(items, keyOf, () => 1);
}

function total<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  valueOf: (item: Item) => number,
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const item of items) sums[keyOf(item)] = (sums[keyOf(item)] ?? 0) + valueOf(item);
  return sums;
}
