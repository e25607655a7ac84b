/** Which JSON schemas each vendor takes. Each rule names the first thing that the vendor would refuse, or is `null`. */
import { isObject, type JsonObject } from "./json.ts";

/** Anthropic's structured outputs and strict tools. */
export const anthropicSchemaFault = (schema: JsonObject): string | null =>
  firstFault(schema, (node) => {
    const type = typeof node["type"] === "string" ? node["type"] : "any";
    const unsupported = Object.keys(node).find((keyword) => !anthropicKeywords.has(keyword));
    if (unsupported !== undefined) return `For '${type}' type, property '${unsupported}' is not supported`;
    if (isObjectNode(node) && node["additionalProperties"] !== false) {
      return "For 'object' type, 'additionalProperties' must be explicitly set to false";
    }
    if (![undefined, 0, 1].includes(node["minItems"] as number | undefined)) {
      return "For 'array' type, 'minItems' values other than 0 or 1 are not supported";
    }
    const format = node["format"];
    return format === undefined || anthropicFormats.has(format)
      ? null
      : `For 'string' type, 'format' value '${String(format)}' is not supported`;
  });

/** OpenAI's strict mode, which OpenRouter takes over. */
export function openaiStrictSchemaFault(schema: JsonObject): string | null {
  if (schema["type"] !== "object") {
    return `In context=(), schema must be a JSON Schema of 'type: "object"', got 'type: ${JSON.stringify(schema["type"])}'.`;
  }
  if ("anyOf" in schema) return "In context=(), 'anyOf' is not permitted at the root.";
  return firstFault(schema, (node, path) => {
    const where = `In context=(${path.map((part) => `'${part}'`).join(", ")})`;
    const forbidden = Object.keys(node).find((keyword) => openaiForbidden.has(keyword));
    if (forbidden !== undefined) return `${where}, '${forbidden}' is not permitted.`;
    if (!["type", "enum", "const", "anyOf"].some((keyword) => keyword in node)) {
      return `${where}, schema must have a 'type' key.`;
    }
    if (!isObjectNode(node)) return null;
    if (node["additionalProperties"] !== false) {
      return `${where}, 'additionalProperties' is required to be supplied and to be false.`;
    }
    const required = Array.isArray(node["required"]) ? (node["required"] as unknown[]) : [];
    const properties = Object.keys(isObject(node["properties"]) ? node["properties"] : {});
    const optional = properties.find((property) => !required.includes(property));
    if (optional !== undefined) {
      return `${where}, 'required' is required to be supplied and to be an array including every key in properties. Missing '${optional}'.`;
    }
    const extra = required.find((key) => !properties.includes(String(key)));
    return extra === undefined
      ? null
      : `${where}, 'required' names '${String(extra)}', which is not a property.`;
  });
}

/** Gemini's `responseJsonSchema`. */
export const geminiSchemaFault = (schema: JsonObject): string | null =>
  firstFault(schema, (node) => {
    const unsupported = Object.keys(node).find((keyword) => !geminiKeywords.has(keyword));
    return unsupported === undefined ? null : `Unsupported JSON schema keyword "${unsupported}".`;
  });

type Rule = (node: JsonObject, path: readonly string[]) => string | null;

/** Depth first. References are refused for all: vendors resolve them, the fake does not. */
function firstFault(node: JsonObject, rule: Rule, path: readonly string[] = []): string | null {
  if ("$ref" in node) return "The fake upstream does not resolve '$ref'.";
  const own = rule(node, path);
  if (own !== null) return own;
  for (const [at, child] of childrenOf(node)) {
    const fault = firstFault(child, rule, [...path, ...at]);
    if (fault !== null) return fault;
  }
  return null;
}

function childrenOf(node: JsonObject): [string[], JsonObject][] {
  const children: [string[], unknown][] = [[["items"], node["items"]]];
  const properties = isObject(node["properties"]) ? node["properties"] : {};
  for (const [name, child] of Object.entries(properties)) children.push([["properties", name], child]);
  for (const keyword of ["anyOf", "allOf", "oneOf", "prefixItems"]) {
    const list = Array.isArray(node[keyword]) ? (node[keyword] as unknown[]) : [];
    for (const [index, child] of list.entries()) children.push([[keyword, String(index)], child]);
  }
  return children.filter((entry): entry is [string[], JsonObject] => isObject(entry[1]));
}

function isObjectNode(node: JsonObject): boolean {
  const type = node["type"];
  return type === "object" || (Array.isArray(type) && type.includes("object"));
}

const anthropicKeywords = new Set(
  "type title description default enum const anyOf allOf $defs properties required additionalProperties items minItems format".split(
    " ",
  ),
);

const anthropicFormats = new Set<unknown>(
  "date-time time date duration email hostname uri ipv4 ipv6 uuid".split(" "),
);

const openaiForbidden = new Set(
  (
    "$anchor $dynamicAnchor $dynamicRef $recursiveAnchor $recursiveRef allOf contains contentEncoding contentMediaType contentSchema " +
    "dependentRequired dependentSchemas dependencies else if maxContains maxProperties minContains minProperties not oneOf " +
    "patternProperties prefixItems propertyNames then unevaluatedItems unevaluatedProperties uniqueItems"
  ).split(" "),
);

const geminiKeywords = new Set(
  (
    "$id $defs $ref $anchor type format title description enum items prefixItems minItems maxItems minimum maximum anyOf oneOf " +
    "properties additionalProperties required propertyOrdering"
  ).split(" "),
);
