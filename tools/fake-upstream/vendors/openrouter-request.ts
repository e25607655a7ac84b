/** What OpenRouter's chat completions take, and what is refused. */
import { z } from "zod";
import type { JsonObject } from "../json.ts";
import { openaiStrictSchemaFault } from "../schema-rules.ts";
import type { Trouble } from "../vendor.ts";
import { endpointsOf } from "./openrouter-models.ts";

const whatever = z.unknown().optional();
const textPart = z.strictObject({ type: z.literal("text"), text: z.string(), cache_control: whatever });
const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
const name = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/);

/** The vendor lets unknown fields pass; the fake refuses them, so that no misspelt one goes unnoticed. */
export const chatRequest = z.strictObject({
  model: z.string().regex(/^[^/\s]+\/[^/\s]+$/, "is not a valid model ID"),
  messages: z
    .array(
      z.strictObject({
        role: z.enum(["system", "developer", "user", "assistant"]),
        content: z.union([z.string(), z.array(textPart).min(1)]),
        name: z.string().optional(),
      }),
    )
    .min(1),
  max_tokens: z.int().min(1).nullable().optional(),
  max_completion_tokens: z.int().min(1).nullable().optional(),
  reasoning: z
    .strictObject({
      effort: z.enum(efforts).nullable().optional(),
      max_tokens: z.int().nullable().optional(),
      exclude: z.boolean().optional(),
      enabled: z.boolean().optional(),
    })
    .optional(),
  reasoning_effort: z.enum(efforts).nullable().optional(),
  verbosity: z.enum(["low", "medium", "high", "max"]).nullable().optional(),
  response_format: z
    .discriminatedUnion("type", [
      z.strictObject({ type: z.enum(["text", "json_object"]) }),
      z.strictObject({
        type: z.literal("json_schema"),
        json_schema: z.strictObject({
          name,
          description: z.string().optional(),
          strict: z.boolean().nullable().optional(),
          schema: z.record(z.string(), z.unknown()),
        }),
      }),
    ])
    .optional(),
  tools: z
    .array(
      z.strictObject({
        type: z.literal("function"),
        function: z.strictObject({
          name,
          description: z.string().optional(),
          strict: z.boolean().nullable().optional(),
          parameters: z.record(z.string(), z.unknown()),
        }),
      }),
    )
    .optional(),
  tool_choice: z
    .union([
      z.enum(["none", "auto", "required"]),
      z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: z.string() }) }),
    ])
    .optional(),
  provider: z
    .strictObject({
      require_parameters: z.boolean().nullable().optional(),
      data_collection: z.enum(["allow", "deny"]).nullable().optional(),
      zdr: z.boolean().nullable().optional(),
      allow_fallbacks: z.boolean().nullable().optional(),
      order: z.array(z.string()).nullable().optional(),
      only: z.array(z.string()).nullable().optional(),
      ignore: z.array(z.string()).nullable().optional(),
      quantizations: z.array(z.string()).nullable().optional(),
      sort: whatever,
      max_price: whatever,
    })
    .optional(),
  temperature: z.number().min(0).max(2).nullable().optional(),
  top_p: z.number().nullable().optional(),
  top_k: z.number().nullable().optional(),
  seed: z.int().nullable().optional(),
  stop: whatever,
  frequency_penalty: whatever,
  presence_penalty: whatever,
  include_reasoning: z.boolean().optional(),
  plugins: z.array(z.looseObject({ id: z.string() })).optional(),
  usage: whatever,
  user: whatever,
  session_id: whatever,
  metadata: whatever,
  stream: z.literal(false).nullable().optional(),
  // Refused below, in words of their own.
  models: whatever,
  route: whatever,
});
export type ChatRequest = z.output<typeof chatRequest>;

/** What fits the request's shape and is refused all the same. */
export function refusal(request: ChatRequest): Trouble | null {
  // The vendor would take it; then another model than the one that was asked for might judge.
  if (request.models !== undefined || request.route !== undefined) {
    return { status: 400, message: "The fake upstream: no fallback models, the judge is pinned." };
  }
  const { reasoning, tool_choice } = request;
  if (reasoning?.effort && reasoning.max_tokens) {
    return {
      status: 400,
      message: "Only one of 'reasoning.effort' and 'reasoning.max_tokens' may be specified.",
    };
  }
  if (typeof tool_choice === "object" && forcedTool(request) === null) {
    return {
      status: 400,
      message: `Tool choice '${tool_choice.function.name}' not found in 'tools' parameter.`,
    };
  }
  return schemaRefusal(request) ?? routingRefusal(request);
}

/** The tool that the model is made to call; `null`: it may write. */
export function forcedTool({ tools, tool_choice }: ChatRequest): { name: string; schema: JsonObject } | null {
  const wanted = typeof tool_choice === "object" ? tool_choice.function.name : null;
  const tool =
    tool_choice === "required" ? tools?.[0] : tools?.find(({ function: { name } }) => name === wanted);
  return tool === undefined ? null : { name: tool.function.name, schema: tool.function.parameters };
}

/** Whether some endpoint of the model takes all of these. */
export const isServed = (model: string, parameters: readonly string[]): boolean =>
  endpointsOf(model).some((endpoint) => parameters.every((name) => endpoint.parameters.includes(name)));

function schemaRefusal({ response_format, tools }: ChatRequest): Trouble | null {
  const asked = [
    ...(response_format?.type === "json_schema" ? [response_format.json_schema] : []),
    ...(tools ?? []).map(({ function: { name, strict, parameters } }) => ({
      name,
      strict,
      schema: parameters,
    })),
  ];
  for (const { name, strict, schema } of asked) {
    const fault = strict === true ? openaiStrictSchemaFault(schema) : null;
    if (fault !== null) return { status: 400, message: `Invalid schema '${name}': ${fault}` };
  }
  return null;
}

function routingRefusal(request: ChatRequest): Trouble | null {
  return request.provider?.require_parameters === true && !isServed(request.model, parametersOf(request))
    ? {
        status: 404,
        code: "no_endpoints",
        message: "No endpoints found that can handle the requested parameters.",
      }
    : null;
}

const optionalParameters = [
  "max_tokens",
  "max_completion_tokens",
  "stop",
  "temperature",
  "top_p",
  "top_k",
  "seed",
  "frequency_penalty",
  "presence_penalty",
  "reasoning",
  "reasoning_effort",
  "include_reasoning",
  "verbosity",
  "tools",
  "tool_choice",
] as const;

/** What the request needs of an endpoint, in the names of `supported_parameters`. */
function parametersOf(request: ChatRequest): string[] {
  const sent = optionalParameters.filter((parameter) => (request[parameter] ?? null) !== null);
  const format = request.response_format?.type;
  return [
    ...sent,
    ...(format === "json_schema" ? ["structured_outputs"] : []),
    ...(format === "json_object" ? ["response_format"] : []),
  ];
}
