/** The OpenAPI document: it is valid, it is the app, and its schemas take what the app takes. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openapiDocument } from "../../src/wire/openapi.ts";
import { comparisonIn } from "../../src/http/comparison-request.ts";
import { comparisonRequest } from "../../src/wire/schemas.ts";
import { ajv, schemaOf } from "../support/openapi-check.ts";
import { goodBody } from "../support/answers.ts";
import { testService } from "../support/service.ts";

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: object;
  }[];
  readonly requestBody?: { readonly required: boolean; readonly content: object };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly headers: object; readonly content: object }>
  >;
}

const document = openapiDocument();
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({
    method,
    path,
    operation,
  })),
);
const names = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);

it("is served as it is", async () => {
  const { body } = await testService().request("/openapi.json");
  expect(body).toEqual(JSON.parse(JSON.stringify(document)));
});

it("has every route of the app but what the console's page asks for by itself, and the app has every route of it", () => {
  const { app } = testService();
  const routes = app.routes
    .filter(({ method, path }) => method !== "ALL" && !path.startsWith("/console/"))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  expect([...new Set(routes)].toSorted()).toEqual(names.toSorted());
});

it("says of each route whether it needs a key, and tells the truth", async () => {
  const { request } = testService({ env: { API_KEYS: `t:${"a".repeat(64)}` } });
  for (const { method, path, operation } of operations) {
    const filled = path
      .replace("{queue_id}", "b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f")
      .replace("{provider}", "mock");
    const { status } = await request(filled, { method: method.toUpperCase() });
    expect([path, status]).toEqual([path, operation.security ? 200 : 401]);
    expect("401" in operation.responses).toBe(operation.security === undefined);
  }
});

/** `Retry-After` comes with every 202 for which one waits, and with the errors after which trying again can help. */
const headersOf = (path: string, status: string) => [
  "X-Correlation-ID",
  "Cache-Control",
  ...(["202", "409", "429", "503"].includes(status) && !path.endsWith("/redeliver") && path !== "/healthz"
    ? ["Retry-After"]
    : []),
  ...(status === "202" && path === "/api/v1/comparison" ? ["Location"] : []),
];

describe("as an OpenAPI 3.1 document", () => {
  it("has what the specification requires", () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toEqual({
      title: expect.any(String),
      version: expect.any(String),
      description: expect.any(String),
    });
    expect(document.security).toEqual([{ key: [] }]);
    expect(document.components.securitySchemes.key).toEqual({ type: "http", scheme: "bearer" });
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(operations)("describes $method $path", ({ path, operation }) => {
    expect(operation.summary).toMatch(/\S/);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const parameters = operation.parameters ?? [];
    expect(parameters.filter(({ in: place }) => place === "path").map(({ name }) => name)).toEqual(inPath);
    for (const { in: place, required, schema } of parameters) {
      expect(required).toBe(place === "path");
      expect(() => ajv.compile(schema)).not.toThrow();
    }
    expect(Object.keys(operation.responses)).toContain("500");
    for (const [status, { description, headers, content }] of Object.entries(operation.responses)) {
      expect(status).toMatch(/^[2-5]\d\d$/);
      expect(description).toMatch(/\S/);
      expect(Object.keys(headers)).toEqual(headersOf(path, status));
      expect(Object.keys(content)).toHaveLength(status === "204" ? 0 : 1);
    }
  });

  it("refers only to schemas that it has, and uses each of them", () => {
    const referred = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(JSON.stringify(document).split('"$ref"')).toHaveLength(referred.length + 1);
    expect([...new Set(referred)].toSorted()).toEqual(Object.keys(document.components.schemas).toSorted());
  });

  it.each(Object.keys(document.components.schemas))(
    "has a schema %s that is valid JSON Schema 2020-12",
    (name) => {
      expect(schemaOf(name)).toBeTypeOf("function");
    },
  );

  it("allows nothing in an answer that it doesn't name", () => {
    const {
      ComparisonRequest: _,
      WebhookTestRequest: __,
      ...answers
    } = document.components.schemas as Record<string, object>;
    const objects = JSON.stringify(answers).match(/"properties":/g) ?? [];
    const closed = JSON.stringify(answers).match(/"additionalProperties":false/g) ?? [];
    expect(objects.length).toBeGreaterThan(6);
    expect(closed).toHaveLength(objects.length);
  });
});

const isExpressible = (body: object) => {
  // What JSON Schema has no words for: a placeholder used twice, UTF-16 units, bytes of JSON.
  const prompt = (body as { user_prompt?: unknown }).user_prompt;
  return !(typeof prompt === "string" && /(\{essay_[ab]\}).*\1/s.test(prompt));
};

describe("the schema of a comparison", () => {
  const validate = schemaOf("ComparisonRequest");
  /** Both say the same, and which that is. */
  const verdictOn = (body: unknown) => {
    const byService = comparisonIn({ text: JSON.stringify(body), value: body }).ok;
    expect([byService, JSON.stringify(body).slice(0, 500)]).toEqual([
      validate(body),
      JSON.stringify(body).slice(0, 500),
    ]);
    return byService;
  };

  it("takes a plain comparison", () => {
    expect(verdictOn(goodBody)).toBe(true);
  });

  const values = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      "",
      "openai",
      "immediate",
      "low",
      0,
      1,
      2,
      10,
      11,
      -1,
      0.5,
      2.5,
      4096,
      1e21,
      "1",
      [],
      {},
    ),
    fc.constantFrom(
      "b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f",
      "p".repeat(200),
      "p".repeat(201),
      "p".repeat(20_000),
      "p".repeat(20_001),
    ),
    fc.constantFrom(
      { temperature_override: 2 },
      { temperature_override: "2" },
      { max_tokens_override: 0 },
      { unknown: 1 },
      { unknown: null },
      { output_verbosity: "low", service_type: null },
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const fields = [...Object.keys(comparisonRequest.shape), "unknown"];
  const overrides = [
    "provider_override",
    "model_override",
    "temperature_override",
    "system_prompt_override",
    "max_tokens_override",
    "reasoning_effort",
    "output_verbosity",
    "model",
  ];
  it("takes and refuses the same as the service, whatever one changes in a comparison", () => {
    const seen = new Set<boolean>();
    const change = fc.dictionary(fc.constantFrom(...fields), values, { maxKeys: 3 });
    const changeOfOverrides = fc.option(
      fc.dictionary(fc.constantFrom(...overrides), values, { maxKeys: 2 }),
      { nil: undefined },
    );
    fc.assert(
      fc.property(
        change,
        changeOfOverrides,
        fc.subarray(["user_prompt", "essay_a", "essay_b"], { maxLength: 1 }),
        (changes, inner, without) => {
          const body: Record<string, unknown> = {
            ...goodBody,
            ...changes,
            ...(inner && { llm_config_overrides: inner }),
          };
          for (const name of without) if (!(name in changes)) delete body[name];
          fc.pre(isExpressible(body));
          seen.add(verdictOn(body));
        },
      ),
      { numRuns: 1_000 },
    );
    expect(seen.size).toBe(2);
  });

  it("is stricter in the service only where JSON Schema has no words", () => {
    const wordless = [
      { user_prompt: "{essay_a}{essay_a}" },
      { essay_a: "😀".repeat(100_001) },
      { metadata: { k: "x".repeat(16_384) } },
      { essay_b: "%PDF-1.7" },
      { user_id: "\ud800" },
    ];
    for (const changes of wordless) {
      const body = { ...goodBody, ...changes };
      expect(validate(body)).toBe(true);
      expect(comparisonIn({ text: JSON.stringify(body), value: body }).ok).toBe(false);
    }
  });
});
