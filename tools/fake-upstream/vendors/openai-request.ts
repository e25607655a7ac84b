/** What OpenAI's Responses API takes, and what it refuses. */
import { z } from "zod";
import { textOf } from "../json.ts";
import { openaiStrictSchemaFault } from "../schema-rules.ts";
import type { Misfit, Trouble } from "../vendor.ts";

const whatever = z.unknown().optional();

export const responsesRequest = z.strictObject({
  model: z.string().min(1),
  input: z.union([z.string().min(1), z.array(z.looseObject({})).min(1)]),
  instructions: z.string().nullable().optional(),
  store: z.boolean().nullable().optional(),
  max_output_tokens: z.int().nullable().optional(),
  reasoning: z
    .strictObject({
      effort: z.enum(["none", "minimal", "low", "medium", "high", "xhigh", "max"]).nullable().optional(),
      context: whatever,
      generate_summary: whatever,
      mode: whatever,
      summary: whatever,
    })
    .nullable()
    .optional(),
  text: z
    .strictObject({
      verbosity: z.enum(["low", "medium", "high"]).nullable().optional(),
      format: z
        .discriminatedUnion("type", [
          z.strictObject({ type: z.enum(["text", "json_object"]) }),
          z.strictObject({
            type: z.literal("json_schema"),
            name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
            description: z.string().optional(),
            strict: z.boolean().nullable().optional(),
            schema: z.record(z.string(), z.unknown()),
          }),
        ])
        .optional(),
    })
    .optional(),
  temperature: z.number().min(0).max(2).nullable().optional(),
  top_p: z.number().min(0).max(1).nullable().optional(),
  top_logprobs: z.int().min(0).max(20).nullable().optional(),
  service_tier: z.enum(["auto", "default", "flex", "scale", "priority", "fast"]).nullable().optional(),
  // Taken by the vendor, but nothing that the fake could answer.
  stream: z.literal(false).nullable().optional(),
  background: z.literal(false).nullable().optional(),
  tools: z.array(z.unknown()).max(0).optional(),
  access_programs: whatever,
  context_management: whatever,
  conversation: whatever,
  include: whatever,
  max_tool_calls: whatever,
  metadata: whatever,
  moderation: whatever,
  parallel_tool_calls: whatever,
  previous_response_id: whatever,
  prompt: whatever,
  prompt_cache_key: whatever,
  prompt_cache_options: whatever,
  prompt_cache_retention: whatever,
  safety_identifier: whatever,
  stream_options: whatever,
  tool_choice: whatever,
  truncation: whatever,
  user: whatever,
});
export type ResponsesRequest = z.output<typeof responsesRequest>;

const samplingParameters = ["temperature", "top_p", "top_logprobs"] as const;

/** What fits the request's shape and is refused all the same. */
export function refusal(request: ResponsesRequest): Trouble | null {
  return (
    storeRefusal(request) ?? effortRefusal(request) ?? samplingRefusal(request) ?? formatRefusal(request)
  );
}

/** GPT-4 and older write without reasoning first. */
export const reasons = ({ model, reasoning }: ResponsesRequest): boolean =>
  isReasoningModel(model) && reasoning?.effort !== "none";

const isReasoningModel = (model: string): boolean => !/^(gpt-[34]|chatgpt-4o)/.test(model);

/** The vendor would take it; students' essays must not be kept there. */
function storeRefusal({ store }: ResponsesRequest): Trouble | null {
  return store === false
    ? null
    : refuse("store", "essays_must_not_be_stored", "The fake upstream: 'store' must be false.");
}

function effortRefusal({ model, reasoning, max_output_tokens }: ResponsesRequest): Trouble | null {
  if (max_output_tokens && max_output_tokens < 16) {
    return refuse(
      "max_output_tokens",
      "integer_below_min_value",
      `Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got ${max_output_tokens} instead.`,
    );
  }
  const effort = reasoning?.effort;
  if (!effort) return null;
  if (!isReasoningModel(model)) {
    return refuse(
      "reasoning.effort",
      "unsupported_parameter",
      "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
    );
  }
  const refused = model.startsWith("gpt-6.1-sol")
    ? ["none", "minimal"]
    : model.startsWith("gpt-6-astra")
      ? ["none"]
      : [];
  return refused.includes(effort)
    ? refuse(
        "reasoning.effort",
        "unsupported_value",
        `Unsupported value: '${effort}' is not supported with the '${model}' model.`,
      )
    : null;
}

function samplingRefusal(request: ResponsesRequest): Trouble | null {
  const sent = samplingParameters.find((parameter) => (request[parameter] ?? null) !== null);
  return sent !== undefined && reasons(request)
    ? refuse(
        sent,
        "unsupported_parameter",
        `Unsupported parameter: '${sent}' is not supported with this model.`,
      )
    : null;
}

function formatRefusal({ text, input, instructions }: ResponsesRequest): Trouble | null {
  const format = text?.format;
  if (format?.type === "json_object" && !/json/i.test(textOf([instructions, input]))) {
    return refuse(
      "input",
      null,
      "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.",
    );
  }
  if (format?.type !== "json_schema" || format.strict !== true) return null;
  const fault = openaiStrictSchemaFault(format.schema);
  return fault === null
    ? null
    : refuse(
        "text.format.schema",
        "invalid_json_schema",
        `Invalid schema for response_format '${format.name}': ${fault}`,
      );
}

/** A body of another shape, in OpenAI's words. */
export function misfitTrouble({ kind, path, why }: Misfit): Trouble {
  const param = path.join(".");
  const now = moved[param];
  if (now !== undefined) {
    return refuse(
      param,
      "unsupported_parameter",
      `Unsupported parameter: '${param}' is not supported with the Responses API. Use '${now}' instead.`,
    );
  }
  switch (kind) {
    case "unknown":
      return refuse(param, "unknown_parameter", `Unknown parameter: '${param}'.`);
    case "missing":
      return refuse(param, "missing_required_parameter", `Missing required parameter: '${param}'.`);
    case "wrong":
      return refuse(param, "invalid_value", `Invalid value: '${param}'. ${why}`);
  }
}

/** Chat completions' parameters, and where the Responses API has them. */
const moved: Readonly<Record<string, string>> = {
  max_tokens: "max_output_tokens",
  max_completion_tokens: "max_output_tokens",
  messages: "input",
  response_format: "text.format",
  reasoning_effort: "reasoning.effort",
  verbosity: "text.verbosity",
};

const refuse = (param: string, code: string | null, message: string): Trouble => ({
  status: 400,
  param,
  message,
  ...(code === null ? {} : { code }),
});
