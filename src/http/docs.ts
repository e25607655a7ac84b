/**
 * `GET /`, `GET /openapi.json`, and `GET /docs`: the OpenAPI document as one page without a script, a font or a byte from elsewhere. The page works
 * where there is no internet, and no third party's code runs beside an API key.
 */
import type * as z from "zod";
import { version } from "../version.ts";
import type { homeAnswer } from "../wire/schemas.ts";
import { openapiDocument, type OpenapiDocument } from "../wire/openapi.ts";
import { jsonAnswer, textAnswer } from "./answer.ts";
import type { Routes } from "./route-context.ts";

export function docsRoutes(app: Routes): void {
  app.get("/", (c) => jsonAnswer(200, home, c.get("correlationId")));
  app.get("/openapi.json", (c) => jsonAnswer(200, openapiDocument(), c.get("correlationId")));
  app.get("/docs", (c) =>
    textAnswer(
      200,
      docsPage(openapiDocument()),
      "text/html; charset=UTF-8",
      c.get("correlationId"),
      docsHeaders,
    ),
  );
}

/** Who answers here, for whoever types nothing but the host. */
const home: z.infer<typeof homeAnswer> = { service: "llm-provider-service", version, docs: "/docs" };

const docsHeaders = {
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
};

function docsPage(document: OpenapiDocument): string {
  const { info, paths, components } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(method, path, operation as Operation)),
  );
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `<section id="${escaped(name)}"><h3>${escaped(name)}</h3>${code(schema)}</section>`,
  );
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(info.title)}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
pre{background:#f5f5f5;padding:1rem;overflow:auto;font-size:13px}h2{margin-top:3rem}h3{margin-bottom:.25rem}
td,th{text-align:left;padding:.15rem 1rem .15rem 0;vertical-align:top}code,h3{font-family:ui-monospace,monospace}
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}pre{background:#222}a{color:#8ab4f8}}
</style>
<h1>${escaped(info.title)} <small>${escaped(info.version)}</small></h1>
<p>${escaped(info.description)} The document itself: <a href="openapi.json">openapi.json</a>.</p>
<p>Keys go in as <code>Authorization: Bearer KEY</code>.</p>
<h2>Routes</h2>
${operations.join("\n")}
<h2>Shapes</h2>
${schemas.join("\n")}
</html>
`;
}

interface Operation {
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: unknown }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema?: { readonly $ref?: string } }>>;

function section(method: string, path: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map(
    ({ name, in: place, schema }) =>
      `<p><code>${escaped(name)}</code> (${escaped(place)}): <code>${escaped(JSON.stringify(schema))}</code></p>`,
  );
  const body = operation.requestBody ? `<p>Body: ${shape(operation.requestBody.content)}</p>` : "";
  const answers = Object.entries(operation.responses).map(
    ([status, { description, content }]) =>
      `<tr><th>${escaped(status)}</th><td>${escaped(description)}</td><td>${shape(content)}</td></tr>`,
  );
  return `<section><h3>${method.toUpperCase()} ${escaped(path)}</h3>
<p>${escaped(operation.summary)}${operation.security ? " Needs no key." : ""}</p>
${parameters.join("")}${body}<table>${answers.join("")}</table></section>`;
}

function shape(content: Content): string {
  return Object.entries(content)
    .map(([mediaType, { schema }]) => {
      const name = schema?.$ref?.split("/").at(-1);
      return name ? `<a href="#${escaped(name)}">${escaped(name)}</a>` : escaped(mediaType);
    })
    .join(", ");
}

function code(value: unknown): string {
  return `<pre>${escaped(JSON.stringify(value, null, 2))}</pre>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
