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

function refuseIssues(
  result: { success: boolean; error?: { issues: readonly { path: PropertyKey[]; message: string }[] } },
  c: Context,
): Response | undefined {
  if (result.success) return undefined;
  return refuse(c, notValid("address", issuesOf(result.error?.issues ?? [])));
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
