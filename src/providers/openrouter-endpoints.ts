/**
 * What OpenRouter's endpoints for a model take. A model is served by several companies, each with abilities of its own, and OpenRouter drops
 * silently what an endpoint doesn't take unless it is told not to.
 * Source: https://openrouter.ai/docs/api-reference/list-endpoints-for-a-model
 */
import { type Parameters, reasoningEfforts } from "../domain/judging/comparison.ts";
import type { Plan } from "../domain/judging/plan.ts";
import { jsonHeaders, type Vendor } from "./call.ts";
import { findModel, planFor } from "./catalog.ts";
import { bearer } from "./dialect.ts";
import { items, parseJson, type Unsure } from "./envelope.ts";
import type { Question } from "./kept-lookup.ts";

/** The abilities that a request of ours may need. */
const abilities = ["structured_outputs", "response_format", "temperature", "reasoning"] as const;
type Ability = (typeof abilities)[number];

/** The endpoints of a model, each by what it takes. */
type Endpoints = readonly (readonly Ability[])[];

/** How a model's endpoints are looked up. */
export function endpointsAt({ apiKey, baseUrl }: Vendor): Question<Endpoints> {
  return {
    headers: { ...jsonHeaders, ...bearer(apiKey) },
    urlOf(model) {
      // A caller must not reach another path with our key by a model called `../key`.
      const [, author, slug] = /^([\w~-][\w.~-]*)\/([\w~-][\w.:~-]*)$/.exec(model) ?? [];
      if (author === undefined || slug === undefined) return null;
      return `${baseUrl}/models/${author}/${encodeURIComponent(slug)}/endpoints`;
    },
    read(text) {
      const answer = parseJson(text) as Unsure<{ data: { endpoints: { supported_parameters: string[] }[] } }>;
      const endpoints = items(answer?.data?.endpoints).map((endpoint) => {
        const supported = items(endpoint?.supported_parameters);
        return abilities.filter((ability) => supported.includes(ability));
      });
      return endpoints.length === 0 ? null : endpoints;
    },
  };
}

/**
 * The strictest shape that some endpoint takes, and of the parameters those which an endpoint with that shape takes too: the request requires all
 * of them at once, and an ability that only another endpoint has would leave nobody to answer.
 *
 * @param endpoints `null`: not known, so that the catalogue alone decides
 */
export function planOver(endpoints: Endpoints | null, model: string, parameters: Parameters): Plan {
  const known = findModel("openrouter", model);
  if (endpoints === null) return planFor(known, parameters);

  const schema = endpoints.filter(takes("structured_outputs"));
  const json = endpoints.filter(takes("response_format"));
  const [structure, shaped] =
    schema.length > 0
      ? (["schema", schema] as const)
      : json.length > 0
        ? (["json", json] as const)
        : (["words", endpoints] as const);
  const warm = shaped.filter(takes("temperature"));
  const left = parameters.temperature !== null && warm.length > 0 ? warm : shaped;
  const efforts = known.known ? known.efforts : reasoningEfforts;
  return planFor(
    {
      ...known,
      structure,
      temperature: warm.length > 0 ? "always" : "never",
      efforts: left.some(takes("reasoning")) ? efforts : [],
    },
    parameters,
  );
}

const takes = (ability: Ability) => (endpoint: readonly Ability[]) => endpoint.includes(ability);
