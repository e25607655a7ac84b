/**
 * Google's Gemini, by `generateContent`, pinned to `v1beta`: in the published definition of `v1` there is no system instruction. The key
 * goes in a header, never as `?key=`, which ends up in logs.
 * Source: https://ai.google.dev/api/generate-content, as the SDK (@google/genai 3.1.0) sends and types it
 */
import type { FrameVersion } from "../domain/judging/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import { schemaOf } from "../domain/judging/frames.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { JudgeRequest, Provider } from "../gateway/ports.ts";
import {
  call,
  type Dialect,
  jsonHeaders,
  notAnAnswer,
  type Surroundings,
  textsOfAll,
  type Vendor,
} from "./call.ts";
import { findModel, planFor } from "./catalog.ts";
import { costOf } from "./cost.ts";
import { count, countOrZero, items, sensible, text, type Unsure } from "./envelope.ts";
import { googleRefusals, googleWaits } from "./refusals/google.ts";
import { beginsWith } from "./refusals/refusal.ts";
import { durationMs, longestHintMs, waitInSentence } from "./retry-hints.ts";
import { billedAs, googleTiers } from "./tiers.ts";

/** Google as a provider. */
export function googleProvider({ apiKey, baseUrl }: Vendor, surroundings: Surroundings): Provider {
  const headers = { ...jsonHeaders, "x-goog-api-key": apiKey };
  // Half a surrogate pair, which the door refuses, is no part of a URL: encoding it would throw.
  const urlOf = (model: string) =>
    `${baseUrl}/v1beta/models/${encodeURIComponent(model.toWellFormed())}:generateContent`;
  return {
    name: "google",
    plan: (model, parameters) => planFor(findModel("google", model), parameters),
    judge: (request, signal) =>
      call(
        surroundings,
        { url: urlOf(request.model), headers, body: bodyOf(request) },
        dialect,
        request.model,
        signal,
      ),
    cost: (model, usage, nowMs) => costOf(findModel("google", model), usage, nowMs),
  };
}

const jsonFormat = { responseMimeType: "application/json" } as const;
const schemaFormat = (frame: FrameVersion) =>
  ({ ...jsonFormat, responseJsonSchema: schemaOf(frame) }) as const;

function bodyOf({ system, user, maxTokens, plan, frame }: JudgeRequest) {
  const { temperature, reasoningEffort: effort, structure } = plan;
  return {
    systemInstruction: { role: "user", parts: [{ text: system }] },
    contents: [{ role: "user", parts: [{ text: user }] }],
    generationConfig: {
      maxOutputTokens: plan.maxTokens ?? maxTokens,
      ...(temperature === null ? {} : { temperature }),
      ...(structure === "schema" ? schemaFormat(frame) : structure === "json" ? jsonFormat : {}),
      // Levels are called as our efforts are, but for `none`: no Gemini stops thinking.
      ...(effort === null || effort === "none"
        ? {}
        : { thinkingConfig: { thinkingLevel: effort.toUpperCase() } }),
    },
  };
}

interface GenerateContentResponse {
  readonly candidates: readonly Candidate[];
  readonly promptFeedback: { readonly blockReason: string };
  readonly usageMetadata: {
    readonly promptTokenCount: number;
    readonly cachedContentTokenCount: number;
    readonly candidatesTokenCount: number;
    readonly thoughtsTokenCount: number;
  };
  readonly modelVersion: string;
  readonly responseId: string;
}

interface Candidate {
  readonly finishReason: string;
  readonly content: { readonly parts: readonly { readonly text: string; readonly thought: boolean }[] };
}

interface Status {
  readonly code: number;
  readonly message: string;
  readonly status: string;
  readonly details: readonly {
    readonly "@type": string;
    readonly reason: string;
    readonly retryDelay: string;
    readonly violations: readonly { readonly quotaId: string }[];
  }[];
}

type Envelope = Unsure<GenerateContentResponse & { readonly error: Status }>;
type Problem = Unsure<Status>;

const dialect: Dialect<Envelope, Problem> = {
  refusals: googleRefusals,
  toldIn: (problem, about) => {
    const type = text(problem?.status);
    return {
      codes: items(problem?.details).map((detail) => text(detail?.reason)),
      // Under another status than Google's own for it, it is another server's word.
      type: type === "FAILED_PRECONDITION" && about !== 400 ? "" : type,
      waitMs: waitMsIn(problem),
    };
  },
  textsIn,
  modelIn: (envelope) => envelope?.modelVersion,
  usageIn: (envelope, header) => {
    const usage = envelope?.usageMetadata;
    // Protobuf's JSON leaves out what is 0; but nothing is judged on a prompt of none.
    const reasoning = countOrZero(usage?.thoughtsTokenCount);
    return sensible({
      promptTokens: count(usage?.promptTokenCount),
      cachedTokens: countOrZero(usage?.cachedContentTokenCount),
      cacheWriteTokens: 0,
      completionTokens: countOrZero(usage?.candidatesTokenCount) + reasoning,
      reasoningTokens: reasoning,
      ...billedAs(googleTiers, header("x-gemini-service-tier")),
    });
  },
  requestIdIn: (envelope) => envelope?.responseId,
};

/** The body says how long to wait, the headers mostly don't. A quota of the day comes with a hint of seconds, which would be asked in vain. */
function waitMsIn(problem: Problem): number | null {
  const details = items(problem?.details);
  if (
    details.some((detail) =>
      items(detail?.violations).some((violation) => text(violation?.quotaId).includes("PerDay")),
    )
  ) {
    return longestHintMs;
  }
  for (const detail of details) {
    const delayMs = durationMs(detail?.retryDelay);
    if (delayMs !== null) return delayMs;
  }
  const message = text(problem?.message).slice(0, 1_000);
  return googleWaits.some((beginning) => beginsWith(message, beginning)) ? waitInSentence(message) : null;
}

function textsIn(envelope: Envelope): Result<readonly string[], Failure> {
  const blocked = text(envelope?.promptFeedback?.blockReason);
  if (blocked !== "") return err({ reason: "content_refused", kind: blocked });
  return textsOfAll(items(envelope?.candidates), textIn);
}

/** Finish reasons: `FinishReason` of @google/genai 3.3.0. */
function textIn(candidate: Unsure<Candidate>): Result<string, Failure> {
  const finishReason = text(candidate?.finishReason);
  switch (finishReason) {
    case "STOP":
      return ok(
        items(candidate?.content?.parts)
          .map((part) => (part?.thought === true ? "" : text(part?.text)))
          .join(""),
      );
    case "MAX_TOKENS":
    // Sent where a longer answer would need another call.
    case "CONTINUATION":
      return err({ reason: "truncated" });
    case "SAFETY":
    // Likely where a student quotes a source at length.
    case "RECITATION":
    case "LANGUAGE":
    case "BLOCKLIST":
    case "PROHIBITED_CONTENT":
    case "SPII":
    case "MODEL_ARMOR":
    case "JAILBREAK":
    // A rule of the vendor's wants a person to look at it.
    case "ESCALATION":
      return err({ reason: "content_refused", kind: finishReason });
    // "The user account is limited or disabled due to Prohibited Use Policy violations": ours, whatever was asked.
    case "PUP_LIMITED_DISABLED":
      return err({ reason: "credentials_refused", status: 200 });
    default:
      return notAnAnswer;
  }
}
