/** Holds answers against the service's own OpenAPI document. */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { openapiDocument } from "../../src/wire/openapi.ts";

const document = openapiDocument();

export const ajv = new Ajv2020({
  allErrors: true,
  strict: true,
  formats: {
    uuid: /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
    date: /^\d{4}-\d\d-\d\d$/,
    "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  },
});

/** The document's schema of that name. */
export function schemaOf(name: string): ValidateFunction {
  const schema = (document.components.schemas as Record<string, object>)[name];
  if (!schema) throw new Error(`The document has no schema ${name}`);
  return ajv.getSchema(name) ?? ajv.addSchema({ ...schema, $id: name }).compile({ $ref: name });
}

interface Operation {
  readonly responses: Readonly<
    Record<
      string,
      { readonly content: Readonly<Record<string, { readonly schema?: { readonly $ref: string } }>> }
    >
  >;
}

/**
 * What is wrong with an answer by the document; `null` where nothing is. Paths and methods that the document doesn't have must be answered
 * with an error of its shape.
 */
export function disagreement(
  method: string,
  path: string,
  status: number,
  type: string,
  text: string,
): string | null {
  const operation = operationFor(method, path);
  const name = operation === null ? "Error" : schemaName(operation, status, type);
  if (name === undefined) return `${method} ${path} answered ${status} ${type}, which is not in the document`;
  if (name === null) return null;
  const validate = schemaOf(name);
  return validate(JSON.parse(text))
    ? null
    : `${method} ${path} ${status} is no ${name}: ${ajv.errorsText(validate.errors)}\n${text}`;
}

const routes = Object.entries(document.paths).map(([template, methods]) => ({
  pattern: new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  methods: methods as Record<string, Operation>,
}));

function operationFor(method: string, path: string): Operation | null {
  const wanted = decoded(path.split("?")[0] ?? "");
  for (const { pattern, methods } of routes) {
    const operation = methods[method.toLowerCase()];
    if (pattern.test(wanted) && operation) return operation;
  }
  return null;
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/** `null`: the document says nothing of the shape; `undefined`: it has no such answer. */
function schemaName({ responses }: Operation, status: number, type: string): string | null | undefined {
  const contents = responses[status]?.content;
  if (contents !== undefined && Object.keys(contents).length === 0 && type === "") return null;
  const content = contents?.[type.split(";")[0] ?? ""];
  return content && (content.schema?.$ref.split("/").at(-1) ?? null);
}
