/** What stands in a request's address: parameters, and which methods a path takes. */
import { zValidator } from "@hono/zod-validator";
import type { Context } from "hono";
import type { ZodType } from "zod";
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
  const issues = (result.error?.issues ?? []).map(({ path, message }) => ({ path: path.join("."), message }));
  const sentence = "The address is not valid: see issues.";
  return refuse(c, { status: 400, type: "VALIDATION_ERROR", sentence, issues });
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
