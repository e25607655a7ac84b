/**
 * How Google words its refusals: `details[].reason`, then `status`. Left out are the words that say no more than the HTTP status, and
 * RESOURCE_EXHAUSTED, which is said of a minute's limit and of a month's money alike.
 */
import type { Ends } from "../ends.ts";
import type { Refusals } from "./refusal.ts";

export const googleRefusals: Refusals = {
  codes: new Map([
    // google/api/error_reason.proto in github.com/googleapis/googleapis, with what is said there of each. A bad key is a 400 here.
    ["API_KEY_INVALID", "account"],
    ["API_KEY_SERVICE_BLOCKED", "account"],
    ["API_KEY_HTTP_REFERRER_BLOCKED", "account"],
    ["API_KEY_IP_ADDRESS_BLOCKED", "account"],
    ["API_KEY_ANDROID_APP_BLOCKED", "account"],
    ["API_KEY_IOS_APP_BLOCKED", "account"],
    ["ACCESS_TOKEN_EXPIRED", "account"],
    ["ACCESS_TOKEN_TYPE_UNSUPPORTED", "account"],
    ["CREDENTIALS_MISSING", "account"],
    ["ACCOUNT_STATE_INVALID", "account"],
    // github.com/google/generative-ai-docs/issues/356
    ["CONSUMER_SUSPENDED", "account"],
    ["CONSUMER_INVALID", "account"],
    ["SERVICE_DISABLED", "account"],
    ["USER_PROJECT_DENIED", "account"],
    ["SECURITY_POLICY_VIOLATED", "account"],
    ["LOCATION_POLICY_VIOLATED", "account"],
    ["BILLING_DISABLED", "quota"],
    ["RATE_LIMIT_EXCEEDED", "pace"],
    // github.com/google-gemini/gemini-cli/issues/26633
    ["MODEL_CAPACITY_EXHAUSTED", "pace"],
  ]),
  types: new Map([
    ["UNAUTHENTICATED", "account"],
    // "Free tier is not available in your country" and "billing is not enabled": the project's state, whatever is asked.
    // ai.google.dev/gemini-api/docs/troubleshooting, read 2026-11-30
    ["FAILED_PRECONDITION", "account"],
    // A 499 that nobody asked for, under load; github.com/google-gemini/gemini-cli/issues/20309
    ["CANCELLED", "passing"],
  ]),
  sentences: [
    // A 429 in words only; github.com/dyad-sh/dyad/issues/3626. Said of a project and of a billing account.
    ["your project has exceeded its monthly spending cap", "quota"],
    ["your billing account has exceeded its monthly spending cap", "quota"],
    ["your * has exceeded its monthly spending cap", "quota"],
    ["project has exceeded its monthly spending cap", "quota"],
    ["exceeded its monthly spending cap", "quota"],
    // A 429 of late, a 402 by the documents; ai.google.dev/gemini-api/docs/billing
    ["your prepayment credits are depleted", "quota"],
    ["this api method requires billing to be enabled", "quota"],
    // Depends on where the Worker runs; github.com/PublicAffairs/openai-gemini/issues/4
    ["user location is not supported for the api use", "account"],
    ["gemini api free tier is not available in your country", "account"],
    // ai.google.dev/gemini-api/docs/troubleshooting; without `details` behind some proxies
    ["api key not valid", "account"],
    ["api key expired", "account"],
    ["api key not found", "account"],
    // github.com/continuedev/continue/issues/10513, github.com/poenl/gemini-api/issues/8
    ["your api key was reported as leaked", "account"],
    ["your project has been denied access", "account"],
    ["permission denied: consumer", "account"],
  ],
  // google/rpc/code.proto in github.com/googleapis/googleapis
  statuses: new Map([
    ["INVALID_ARGUMENT", 400],
    ["OUT_OF_RANGE", 400],
    ["PERMISSION_DENIED", 403],
    ["NOT_FOUND", 404],
    ["ABORTED", 409],
    ["ALREADY_EXISTS", 409],
    ["RESOURCE_EXHAUSTED", 429],
    ["UNKNOWN", 500],
    ["INTERNAL", 500],
    ["DATA_LOSS", 500],
    ["UNIMPLEMENTED", 501],
    ["UNAVAILABLE", 503],
    ["DEADLINE_EXCEEDED", 504],
  ]),
};

/** How the sentences begin that may end with a time to wait ("Please retry in 49m12.5s."). github.com/google-gemini/gemini-cli/issues/8883 */
export const googleWaits = [
  "you exceeded your current quota",
  "quota exceeded for",
  "resource has been exhausted",
  "please retry in",
] as const;

/** How answers end: `FinishReason` of @google/genai 3.3.0. */
export const googleEnds: Ends = new Map([
  ["STOP", "whole"],
  ["MAX_TOKENS", "truncated"],
  // Sent where a longer answer would need another call.
  ["CONTINUATION", "truncated"],
  ["SAFETY", "content"],
  // Likely where a student quotes a source at length.
  ["RECITATION", "content"],
  ["LANGUAGE", "content"],
  ["BLOCKLIST", "content"],
  ["PROHIBITED_CONTENT", "content"],
  ["SPII", "content"],
  ["MODEL_ARMOR", "content"],
  ["JAILBREAK", "content"],
  // A rule of the vendor's wants a person to look at the answer.
  ["ESCALATION", "content"],
  // "The user account is limited or disabled due to Prohibited Use Policy violations": ours, whatever was asked.
  ["PUP_LIMITED_DISABLED", "account"],
]);
