/**
 * How OpenAI words its refusals, and those servers that speak its language behind a base URL (Azure, vLLM, llama.cpp, Ollama).
 * Left out are the words that say no more than their status: `invalid_request_error`, `rate_limit_exceeded`, Azure's `401`.
 */
import type { Ends } from "../ends.ts";
import type { Refusals } from "./refusal.ts";

export const openaiRefusals: Refusals = {
  codes: new Map([
    // developers.openai.com/api/docs/guides/error-codes, read 2026-11-30
    ["invalid_api_key", "account"],
    ["invalid_organization", "account"],
    ["mismatched_organization", "account"],
    ["mismatched_project", "account"],
    ["ip_not_authorized", "account"],
    ["account_deactivated", "account"],
    // github.com/OpenRouterTeam/openrouter-examples/issues/18: the vendor's own 403, as it was passed on
    ["unsupported_country_region_territory", "account"],
    // help.openai.com/en/articles/6614457, read 2026-11-30
    ["credit_balance_exhausted", "quota"],
    ["organization_usage_limit_exceeded", "quota"],
    ["organization_spend_limit_exceeded", "quota"],
    ["project_spend_limit_exceeded", "quota"],
    // Older spellings of the same, still those of compatible servers; developers.openai.com/api/docs/guides/error-codes
    ["insufficient_quota", "quota"],
    ["billing_not_active", "quota"],
    ["billing_hard_limit_reached", "quota"],
    // A 503 once, a 429 now; developers.openai.com/api/docs/guides/error-codes
    ["slow_down", "pace"],
    ["server_is_overloaded", "passing"],
    // `ResponseError.code` of openai 7.59.0, resources/responses/responses.d.ts
    ["server_error", "passing"],
    ["vector_store_timeout", "passing"],
    ["data_residency_mismatch", "request"],
    ["invalid_prompt", "content"],
    ["bio_policy", "content"],
    ["cyber_policy", "content"],
    ["misalignment_policy_violation", "content"],
    ["image_content_policy_violation", "content"],
    // github.com/BerriAI/litellm/blob/main/litellm/exceptions.py: what `ContentPolicyViolationError` is made of
    ["content_policy_violation", "content"],
    // github.com/openai/openai-python/issues/331: Azure's filter, a 400
    ["content_filter", "content"],
    // github.com/cursor/cursor/issues/2953: also a 403, for a model that our project has not got
    ["model_not_found", "request"],
    // learn.microsoft.com/azure/ai-services/openai: no deployment of that name
    ["DeploymentNotFound", "request"],
    // github.com/openai/openai-openapi: the prompt and the answer together are too long, or one of them
    ["context_length_exceeded", "request"],
    ["string_above_max_length", "request"],
    ["request_too_large", "request"],
  ]),
  types: new Map([
    // The `type` of a spent account's error whose code says more than this or nothing; help.openai.com/en/articles/6614457
    ["insufficient_quota", "quota"],
    // A 429 of an account that was closed; github.com/chenfei-wu/TaskMatrix/issues/78
    ["access_terminated", "account"],
    ["service_unavailable_error", "passing"],
    // llama.cpp, tools/server: the model is being loaded, or the prompt does not fit; github.com/microsoft/vscode/issues/320558
    ["unavailable_error", "passing"],
    ["exceed_context_size_error", "request"],
  ]),
  sentences: [
    // A 429 with the code of any other: more than the limit of a whole minute. github.com/Aider-AI/aider/issues/1880, github.com/openai/codex/issues/38366
    ["request too large for", "request"],
    // Servers that speak the vendor's language without its codes. developers.openai.com/api/docs/guides/error-codes
    ["you exceeded your current quota", "quota"],
    ["your account is not active", "quota"],
    ["incorrect api key provided", "account"],
    ["you must be a member of an organization to use the api", "account"],
    ["country, region, or territory not supported", "account"],
    // github.com/chenfei-wu/TaskMatrix/issues/78
    ["your access was terminated due to violation of our policies", "account"],
  ],
  statuses: new Map([["rate_limit_exceeded", 429]]),
};

/** How a response ends: its `status`, and the reason of an incomplete one; `Response` of openai 7.57.0. */
export const openaiEnds: Ends = new Map([
  ["completed", "whole"],
  ["incomplete: max_output_tokens", "truncated"],
]);
