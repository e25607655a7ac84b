/** What clients were told by judgements: verdicts, tokens, dollars. */
import { count, entry, total, type Entry } from "./entries.ts";
import { routes, type Heard } from "./ledger.ts";

export function ofJudgements(heard: readonly Heard[]): readonly Entry[] {
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

/** Calls that were answered by a judgement: those of a provider's test are told without it. */
export function judgedCalls(heard: readonly Heard[]): number {
  return judgementsIn(heard).length + heard.filter(isTriedOut).length;
}

function isTriedOut({ route, body }: Heard): boolean {
  return route === routes.test && body["success"] === true;
}

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
