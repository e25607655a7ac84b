/** A request's body: JSON, read up to a limit; or none. */
import type { Context } from "hono";
import { err, ok, type Result } from "../domain/result.ts";
import { crowded, type Problem } from "./errors.ts";
import { jsonFault } from "./json-fault.ts";
import type { BodyFault, Platform } from "./platform.ts";

export interface JsonBody {
  /** As it was sent. */
  readonly text: string;
  readonly value: unknown;
}

export async function readJson(
  c: Context,
  platform: Platform,
  maxBytes: number,
  mayRead?: (bytes: number) => boolean,
): Promise<Result<JsonBody, Problem>> {
  const wrongType = problemOfMediaType(c);
  if (wrongType) return err(wrongType);
  const text = await platform.readBody(c, maxBytes, mayRead);
  return text.ok ? parse(text.value) : err(problemOfFault(text.error, maxBytes));
}

/**
 * For a route that reads nothing of its body. A form of another site can send a browser's cookies and keys along, but no JSON.
 *
 * @returns what is wrong with a body that is neither empty nor JSON
 */
export async function readNothing(c: Context, platform: Platform, maxBytes: number): Promise<Problem | null> {
  const text = await platform.readBody(c, maxBytes);
  if (!text.ok) return problemOfFault(text.error, maxBytes);
  if (text.value === "") return null;
  const parsed = parse(text.value);
  return problemOfMediaType(c) ?? (parsed.ok ? null : parsed.error);
}

function parse(text: string): Result<JsonBody, Problem> {
  try {
    return ok({ text, value: JSON.parse(text) });
  } catch {
    return err({ status: 400, type: "VALIDATION_ERROR", sentence: `The body is not JSON: ${whyNot(text)}.` });
  }
}

/** Says where, in UTF-16 units, and nothing of what stands there. */
function whyNot(text: string): string {
  if (text === "") return "it is empty";
  const at = jsonFault(text) ?? text.length;
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const column = at - before.lastIndexOf("\n");
  return `it ${at < text.length ? "goes wrong" : "ends too soon"} in line ${line}, column ${column}`;
}

function problemOfMediaType(c: Context): Problem | null {
  const type = c.req.header("content-type");
  const encoding = c.req.header("content-encoding");
  const isJson = type !== undefined && /^application\/json *(;|$)/i.test(type);
  if (isJson && (encoding === undefined || encoding === "identity")) return null;
  const found = isJson ? `content-encoding ${encoding}` : (type ?? "no content-type");
  return {
    status: 415,
    type: "UNSUPPORTED_MEDIA_TYPE",
    sentence:
      "The body must be JSON: send it with content-type application/json and without content-encoding.",
    details: `found ${found.slice(0, 100)}`,
  };
}

function problemOfFault(fault: BodyFault, maxBytes: number): Problem {
  switch (fault) {
    case "too_large":
      return {
        status: 413,
        type: "PAYLOAD_TOO_LARGE",
        sentence: `The body is larger than ${maxBytes} bytes, which is MAX_BODY_BYTES here.`,
      };
    case "no_room":
      return crowded;
    case "not_utf8":
      return { status: 400, type: "VALIDATION_ERROR", sentence: "The body is not UTF-8." };
    case "hung_up":
      return { status: 499, type: "CONNECTION_ERROR", sentence: "The client closed the connection." };
  }
}
