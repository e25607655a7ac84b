/** `POST /api/v1/comparison/preview`: what a comparison would send. */
import { publicBaseUrls } from "../settings/settings.ts";
import type { Config } from "../settings/config.ts";
import type { ProviderName } from "../domain/judging/comparison.ts";
import type { PreviewAnswer } from "../wire/schemas.ts";
import { jsonAnswer } from "./answer.ts";
import { atTheDoor, type ComparisonParts } from "./comparison.ts";
import { askedOf, type GoodComparison } from "./comparison-request.ts";
import { problemOfRefusal } from "./errors.ts";
import { sentParameters } from "./judgement.ts";
import { refuse, whom, type Guard, type RouteContext, type Routes } from "./route-context.ts";

export function previewRoutes(app: Routes, guard: Guard, parts: ComparisonParts): void {
  app.post("/api/v1/comparison/preview", guard, (c) =>
    atTheDoor(c, parts, uncounted, (read) => show(c, parts, read)),
  );
}

async function show(
  c: RouteContext,
  parts: ComparisonParts,
  { request, ignoredFields }: GoodComparison,
): Promise<Response> {
  const asked = askedOf(request);
  const provider = asked.provider ?? parts.config.defaultProvider;
  const previewed = await parts.gateway.preview(asked, whom(c, parts.platform));
  if (!previewed.ok) return refuse(c, problemOfRefusal(previewed.error, provider, parts.mask, 0, ""));
  const { comparison, plan, promptSha256, pairSha256, shownFirst, outgoing, estimate } = previewed.value;
  const { path, headers, body } = outgoing;
  const answer: PreviewAnswer = {
    provider,
    model: comparison.model,
    request: { method: "POST", url: baseOf(parts.config, provider) + path, headers, body },
    prompt_sha256: promptSha256,
    pair_sha256: pairSha256,
    shown_first: shownFirst,
    sent_parameters: sentParameters(plan, comparison.parameters),
    dropped_parameters: [...plan.dropped],
    ignored_fields: [...ignoredFields],
    estimate: {
      prompt_tokens: estimate.promptTokens,
      max_completion_tokens: estimate.maxCompletionTokens,
      cost_low: estimate.low,
      cost_high: estimate.high,
    },
  };
  return jsonAnswer(200, answer, c.get("correlationId"));
}

/** No comparison is asked for, so none is counted. */
function uncounted(): void {}

/** The vendor's own. Another one is the operator's affair, and may name hosts that are nobody else's. */
function baseOf({ providers }: Pick<Config, "providers">, provider: ProviderName): string {
  if (provider === "mock") return "mock:";
  const base = publicBaseUrls[provider];
  return providers[provider].baseUrl === base ? base : "{provider base}";
}
