/** What would be sent for a comparison, and what it might cost. Nothing is called but, as for a comparison, OpenRouter's list of what a model takes. */
import { isByChance, shownFirst } from "../domain/judging/presentation.ts";
import { err, ok, type Result } from "../domain/result.ts";
import { utf8Bytes } from "../domain/utf8-bytes.ts";
import type { Flow } from "./flow.ts";
import type { Outgoing, Provider } from "./ports.ts";
import { prepare, requestOf, resolve, type Asked, type Presented } from "./resolve.ts";
import type { WhyNot } from "./submission.ts";
import type { Tester } from "./try-out.ts";

export interface Preview extends Presented {
  readonly outgoing: Outgoing;
  /** `null`: chance will decide, and what is shown here is the order as given. */
  readonly shownFirst: ReturnType<typeof shownFirst> | null;
  readonly estimate: Estimate;
}

/** Of one call. */
interface Estimate {
  readonly promptTokens: number;
  readonly maxCompletionTokens: number;
  /** US dollars; `null`: the price is not known. `low`: a short verdict; `high`: all tokens that may be written, and nothing out of a cache. */
  readonly low: number | null;
  readonly high: number | null;
}

export async function preview(
  { ports, policy, startDeadline }: Flow,
  asked: Asked,
  { onHangUp }: Pick<Tester, "onHangUp">,
): Promise<Result<Preview, Extract<WhyNot, { kind: "not_usable" }>>> {
  const comparison = resolve(asked, policy.defaults);
  const provider = ports.providers.get(comparison.provider);
  if (!provider) return err({ kind: "not_usable", usable: [...ports.providers.keys()] });
  const deadline = startDeadline(policy.requestTimeoutMs, onHangUp);
  try {
    // Drawn as "not exchanged".
    const undrawn = { ...ports, random: () => 1 };
    const prepared = await prepare(comparison, asked.order, provider, undrawn, deadline.signal);
    const request = requestOf(prepared);
    return ok({
      ...prepared,
      outgoing: provider.outgoing?.(request) ?? read(request),
      shownFirst: isByChance(asked.order) ? null : shownFirst(prepared.exchanged),
      estimate: estimateOf(prepared, provider, ports.clock.nowMs()),
    });
  } finally {
    deadline.end();
  }
}

/** By a judge that nothing is sent to. */
function read({ model, system, user, maxTokens }: ReturnType<typeof requestOf>): Outgoing {
  return { path: "", headers: {}, body: JSON.stringify({ model, system, user, max_tokens: maxTokens }) };
}

/** About so many bytes are a token, in English; elsewhere fewer. */
const bytesPerToken = 4;
/** Of a verdict of some four hundred characters, without reasoning. */
const verdictTokens = 100;

function estimateOf(prepared: Presented, provider: Provider, nowMs: number): Estimate {
  const { model, system, user, maxTokens, plan } = requestOf(prepared);
  const promptTokens = Math.ceil((utf8Bytes(system) + utf8Bytes(user)) / bytesPerToken);
  const maxCompletionTokens = plan.maxTokens ?? maxTokens;
  const cost = (completionTokens: number, cacheWriteTokens: number) =>
    provider.cost(
      model,
      { promptTokens, cachedTokens: 0, cacheWriteTokens, completionTokens, reasoningTokens: 0 },
      nowMs,
    );
  const low = cost(Math.min(verdictTokens, maxCompletionTokens), 0);
  return { promptTokens, maxCompletionTokens, low, high: cost(maxCompletionTokens, promptTokens) };
}
