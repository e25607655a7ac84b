/**
 * Google's Gemini, by `generateContent`, pinned to `v1beta`: in the published definition of `v1` there is no system instruction. The key
 * goes in a header, never as `?key=`, which ends up in logs.
 * Source: https://ai.google.dev/api/generate-content, as the SDK (@google/genai 3.1.0) sends and types it
 */
import type { JudgeRequest } from "../gateway/ports.ts";
import { providerSpeaking } from "./call.ts";
import { type Dialect, type Schema, shapeOf } from "./dialect.ts";
import type { Said } from "./ends.ts";
import { countOrZero, items, text, type Unsure } from "./envelope.ts";
import { googleEnds, googleRefusals, googleWaits } from "./refusals/google.ts";
import { beginsWith } from "./refusals/refusal.ts";
import { durationMs, longestHintMs, waitInSentence } from "./retry-hints.ts";
import { googleTiers } from "./tiers.ts";

interface GenerateContentResponse {
  error: Status;
  candidates: Candidate[];
  promptFeedback: { blockReason: string };
  usageMetadata: {
    promptTokenCount: number;
    cachedContentTokenCount: number;
    candidatesTokenCount: number;
    thoughtsTokenCount: number;
  };
  modelVersion: string;
  responseId: string;
}

interface Candidate {
  finishReason: string;
  content: { parts: { text: string; thought: boolean }[] };
}

interface Status {
  message: string;
  status: string;
  details: { reason: string; retryDelay: string; violations: { quotaId: string }[] }[];
}

export const google: Dialect<Unsure<GenerateContentResponse>, Unsure<Status>> = {
  name: "google",
  refusals: googleRefusals,
  ends: googleEnds,
  tiers: googleTiers,

  headers: (apiKey) => ({ "x-goog-api-key": apiKey }),
  // Half a surrogate pair, which the door refuses, is no part of a URL: encoding it would throw.
  path: (model) => `/v1beta/models/${encodeURIComponent(model.toWellFormed())}:generateContent`,
  bodyOf,

  answersIn: (envelope) => {
    const blocked = text(envelope?.promptFeedback?.blockReason);
    return blocked === ""
      ? items(envelope?.candidates).map(answerIn)
      : [{ ended: null, refusal: blocked, texts: [] }];
  },
  modelIn: (envelope) => envelope?.modelVersion,
  usageIn: (envelope, header) => {
    const usage = envelope?.usageMetadata;
    // Protobuf's JSON leaves out what is 0; but nothing is judged on a prompt of none.
    const reasoning = countOrZero(usage?.thoughtsTokenCount);
    return {
      prompt: usage?.promptTokenCount,
      cached: usage?.cachedContentTokenCount,
      cacheWrite: 0,
      completion: countOrZero(usage?.candidatesTokenCount) + reasoning,
      reasoning,
      tier: header("x-gemini-service-tier"),
    };
  },
  requestIdIn: (envelope) => envelope?.responseId,

  toldIn: (problem, about) => {
    const type = text(problem?.status);
    return {
      codes: items(problem?.details).map((detail) => text(detail?.reason)),
      // Under another status than Google's own for FAILED_PRECONDITION, the word is another server's.
      type: type === "FAILED_PRECONDITION" && about !== 400 ? "" : type,
      waitMs: waitMsIn(problem),
    };
  },
};

/** Google as a provider. */
export const googleProvider = providerSpeaking(google);

const jsonFormat = { responseMimeType: "application/json" };
const schemaFormat = (schema: Schema) => ({ ...jsonFormat, responseJsonSchema: schema });

function bodyOf(request: Omit<JudgeRequest, "attempt">) {
  const { system, user, maxTokens, plan } = request;
  const { temperature, reasoningEffort: effort } = plan;
  return {
    systemInstruction: { role: "user", parts: [{ text: system }] },
    contents: [{ role: "user", parts: [{ text: user }] }],
    generationConfig: {
      maxOutputTokens: plan.maxTokens ?? maxTokens,
      ...(temperature === null ? {} : { temperature }),
      ...shapeOf(request, schemaFormat, jsonFormat),
      // Levels are called as our efforts are, but for `none`: no Gemini stops thinking.
      ...(effort === null || effort === "none"
        ? {}
        : { thinkingConfig: { thinkingLevel: effort.toUpperCase() } }),
    },
  };
}

function answerIn(candidate: Unsure<Candidate>): Said {
  const parts = items(candidate?.content?.parts);
  const written = parts.map((part) => (part?.thought === true ? "" : text(part?.text))).join("");
  return { ended: candidate?.finishReason, refusal: "", texts: [written] };
}

/** The body says how long to wait, the headers mostly don't. A quota of the day comes with a hint of seconds, which would be asked in vain. */
function waitMsIn(problem: Unsure<Status>): number | null {
  const details = items(problem?.details);
  const quotas = details.flatMap((detail) => items(detail?.violations));
  if (quotas.some((quota) => text(quota?.quotaId).includes("PerDay"))) return longestHintMs;
  for (const detail of details) {
    const delayMs = durationMs(detail?.retryDelay);
    if (delayMs !== null) return delayMs;
  }
  const message = text(problem?.message).slice(0, 1_000);
  return googleWaits.some((beginning) => beginsWith(message, beginning)) ? waitInSentence(message) : null;
}
