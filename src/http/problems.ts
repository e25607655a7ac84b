/** What the routes refuse by themselves. */
import type { Problem } from "./errors.ts";

export const unknownKey: Problem = {
  status: 401,
  type: "AUTHENTICATION_ERROR",
  sentence: "An API key that this service knows is needed, as Authorization: Bearer KEY.",
  headers: { "www-authenticate": "Bearer" },
};

export const notLocal: Problem = {
  status: 401,
  type: "AUTHENTICATION_ERROR",
  sentence:
    "No API keys are set here, so only requests to this machine's own address are served, and none that another site's page has sent.",
  headers: { "www-authenticate": "Bearer" },
};

export const badIdempotencyKey: Problem = {
  status: 400,
  type: "VALIDATION_ERROR",
  sentence: "An Idempotency-Key has 1 to 255 printable characters.",
};

export const noSuchTicket: Problem = {
  status: 404,
  type: "RESOURCE_NOT_FOUND",
  sentence: "There is no ticket with this queue_id.",
};

export const noRoomToListen: Problem = {
  status: 503,
  type: "SERVICE_UNAVAILABLE",
  sentence:
    "As many listen here as this service has room for, or as are your share. Ask for the status instead.",
  retryAfterSeconds: 30,
};

export const wrongWebSocket: Problem = {
  status: 400,
  type: "VALIDATION_ERROR",
  sentence: "This is no handshake of a WebSocket of version 13.",
  headers: { "sec-websocket-version": "13" },
};

export const noSuchProvider: Problem = {
  status: 404,
  type: "RESOURCE_NOT_FOUND",
  sentence: "There is no provider of this name.",
};

export const nothingHere: Problem = {
  status: 404,
  type: "RESOURCE_NOT_FOUND",
  sentence: "There is nothing at this path.",
};

/** Something that is wrong with a request. */
export interface Issue {
  /** Names from the outermost one, with points between them; empty: it is the whole. */
  readonly path: string;
  readonly message: string;
}

/** All that is wrong, as a list, and once more in `details` for clients that show nothing else. */
export function notValid(what: "comparison" | "address" | "body", issues: readonly Issue[]): Problem {
  return {
    status: 400,
    type: "VALIDATION_ERROR",
    sentence: `The ${what} has ${issues.length === 1 ? "a problem" : `${issues.length} problems`}: see details.`,
    details: issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; "),
    issues,
  };
}

/** As a validator has them. */
export function issuesOf(
  found: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): readonly Issue[] {
  return found.map(({ path, message }) => ({ path: path.join("."), message }));
}

export function wrongMethod(methods: readonly string[]): Problem {
  return {
    status: 405,
    type: "METHOD_NOT_ALLOWED",
    sentence: `This path takes ${methods.join(", ")}.`,
    headers: { allow: methods.join(", ") },
  };
}
