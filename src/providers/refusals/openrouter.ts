/**
 * How OpenRouter words its refusals: `metadata` and `availability` (with words of the adapter's own, in brackets, for what these say without a word),
 * then `metadata.error_type`. Left out are the types that say no more than their status.
 */
import type { End, Ends } from "../ends.ts";
import type { Refusals } from "./refusal.ts";

export const openrouterRefusals: Refusals = {
  codes: new Map([
    // A filter that tells what it saw; openrouter.ai/docs/api/errors, "Moderation errors" and "Guardrail blocks"
    ["moderation", "content"],
    // One call costs more than the budget for calls in flight; openrouter.ai/docs/use-cases/limits, read 2026-11-30
    ["weight_exceeds_budget", "request"],
    // `metadata.limit_source`, but for `openrouter_credits`, which is said of credit that is gone and of one call that is too dear; openrouter.ai/docs/use-cases/limits and openrouter.ai/docs/guides/features/workspaces/workspace-budgets, read 2026-11-30
    ["openrouter_in_flight_budget", "pace"],
    ["openrouter_workspace_budget", "quota"],
    ["openrouter_guardrail_budget", "quota"],
    ["guardrail_budget", "quota"],
    ["openrouter_key_limit", "quota"],
    ["key_limit", "quota"],
    // github.com/Avarok-Cybersecurity/atlas/pull/543
    ["openrouter_free_tier_daily", "pace"],
    // github.com/open-webui/computer/issues/293
    ["upstream_provider_shared_pool", "pace"],
    // 401 or 403 of the company that the call was passed on to: its key, its terms, its region; github.com/OpenRouterTeam/openrouter-examples/issues/18
    ["(upstream refusal)", "model"],
    // "Provider returned error", and not a word of what; github.com/langchain-ai/langchainjs/issues/11573
    ["(upstream silence)", "passing"],
    // `availability`: no outage, since no endpoint offers what is asked for, now or later; openrouter.ai/docs/api/errors
    ["constraint_filtered", "request"],
    ["no_endpoints", "request"],
    ["model_not_found", "request"],
    ["(not retryable)", "request"],
  ]),
  // `ApiErrorType` of @openrouter/sdk 1.3.19, esm/models/apierrortype.d.ts
  types: new Map([
    ["authentication", "account"],
    ["permission_denied", "account"],
    ["provider_overloaded", "passing"],
    ["provider_unavailable", "passing"],
    ["server", "passing"],
    ["timeout", "passing"],
    ["content_policy_violation", "content"],
    ["refusal", "content"],
    ["max_tokens_exceeded", "truncated"],
  ]),
  sentences: [
    // A 402 for so many `max_tokens`; github.com/Gitlawb/openclaude/issues/1125
    ["this request requires more credits, or fewer max_tokens", "request"],
    // A 403 of the key's own limit; github.com/RooCodeInc/Roo-Code/issues/515
    ["key limit exceeded", "quota"],
    ["insufficient credits", "quota"],
    // github.com/Davidvandijcke/coarse/issues/183
    ["the request is prohibited due to a violation of provider terms of service", "model"],
    ["violation of provider terms of service", "model"],
    // github.com/standardagents/dmux/issues/43
    ["this model is not available in your region", "model"],
    ["this model is not available in your country", "model"],
    ["* is not available in your region", "model"],
    ["not available in your region", "model"],
    // A guardrail's 403 without its fields; openrouter.ai/docs/api/errors
    ["request blocked:", "content"],
  ],
  statuses: new Map(),
};

/** How a choice ends: `finish_reason` of openai 7.57.0's `ChatCompletion.Choice`, and `error`, which OpenRouter adds. */
export const openrouterEnds: Ends = new Map<unknown, End>([
  ["stop", "whole"],
  // Companies behind OpenRouter leave the reason out, or empty.
  [null, "whole"],
  [undefined, "whole"],
  ["", "whole"],
  ["length", "truncated"],
  ["content_filter", "content"],
  ["error", "passing"],
]);
