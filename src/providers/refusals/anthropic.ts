/**
 * How Anthropic words its refusals: `details.error_code`, then `type`. Left out are the codes of what is never asked for here (files, skills, threads,
 * administration) and the types that say no more than their status: `invalid_request_error`, `permission_error`.
 *
 * The vendor asks not to match on sentences. Where it gives money, a closed organisation and a compiler's time limit no code (all are plain 400s), the
 * sentence is all that keeps a queue from failing.
 */
import type { Ends } from "../ends.ts";
import type { Refusals } from "./refusal.ts";

export const anthropicRefusals: Refusals = {
  // `ErrorDetails` of @anthropic-ai/sdk 1.14.0, resources/shared.d.ts, with what is said there of each
  codes: new Map([
    ["organization_on_hold", "account"],
    ["organization_type_not_supported", "account"],
    ["parent_organization_required", "account"],
    ["claude_code_key_creator_not_member", "account"],
    ["sandbox_egress_restricted", "account"],
    ["cmek_key_disabled", "account"],
    ["cmek_key_network_blocked", "account"],
    ["linked_organization_billing_unavailable", "account"],
    ["contract_spend_limit_reached", "quota"],
    // A 429 without `retry-after`, to the first of the next month; platform.claude.com/docs/en/api/rate-limits
    ["enforced_spend_limit_reached", "quota"],
    ["linked_organization_spend_limit_reached", "quota"],
    ["ramp_limit_exceeded", "pace"],
    // "Retry in a few minutes", "Retry the request"
    ["cmek_context_unavailable", "passing"],
    ["cmek_key_unreachable", "passing"],
    ["request_body_too_large_after_decoding", "request"],
  ]),
  types: new Map([
    ["authentication_error", "account"],
    ["billing_error", "quota"],
  ]),
  sentences: [
    // A 400 without a code; github.com/anthropics/claude-code/issues/91322
    ["your credit balance is too low", "quota"],
    // A 400 without a code; platform.claude.com/docs/en/api/rate-limits. github.com/anthropics/claude-code/issues/38038
    ["you have reached your specified api usage limits", "quota"],
    ["you have reached your specified workspace api usage limits", "quota"],
    // A 400, or a 403; github.com/anthropics/claude-code/issues/72457. Closed for another reason than `organization_on_hold`
    ["this organization has been disabled", "account"],
    ["your organization has been disabled", "account"],
    // A 400 under load; github.com/growthxai/output/issues/313
    ["grammar compilation timed out", "passing"],
    // A 400; github.com/anthropics/claude-code/issues/66334
    ["output blocked by content filtering policy", "content"],
  ],
  // `ErrorType` of @anthropic-ai/sdk 1.14.0; platform.claude.com/docs/en/api/errors
  statuses: new Map([
    ["invalid_request_error", 400],
    ["authentication_error", 401],
    ["billing_error", 402],
    ["permission_error", 403],
    ["not_found_error", 404],
    ["conflict_error", 409],
    ["request_too_large", 413],
    ["rate_limit_error", 429],
    ["api_error", 500],
    ["timeout_error", 504],
    ["overloaded_error", 529],
  ]),
};

/** How answers end: `StopReason` of @anthropic-ai/sdk 1.12.0, without `refusal`, which has a name of its own beside it. */
export const anthropicEnds: Ends = new Map([
  ["end_turn", "whole"],
  ["stop_sequence", "whole"],
  ["tool_use", "whole"],
  ["max_tokens", "truncated"],
  ["model_context_window_exceeded", "truncated"],
]);
