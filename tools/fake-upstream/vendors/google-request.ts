/** What Gemini's generateContent (v1beta) takes, and what it refuses. */
import { z } from "zod";
import { geminiSchemaFault } from "../schema-rules.ts";
import type { Misfit, Trouble } from "../vendor.ts";

const whatever = z.unknown().optional();
const content = z.strictObject({
  role: z.enum(["user", "model"]).optional(),
  parts: z.array(z.strictObject({ text: z.string() })).min(1),
});
const anySchema = z.record(z.string(), z.unknown());
const levels = ["MINIMAL", "LOW", "MEDIUM", "HIGH"] as const;

/** Proto JSON also takes snake_case; the fake takes the documented camelCase alone. */
export const generateContentRequest = z.strictObject({
  contents: z.array(content).min(1),
  systemInstruction: content.omit({ role: true }).extend({ role: z.string().optional() }).optional(),
  generationConfig: z
    .strictObject({
      maxOutputTokens: z.int().min(1).max(65_536).optional(),
      responseMimeType: z.enum(["text/plain", "application/json"]).optional(),
      responseSchema: anySchema.optional(),
      responseJsonSchema: anySchema.optional(),
      thinkingConfig: z
        .strictObject({
          thinkingLevel: z
            .enum([...levels, ...levels.map((level) => level.toLowerCase() as Lowercase<typeof level>)])
            .optional(),
          thinkingBudget: z.int().optional(),
          includeThoughts: z.boolean().optional(),
        })
        .optional(),
      temperature: z.number().min(0).max(2).optional(),
      topP: z.number().min(0).max(1).optional(),
      topK: z.int().min(1).optional(),
      candidateCount: z.literal(1).optional(),
      stopSequences: z.array(z.string()).optional(),
      seed: z.int().optional(),
      presencePenalty: whatever,
      frequencyPenalty: whatever,
      responseLogprobs: whatever,
      logprobs: whatever,
      responseModalities: whatever,
      mediaResolution: whatever,
    })
    .optional(),
  safetySettings: z.array(z.strictObject({ category: z.string(), threshold: z.string() })).optional(),
  cachedContent: whatever,
  toolConfig: whatever,
  // Taken by the vendor, but nothing that the fake could answer.
  tools: z.array(z.unknown()).max(0).optional(),
});
export type GenerateContentRequest = z.output<typeof generateContentRequest>;

const samplingParameters = ["temperature", "topP", "topK"] as const;

/** What fits the request's shape and is refused all the same. */
export function refusal(model: string, { generationConfig }: GenerateContentRequest): Trouble | null {
  if (generationConfig === undefined) return null;
  const sampling = samplingParameters.find((parameter) => generationConfig[parameter] !== undefined);
  if (sampling !== undefined && versionOf(model) >= 3.6) {
    return refuse(`generation_config.${snake(sampling)} is not supported by ${model}.`);
  }
  return schemaRefusal(generationConfig) ?? thinkingRefusal(model, generationConfig.thinkingConfig ?? {});
}

type GenerationConfig = NonNullable<GenerateContentRequest["generationConfig"]>;

function schemaRefusal(config: GenerationConfig): Trouble | null {
  const { responseSchema, responseJsonSchema, responseMimeType } = config;
  if (responseSchema === undefined && responseJsonSchema === undefined) return null;
  if (responseSchema !== undefined && responseJsonSchema !== undefined) {
    return refuse("Only one of response_schema and response_json_schema can be set.");
  }
  if (responseMimeType !== "application/json") {
    return refuse("A response schema is only allowed with response_mime_type `application/json`.");
  }
  const fault = responseJsonSchema === undefined ? null : geminiSchemaFault(responseJsonSchema);
  return fault === null ? null : refuse(`generation_config.response_json_schema: ${fault}`);
}

function thinkingRefusal(
  model: string,
  { thinkingLevel, thinkingBudget }: NonNullable<GenerationConfig["thinkingConfig"]>,
): Trouble | null {
  if (thinkingLevel !== undefined && thinkingBudget !== undefined) {
    return refuse("You can only set only one of thinking budget and thinking level.");
  }
  if (thinkingBudget !== undefined && versionOf(model) >= 4) {
    return refuse(`Thinking budget is not supported by ${model}.`);
  }
  if (thinkingLevel === undefined) return null;
  if (versionOf(model) < 3) return refuse(`Thinking level is not supported by ${model}.`);
  const refusesMinimal = /^gemini-3\.[78]-/.test(model);
  return thinkingLevel.toUpperCase() === "MINIMAL" && refusesMinimal
    ? refuse(`Thinking level MINIMAL is not supported by ${model}.`)
    : null;
}

/** `gemini-3.8-flash` is 3.8, `gemini-4-argon` is 4; a name without a number is between the two rules: 3. */
function versionOf(model: string): number {
  return Number(/^gemini-(\d+(\.\d+)?)-/.exec(model)?.[1] ?? 3);
}

/** A body of another shape, in the words of Google's JSON reader. */
export function misfitTrouble({ kind, path, why }: Misfit): Trouble {
  const parent = path.slice(0, -1).map(snake).join(".");
  const where = path.map(snake).join(".");
  switch (kind) {
    case "unknown": {
      const at = parent === "" ? "" : ` at '${parent}'`;
      return refuse(
        `Invalid JSON payload received. Unknown name "${path.at(-1)}"${at}: Cannot find field.`,
        parent,
      );
    }
    case "missing":
      return refuse(`* GenerateContentRequest.${where}: ${where} is not specified`, where);
    case "wrong":
      return refuse(`Invalid value at '${where}': ${why}`, where);
  }
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const refuse = (message: string, field?: string): Trouble => ({
  status: 400,
  message,
  ...(field === undefined
    ? {}
    : {
        details: [
          {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            fieldViolations: [{ field, description: message }],
          },
        ],
      }),
});
