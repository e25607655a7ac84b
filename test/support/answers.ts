/** Requests as clients send them, and what must hold for every answer. The same in Node and in workerd. */
import { disagreement } from "./openapi-check.ts";

export const goodBody = {
  user_prompt: "Which essay argues better?",
  essay_a: "Cats sleep because they hunt.",
  essay_b: "Dogs bark.",
};

/** @param body becomes JSON unless it is text already */
export function post(body: unknown, init: RequestInit = {}): RequestInit {
  return {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    ...init,
    headers: { "content-type": "application/json", ...(init.headers as Record<string, string> | undefined) },
  };
}

/**
 * What holds for every answer, whatever was asked.
 *
 * @param isRepeated the body may be that of an earlier request with the same key, its correlation id included
 * @throws {Error} that says what does not hold
 */
export async function checked(
  method: string,
  path: string,
  response: Response,
  isRepeated = false,
): Promise<Answered> {
  const { status, headers } = response;
  const text = await response.text();
  const type = headers.get("content-type") ?? "";
  const answered: Answered = {
    status,
    headers,
    text,
    body: type.startsWith("application/json") && text !== "" ? JSON.parse(text) : {},
  };
  const faults = [
    headers.get("cache-control") ===
    (type.startsWith("text/event-stream") ? "no-store, no-transform" : "no-store")
      ? null
      : "Cache-Control is not no-store",
    headers.get("x-content-type-options") === "nosniff" ? null : "nosniff is missing",
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(headers.get("x-correlation-id") ?? "")
      ? null
      : "X-Correlation-ID is no UUID",
    // A ticket keeps the id of the comparison that brought it.
    !(isRepeated || (status === 200 && /^\/api\/v1\/(operator\/)?(status|results|tickets)\//.test(path))) &&
    "correlation_id" in answered.body &&
    answered.body["correlation_id"] !== headers.get("x-correlation-id")
      ? "the correlation id differs between body and header"
      : null,
    String(answered.body["retry_after"] ?? null) === String(headers.get("retry-after"))
      ? null
      : "retry_after differs between body and header",
    // What the document says of it is checked below: an unhealthy service answers 503 with its health.
    status < 400 || method === "HEAD" || path === "/healthz" || "error_type" in answered.body
      ? null
      : "an error without its type",
    method === "HEAD" ? null : disagreement(method, path, status, type, text),
  ].filter((fault) => fault !== null);
  if (faults.length > 0) throw new Error(`${method} ${path} ${status}: ${faults.join("; ")}\n${text}`);
  return answered;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, parsed. */
  readonly body: Record<string, unknown>;
}
