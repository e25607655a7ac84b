/** What a vendor's file says about its vendor, and what they share in reading a request. */
import type { z } from "zod";
import { err, ok, type Result } from "../../src/domain/result.ts";
import { isObject, type JsonObject, parseJson } from "./json.ts";
import type { ErrorFault, VendorName } from "./script.ts";

export interface Vendor {
  readonly name: VendorName;
  /** Reads a request as strictly as the vendor does. */
  read(heard: Heard): Result<Asked, Trouble>;
  /** The body of a 200. */
  envelope(question: Question, words: Words, id: string): JsonObject;
  /** The body of a 200 that carries an error inside, where this vendor puts it. */
  failedEnvelope(question: Question, trouble: Trouble, id: string): JsonObject;
  errorBody(trouble: Trouble, id: string): JsonObject;
  /** Request id and rate limits. */
  headers(id: string): Record<string, string>;
  /** The headers with which the vendor says how long to wait. */
  waitHeaders(wait: Wait): Record<string, string>;
  readonly troubles: Readonly<Record<ErrorFault, Trouble>>;
}

/** A request as it came in. `path` is below the vendor's root and has no query. */
export interface Heard {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyText: string;
}

export type Asked =
  | { readonly route: "judgement"; readonly question: Question }
  | { readonly route: "endpoints"; readonly model: string; readonly body: JsonObject }
  /** The list of all models. */
  | { readonly route: "models"; readonly body: JsonObject };

export interface Question {
  readonly model: string;
  /** Everything the model reads. */
  readonly promptText: string;
  readonly maxTokens: number | null;
  /** What the answer must keep to; `null`: nothing. */
  readonly schema: JsonObject | null;
  /** The tool that must be called; `null`: none. */
  readonly tool: string | null;
  /** Whether the model thinks before it writes. */
  readonly reasons: boolean;
}

/** What the judge writes, and how it ends. */
export interface Words {
  readonly text: string;
  readonly ending: Ending;
  readonly usage: Tokens | null;
  readonly model: string;
}

export type Ending =
  | "whole"
  | "refused"
  | "promptBlocked"
  | "answerBlocked"
  | "recited"
  | "cutShort"
  | "empty";

export interface Tokens {
  /** Cached and cache-written ones included. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  /** Reasoning included. */
  readonly completionTokens: number;
  readonly reasoningTokens: number;
}

/** An error, before a vendor puts it into its own shape. */
export interface Trouble {
  readonly status: number;
  readonly message: string;
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
  /** Gemini's own. */
  readonly details?: readonly unknown[];
  readonly wait?: Wait;
}

export interface Wait {
  /** Seconds, or an HTTP date. */
  readonly retryAfter?: number | string;
  readonly retryAfterMs?: number;
}

/** The key in an `authorization: Bearer` header; `null` where there is none. */
export const bearerKey = (headers: Heard["headers"]): string | null =>
  /^Bearer (\S+)$/i.exec(headers["authorization"] ?? "")?.[1] ?? null;

/** Keys are good unless they begin with `bad`. */
export const isBadKey = (key: string): boolean => key.startsWith("bad");

/** Models exist unless their id begins with `no-such`. */
export const isMissingModel = (model: string): boolean => model.startsWith("no-such");

/** The standard headers; every vendor but Gemini. */
export function standardWaitHeaders({ retryAfter, retryAfterMs }: Wait): Record<string, string> {
  return {
    ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
    ...(retryAfterMs === undefined ? {} : { "retry-after-ms": String(retryAfterMs) }),
  };
}

/** Reads the body as a JSON object, where the content type says that it is one. */
export function readObject(heard: Heard): Result<JsonObject, Trouble> {
  const contentType = heard.headers["content-type"] ?? "";
  if (!/^application\/json(\s*;|$)/i.test(contentType)) {
    return err({
      status: 400,
      message: `Unsupported content type: '${contentType}'. Use 'application/json'.`,
    });
  }
  const body = parseJson(heard.bodyText);
  return isObject(body)
    ? ok(body)
    : err({ status: 400, message: "We could not parse the JSON body of your request as an object." });
}

/** Where and how a body differs from the vendor's request. */
export interface Misfit {
  readonly kind: "unknown" | "missing" | "wrong";
  readonly path: readonly string[];
  readonly why: string;
}

/** Checks a body against a vendor's request. An unknown key is told before anything else. */
export function fit<Schema extends z.ZodType>(
  schema: Schema,
  body: JsonObject,
): Result<z.output<Schema>, Misfit> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return ok(parsed.data);
  const issues = parsed.error.issues.flatMap(deepest);
  const unknown = issues.find((issue) => issue.code === "unrecognized_keys");
  const first = unknown ?? issues[0];
  const path = (first?.path ?? []).map(String);
  if (first?.code === "unrecognized_keys") {
    return err({ kind: "unknown", path: [...path, first.keys[0] ?? ""], why: first.message });
  }
  return err({ kind: isMissing(body, path) ? "missing" : "wrong", path, why: first?.message ?? "" });
}

/** A union's issues lie one level down: those of the alternative that got furthest say most. */
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union") return [issue];
  const within = issue.errors
    .map((alternative) => alternative.flatMap(deepest))
    .find((alternative) =>
      alternative.some(({ path, code }) => path.length > 0 || code === "unrecognized_keys"),
    );
  return within === undefined
    ? [issue]
    : within.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

function isMissing(body: unknown, path: readonly string[]): boolean {
  let value = body;
  for (const key of path) value = (value as JsonObject | undefined)?.[key];
  return value === undefined;
}
