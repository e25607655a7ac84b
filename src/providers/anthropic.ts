/**
 * Anthropic, by its Messages API. The version below is the first since 2023: with it a sampling parameter is a 400 on every model. The key
 * goes as a bearer token, as the vendor's own SDK sends it since 1.0.
 * Source: the types of @anthropic-ai/sdk 1.12.0; https://platform.claude.com/docs/en/api/versioning
 */
import type { Message, MessageCreateParamsNonStreaming } from "@anthropic-ai/sdk/resources/messages/messages";
import type { ErrorResponse } from "@anthropic-ai/sdk/resources/shared";
import type { FrameVersion } from "../domain/judging/comparison.ts";
import type { Failure } from "../domain/failure.ts";
import { schemaOf } from "../domain/judging/frames.ts";
import { err, ok, type Result } from "../domain/result.ts";
import type { JudgeRequest, Provider } from "../gateway/ports.ts";
import {
  call,
  type Dialect,
  jsonHeaders,
  judgementName,
  notAnAnswer,
  type Surroundings,
  type Vendor,
} from "./call.ts";
import { findModel, planFor } from "./catalog.ts";
import { costOf } from "./cost.ts";
import { count, countOrZero, ofType, sensible, text, type Unsure, word } from "./envelope.ts";
import { anthropicRefusals } from "./refusals/anthropic.ts";
import { untilMs } from "./retry-hints.ts";
import { anthropicTiers, billedAs } from "./tiers.ts";

/** Anthropic as a provider. */
export function anthropicProvider({ apiKey, baseUrl }: Vendor, surroundings: Surroundings): Provider {
  const url = `${baseUrl}/v1/messages`;
  const headers = { ...jsonHeaders, authorization: `Bearer ${apiKey}`, "anthropic-version": "2026-10-21" };
  return {
    name: "anthropic",
    plan: (model, parameters) => planFor(findModel("anthropic", model), parameters),
    judge: (request, signal) =>
      call(surroundings, { url, headers, body: bodyOf(request) }, dialect, request.model, signal),
    cost: (model, usage, nowMs) => costOf(findModel("anthropic", model), usage, nowMs),
  };
}

const schemaFormat = (frame: FrameVersion) => ({ type: "json_schema", schema: schemaOf(frame) }) as const;

/** The older models' way to an enforced shape: a tool that they must call. The newest answer a forced tool with 400. */
function judgementTool(frame: FrameVersion) {
  const schema = schemaOf(frame);
  return {
    tools: [
      {
        name: judgementName,
        strict: true,
        input_schema: { ...schema, required: [...schema.required] },
      },
    ],
    tool_choice: { type: "tool" as const, name: judgementName, disable_parallel_tool_use: true },
  };
}

function bodyOf({ model, system, user, maxTokens, plan, frame }: JudgeRequest) {
  const { structure } = plan;
  // There is no effort `none`: what stands for it is the model's own word, outside the effort.
  const effort = plan.reasoningEffort === "none" ? null : plan.reasoningEffort;
  return {
    model,
    max_tokens: plan.maxTokens ?? maxTokens,
    // One long instruction judged over and over is the usual case: marked, it is read from the vendor's cache at a tenth of the price.
    system: [{ type: "text", text: system, cache_control: { type: "ephemeral" } }],
    messages: [{ role: "user", content: user }],
    ...(plan.temperature === null ? {} : { temperature: plan.temperature }),
    ...(plan.thinkingOff === undefined ? {} : { thinking: { type: plan.thinkingOff } }),
    ...(effort === null && structure !== "schema"
      ? {}
      : {
          output_config: {
            ...(effort === null ? {} : { effort }),
            ...(structure === "schema" ? { format: schemaFormat(frame) } : {}),
          },
        }),
    ...(structure === "tool" ? judgementTool(frame) : {}),
  } satisfies MessageCreateParamsNonStreaming;
}

type Envelope = Unsure<Message & Pick<ErrorResponse, "error">>;
type Problem = Unsure<ErrorResponse["error"] & { details?: { error_code: string } }>;

const dialect: Dialect<Envelope, Problem> = {
  refusals: anthropicRefusals,
  toldIn: (problem, _, nowMs) => ({
    codes: [text(problem?.details?.error_code)],
    type: text(problem?.type),
    renewedInMs: accessRegainedInMs(text(problem?.message), nowMs),
  }),
  textsIn,
  modelIn: (envelope) => envelope?.model,
  usageIn: (envelope) => {
    const usage = envelope?.usage;
    const cached = countOrZero(usage?.cache_read_input_tokens);
    const written = countOrZero(usage?.cache_creation_input_tokens);
    return sensible({
      // `input_tokens` is what the cache had no part in.
      promptTokens: count(usage?.input_tokens) + cached + written,
      cachedTokens: cached,
      cacheWriteTokens: written,
      completionTokens: count(usage?.output_tokens),
      reasoningTokens: countOrZero(usage?.output_tokens_details?.thinking_tokens),
      ...billedAs(anthropicTiers, usage?.service_tier),
    });
  },
  requestIdIn: (_, header) => header("request-id"),
};

/** Of a spend limit: "You will regain access on 2026-12-01 at 00:00 UTC." */
function accessRegainedInMs(message: string, nowMs: number): number | null {
  const [, day, time] = /\baccess on (\d{4}-\d\d-\d\d) at (\d\d:\d\d) UTC/.exec(message.slice(0, 400)) ?? [];
  return day === undefined ? null : untilMs(`${day}T${time}Z`, nowMs);
}

function textsIn(envelope: Envelope): Result<readonly string[], Failure> {
  switch (envelope?.stop_reason) {
    case "end_turn":
    case "stop_sequence":
    case "tool_use":
      return ok(written(envelope));
    case "refusal":
      return err({ reason: "content_refused", kind: word(envelope.stop_details?.category) ?? "refusal" });
    case "max_tokens":
    case "model_context_window_exceeded":
      return err({ reason: "truncated" });
    default:
      return notAnAnswer;
  }
}

/**
 * By type, not by place: thinking may come first. Text that comes in blocks is joined. A tool's input arrives as an object, and is read like any other
 * judgement, beside the other calls and the text if there are any.
 */
function written(envelope: Envelope): readonly string[] {
  const said = ofType(envelope?.content, "text")
    .map((block) => text(block?.text))
    .join("");
  return [said, ...ofType(envelope?.content, "tool_use").map((call) => jsonOf(call?.input))];
}

/** An input that is nested deeper than the stack allows is no judgement. */
function jsonOf(input: unknown): string {
  try {
    return JSON.stringify(input) ?? "";
  } catch {
    return "";
  }
}
