/** What stands in a request's address: parameters, and which methods a path takes. */
import { zValidator } from "@hono/zod-validator";
import type { Context } from "hono";
import type { ZodType } from "zod";
import { issuesOf, notValid } from "./problems.ts";
import { refuse } from "./route-context.ts";

export function pathParameters<T extends ZodType<Record<string, unknown>>>(schema: T) {
  return zValidator("param", schema, refuseIssues);
}

export function queryParameters<T extends ZodType<Record<string, unknown>>>(schema: T) {
  return zValidator("query", schema, refuseIssues);
}

interface Checked {
  readonly success: boolean;
  readonly data: Readonly<Record<string, unknown>>;
  readonly error?: { readonly issues: readonly { readonly path: PropertyKey[]; readonly message: string }[] };
}

function refuseIssues({ success, data, error }: Checked, c: Context): Response | undefined {
  if (success) return undefined;
  /** A parameter that stands twice is a list here, of which a schema would say odd things. */
  const isTwice = ({ path }: { readonly path: PropertyKey[] }) => Array.isArray(data[String(path[0])]);
  const issues = (error?.issues ?? []).map((issue) =>
    isTwice(issue) ? { ...issue, message: "is given more than once" } : issue,
  );
  return refuse(c, notValid("address", issuesOf(issues)));
}

/** @param routes of a Hono app */
export function methodsByPath(
  routes: readonly { readonly path: string; readonly method: string }[],
): ReadonlyMap<string, readonly string[]> {
  const methods = new Map<string, string[]>();
  for (const { path, method } of routes) {
    if (method === "ALL") continue;
    const known = methods.get(path) ?? [];
    if (!known.includes(method)) methods.set(path, [...known, method, ...(method === "GET" ? ["HEAD"] : [])]);
  }
  return methods;
}
