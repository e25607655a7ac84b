/**
 * What OpenRouter's endpoints for a model take. A model is served by several companies, each with abilities of its own, and OpenRouter drops
 * silently what an endpoint doesn't take unless it is told not to.
 * Source: https://openrouter.ai/docs/api-reference/list-endpoints-for-a-model
 */
import type { Clock } from "../gateway/ports.ts";
import { jsonHeaders, type Vendor } from "./call.ts";
import { items, parseJson, type Unsure } from "./envelope.ts";
import type { Transport } from "./transport.ts";

/** The abilities that a request of ours may need. */
const abilities = ["structured_outputs", "response_format", "temperature", "reasoning"] as const;
export type Ability = (typeof abilities)[number];

/** One endpoint, by what it takes. */
export type Endpoint = readonly Ability[];

const keptForMs = 60 * 60_000;
const failureKeptForMs = 30_000;
const lookupLimitMs = 3_000;
/** Callers name models freely: without a bound they could fill the memory. */
const mostModels = 500;
const maxAnswerBytes = 1_048_576;

interface Kept {
  /** `null`: could not be looked up. */
  readonly endpoints: readonly Endpoint[] | null;
  readonly untilMs: number;
}

/**
 * Looks a model's endpoints up, at most 3 s long, and keeps them for an hour; a failure for 30 s, in which an older answer still counts. Kept are
 * plain values, never a promise: in a Worker one request cannot wait for another's.
 *
 * @returns a function that answers at once where it can; `null` where the endpoints are not known
 */
export function endpointLookup(
  { apiKey, baseUrl }: Vendor,
  { transport, clock }: { readonly transport: Transport; readonly clock: Clock },
): (model: string, signal: AbortSignal) => Kept["endpoints"] | Promise<Kept["endpoints"]> {
  const headers = { ...jsonHeaders, authorization: `Bearer ${apiKey}` };
  const kept = new Map<string, Kept>();

  function keep(model: string, endpoints: Kept["endpoints"], forMs: number): void {
    kept.delete(model);
    const [oldest] = kept.keys();
    if (kept.size >= mostModels && oldest !== undefined) kept.delete(oldest);
    kept.set(model, { endpoints, untilMs: clock.nowMs() + forMs });
  }

  async function lookUp(url: string, signal: AbortSignal): Promise<Kept["endpoints"]> {
    const limit = new AbortController();
    const stop = () => limit.abort("timeout");
    const cancel = clock.after(lookupLimitMs, stop);
    signal.addEventListener("abort", stop, { once: true });
    try {
      const request = { method: "GET", url, headers, body: null, maxAnswerBytes } as const;
      const sent = await transport(request, limit.signal);
      return sent.ok && sent.value.status === 200 ? endpointsIn(sent.value.text) : null;
    } finally {
      cancel();
      signal.removeEventListener("abort", stop);
    }
  }

  async function renew(model: string, url: string, signal: AbortSignal, old: Kept["endpoints"]) {
    // Whoever comes meanwhile goes on with the old answer instead of asking too.
    if (old !== null) keep(model, old, failureKeptForMs);
    const endpoints = await lookUp(url, signal);
    if (endpoints !== null) keep(model, endpoints, keptForMs);
    // A client that went away says nothing about the vendor.
    else if (!signal.aborted) keep(model, old, failureKeptForMs);
    return endpoints ?? old;
  }

  return (model, signal) => {
    const known = kept.get(model);
    if (known !== undefined && clock.nowMs() < known.untilMs) return known.endpoints;
    const path = pathOf(model);
    if (path === null || signal.aborted) return known?.endpoints ?? null;
    return renew(model, `${baseUrl}${path}`, signal, known?.endpoints ?? null);
  };
}

/** `null` for what is no `author/slug`: a caller must not reach another path with our key by a model called `../key`. */
function pathOf(model: string): string | null {
  const [, author, slug] = /^([\w~-][\w.~-]*)\/([\w~-][\w.:~-]*)$/.exec(model) ?? [];
  return author === undefined || slug === undefined
    ? null
    : `/models/${author}/${encodeURIComponent(slug)}/endpoints`;
}

interface EndpointsAnswer {
  readonly data: { readonly endpoints: readonly { readonly supported_parameters: readonly string[] }[] };
}

function endpointsIn(text: string): readonly Endpoint[] | null {
  const answer = parseJson(text) as Unsure<EndpointsAnswer>;
  const endpoints = items(answer?.data?.endpoints).map((endpoint) => {
    const supported = items(endpoint?.supported_parameters);
    return abilities.filter((ability) => supported.includes(ability));
  });
  return endpoints.length === 0 ? null : endpoints;
}
