/** What Anthropic's Messages API takes, and what it refuses. */
import { z } from "zod";
import type { JsonObject } from "../json.ts";
import { anthropicSchemaFault } from "../schema-rules.ts";
import type { Trouble } from "../vendor.ts";

const whatever = z.unknown().optional();
const cacheControl = z.strictObject({
  type: z.literal("ephemeral"),
  ttl: z.enum(["5m", "1h"]).optional(),
});
const textBlock = z.strictObject({
  type: z.literal("text"),
  text: z.string().min(1),
  cache_control: cacheControl.nullable().optional(),
});
const anySchema = z.record(z.string(), z.unknown());
const toolChoiceFlag = { disable_parallel_tool_use: z.boolean().optional() };

export const messagesRequest = z.strictObject({
  model: z.string().min(1),
  max_tokens: z.int().min(1),
  messages: z
    .array(
      z.strictObject({
        role: z.enum(["user", "assistant"]),
        content: z.union([z.string().min(1), z.array(textBlock).min(1)]),
      }),
    )
    .min(1),
  system: z.union([z.string(), z.array(textBlock)]).optional(),
  output_config: z
    .strictObject({
      effort: z.enum(["low", "medium", "high", "xhigh", "max"]).nullable().optional(),
      format: z
        .strictObject({ type: z.literal("json_schema"), schema: anySchema })
        .nullable()
        .optional(),
    })
    .optional(),
  thinking: z
    .discriminatedUnion("type", [
      z.strictObject({ type: z.enum(["adaptive", "disabled", "between_tools"]), display: whatever }),
      z.strictObject({ type: z.literal("enabled"), budget_tokens: z.int().min(1024), display: whatever }),
    ])
    .optional(),
  tools: z
    .array(
      z.strictObject({
        type: z.literal("custom").optional(),
        name: z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/),
        description: z.string().optional(),
        input_schema: z.looseObject({ type: z.literal("object") }),
        strict: z.boolean().optional(),
        cache_control: cacheControl.nullable().optional(),
      }),
    )
    .optional(),
  tool_choice: z
    .discriminatedUnion("type", [
      z.strictObject({ type: z.enum(["auto", "any"]), ...toolChoiceFlag }),
      z.strictObject({ type: z.literal("none") }),
      z.strictObject({ type: z.literal("tool"), name: z.string(), ...toolChoiceFlag }),
    ])
    .optional(),
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().min(0).max(1).optional(),
  top_k: z.int().min(0).optional(),
  stream: z.literal(false).optional(),
  stop_sequences: z.array(z.string()).optional(),
  metadata: whatever,
  service_tier: z.enum(["auto", "standard_only"]).optional(),
  cache_control: cacheControl.nullable().optional(),
  container: whatever,
  diagnostics: whatever,
  inference_geo: whatever,
  speed: whatever,
  user_profile_id: whatever,
  workspace_id: whatever,
});
export type MessagesRequest = z.output<typeof messagesRequest>;

export const versions: readonly string[] = ["2023-01-01", "2023-06-01", "2026-10-21"];
const samplingParameters = ["temperature", "top_p", "top_k"] as const;

/** What fits the request's shape and is refused all the same. */
export function refusal(request: MessagesRequest, version: string): Trouble | null {
  return (
    samplingRefusal(request, version) ??
    messagesRefusal(request) ??
    effortRefusal(request) ??
    formatRefusal(request) ??
    thinkingRefusal(request) ??
    toolsRefusal(request)
  );
}

/** The tool that the model is made to call; `null`: it may write. */
export function forcedTool(request: MessagesRequest): { name: string; schema: JsonObject } | null {
  const choice = request.tool_choice;
  const tool =
    choice?.type === "any"
      ? request.tools?.[0]
      : choice?.type === "tool"
        ? request.tools?.find(({ name }) => name === choice.name)
        : undefined;
  return tool === undefined ? null : { name: tool.name, schema: tool.input_schema };
}

/** Whether the model thinks before it answers, unless told otherwise: the 5 series does. */
export function thinks(request: MessagesRequest): boolean {
  const type = request.thinking?.type;
  if (type === "disabled" || type === "between_tools") return false;
  return type !== undefined || /^claude-[a-z]+-5/.test(request.model);
}

function samplingRefusal(request: MessagesRequest, version: string): Trouble | null {
  const extra = samplingParameters.find((parameter) => request[parameter] !== undefined);
  return version >= "2026-10-21" && extra !== undefined
    ? refuse(`${extra}: Extra inputs are not permitted`)
    : null;
}

function messagesRefusal({ model, messages, max_tokens, output_config }: MessagesRequest): Trouble | null {
  const limit = model.startsWith("claude-haiku-4-5") ? 64_000 : 128_000;
  if (max_tokens > limit) {
    return refuse(
      `max_tokens: ${max_tokens} > ${limit}, which is the maximum allowed number of output tokens for ${model}`,
    );
  }
  if (messages.at(-1)?.role !== "assistant") return null;
  const takesPrefill = /^claude-(3-|[a-z]+-4-([0-6]|\d{8})(-|$))/.test(model);
  return takesPrefill && !output_config?.format
    ? null
    : refuse(
        "This model does not support assistant message prefill. The conversation must end with a user message.",
      );
}

function effortRefusal({ model, output_config }: MessagesRequest): Trouble | null {
  const lacksEffort = /^claude-(sonnet-4-5|haiku-4-5|opus-4-[01]|[a-z]+-4-(0|\d{8})|3-)/.test(model);
  return output_config?.effort && lacksEffort
    ? refuse("output_config.effort: This model does not support the effort parameter.")
    : null;
}

function formatRefusal({ model, output_config }: MessagesRequest): Trouble | null {
  if (!output_config?.format) return null;
  if (/^claude-(3-|[a-z]+-4-(0|\d{8})(-|$))/.test(model)) {
    return refuse(`output_config.format: '${model}' does not support structured outputs.`);
  }
  const fault = anthropicSchemaFault(output_config.format.schema);
  return fault === null ? null : refuse(`output_config.format.schema: ${fault}`);
}

function thinkingRefusal({ model, thinking, max_tokens }: MessagesRequest): Trouble | null {
  if (thinking === undefined) return null;
  if (/^claude-(opus-5-5|fable-5-1)/.test(model) && thinking.type !== "adaptive") {
    return refuse(`thinking.type: '${thinking.type}' is not supported: this model always thinks adaptively.`);
  }
  if (thinking.type !== "enabled") return null;
  if (!/^claude-(3-7|[a-z]+-4-([0-6]|\d{8})(-|$))/.test(model)) {
    return refuse("thinking.budget_tokens: Manual budgets are not supported on this model.");
  }
  return thinking.budget_tokens >= max_tokens
    ? refuse("`max_tokens` must be greater than `thinking.budget_tokens`.")
    : null;
}

function toolsRefusal(request: MessagesRequest): Trouble | null {
  for (const tool of request.tools ?? []) {
    const fault = tool.strict === true ? anthropicSchemaFault(tool.input_schema) : null;
    if (fault !== null) return refuse(`tools.${tool.name}.input_schema: ${fault}`);
  }
  const choice = request.tool_choice;
  if (choice?.type !== "any" && choice?.type !== "tool") return null;
  if (/^claude-(opus-5-5|fable-5-1|sonnet-5-5)/.test(request.model)) {
    return refuse(
      `tool_choice: forced tool use ('${choice.type}') is not supported on ${request.model}. Use output_config.format.`,
    );
  }
  return forcedTool(request) === null ? refuse("tool_choice: Tool not found in provided tools") : null;
}

const refuse = (message: string): Trouble => ({ status: 400, message });
