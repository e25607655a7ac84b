/** Models of the fake OpenRouter: what each of their endpoints takes. */
import type { JsonObject } from "../json.ts";

const everywhere = ["max_tokens", "max_completion_tokens", "stop"];
const sampling = ["temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty"];
const reasoning = ["reasoning", "reasoning_effort", "include_reasoning", "verbosity"];
const tools = ["tools", "tool_choice"];

const known: Readonly<Record<string, readonly Endpoint[]>> = {
  "anthropic/claude-sonnet-5.5": [
    {
      provider: "Anthropic",
      parameters: [...everywhere, ...reasoning, ...tools, "response_format", "structured_outputs"],
    },
  ],
  "openai/gpt-6.1-terra": [
    {
      provider: "OpenAI",
      parameters: [...everywhere, ...reasoning, ...tools, "response_format", "structured_outputs"],
    },
  ],
  /** JSON mode, but no enforced schema. */
  "deepseek/deepseek-chat-v3.1": [
    { provider: "DeepInfra", parameters: [...everywhere, ...sampling, "response_format"] },
  ],
  /** Neither: words alone. */
  "gryphe/mythomax-l2-13b": [{ provider: "Mancer", parameters: [...everywhere, ...sampling] }],
  /** What the model's union promises, no single endpoint keeps: temperature here, the schema there. */
  "qwen/qwen3-235b-a22b": [
    { provider: "Novita", parameters: [...everywhere, ...sampling, "response_format"] },
    { provider: "Alibaba", parameters: [...everywhere, "response_format", "structured_outputs"] },
  ],
};

interface Endpoint {
  readonly provider: string;
  readonly parameters: readonly string[];
}

/** The endpoints that serve a model. One that is not in the table takes everything. */
export function endpointsOf(model: string): readonly Endpoint[] {
  const all = [...everywhere, ...sampling, ...reasoning, ...tools, "response_format", "structured_outputs"];
  return known[model] ?? [{ provider: "FakeProvider", parameters: all }];
}

/** The body of `GET /models/{author}/{slug}/endpoints`. */
export function endpointsBody(model: string): JsonObject {
  return {
    data: {
      id: model,
      name: model,
      created: 1_795_000_000,
      description: "A model of the fake upstream.",
      architecture: {
        input_modalities: ["text"],
        output_modalities: ["text"],
        tokenizer: "Other",
        instruct_type: null,
      },
      endpoints: endpointsOf(model).map(({ provider, parameters }) => ({
        name: `${provider} | ${model}`,
        model_name: model,
        context_length: 200_000,
        pricing: { prompt: "0.000002", completion: "0.00001", request: "0", image: "0", discount: 0 },
        provider_name: provider,
        tag: provider.toLowerCase(),
        quantization: null,
        max_completion_tokens: 64_000,
        max_prompt_tokens: null,
        supported_parameters: parameters,
        status: 0,
        uptime_last_30m: 100,
        supports_implicit_caching: false,
      })),
    },
  };
}
