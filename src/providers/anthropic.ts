/**
 * Anthropic, by its Messages API. The version below is the first since 2023: with it a sampling parameter is a 400 on every model. The key
 * goes as a bearer token, as the vendor's own SDK sends it since 1.0.
 * Source: the types of @anthropic-ai/sdk 1.12.0; https://platform.claude.com/docs/en/api/versioning
 */
import type { Message, MessageCreateParamsNonStreaming } from "@anthropic-ai/sdk/resources/messages/messages";
import type { ErrorResponse } from "@anthropic-ai/sdk/resources/shared";
import type { FrameVersion } from "../domain/judging/comparison.ts";
import { schemaOf } from "../domain/judging/frames.ts";
import type { JudgeRequest } from "../gateway/ports.ts";
import { providerSpeaking } from "./call.ts";
import { bearer, type Dialect, judgementName } from "./dialect.ts";
import { tokenCount, countOrZero, ofType, text, type Unsure, word } from "./envelope.ts";
import { anthropicEnds, anthropicRefusals } from "./refusals/anthropic.ts";
import { untilMs } from "./retry-hints.ts";
import { anthropicTiers } from "./tiers.ts";

type Envelope = Unsure<Message & Pick<ErrorResponse, "error">>;
type Problem = Unsure<ErrorResponse["error"] & { details?: { error_code: string } }>;

export const anthropic: Dialect<Envelope, Problem> = {
  name: "anthropic",
  refusals: anthropicRefusals,
  ends: anthropicEnds,
  tiers: anthropicTiers,

  headers: (apiKey) => ({ ...bearer(apiKey), "anthropic-version": "2026-10-21" }),
  path: () => "/v1/messages",
  bodyOf,

  answersIn: (envelope) => {
    const ended = envelope?.stop_reason;
    const refusal = ended === "refusal" ? (word(envelope?.stop_details?.category) ?? ended) : "";
    return [{ ended, refusal, texts: textsIn(envelope) }];
  },
  modelIn: (envelope) => envelope?.model,
  usageIn: (envelope) => {
    const usage = envelope?.usage;
    const cached = countOrZero(usage?.cache_read_input_tokens);
    const cacheWrite = countOrZero(usage?.cache_creation_input_tokens);
    return {
      // `input_tokens` is what the cache had no part in.
      prompt: tokenCount(usage?.input_tokens) + cached + cacheWrite,
      cached,
      cacheWrite,
      completion: usage?.output_tokens,
      reasoning: usage?.output_tokens_details?.thinking_tokens,
      tier: usage?.service_tier,
    };
  },
  requestIdIn: (_, header) => header("request-id"),

  toldIn: (problem, _, nowMs) => ({
    codes: [text(problem?.details?.error_code)],
    type: text(problem?.type),
    renewedInMs: accessRegainedInMs(text(problem?.message), nowMs),
  }),
};

/** Anthropic as a provider. */
export const anthropicProvider = providerSpeaking(anthropic);

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

function bodyOf({ model, system, user, maxTokens, plan, frame }: Omit<JudgeRequest, "attempt">) {
  const { structure } = plan;
  // There is no effort `none`: what stands for `none` is the model's own word, outside the effort.
  const effort = plan.reasoningEffort === "none" ? null : plan.reasoningEffort;
  return {
    model,
    max_tokens: plan.maxTokens ?? maxTokens,
    // One long instruction judged over and over is the usual case: marked, that instruction is read from the vendor's cache at a tenth of the price.
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

/**
 * By type, not by place: thinking may come first. Text that comes in blocks is joined. A tool's input arrives as an object, and is read like any other
 * judgement, beside the other calls and the text if there are any.
 */
function textsIn(envelope: Envelope): readonly string[] {
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

/** Of a spend limit: "You will regain access on 2026-12-01 at 00:00 UTC." */
function accessRegainedInMs(message: string, nowMs: number): number | null {
  const [, day, time] = /\baccess on (\d{4}-\d\d-\d\d) at (\d\d:\d\d) UTC/.exec(message.slice(0, 400)) ?? [];
  return day === undefined ? null : untilMs(`${day}T${time}Z`, nowMs);
}
