/** What can happen to a request that Upstash would have taken. */
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { UpstashData } from "./upstash-data.ts";
import { type Command, outcomeOf, type Route } from "./upstash-wire.ts";

export type UpstashFault =
  /** Carried out at once, answered later. */
  | { readonly kind: "slow"; readonly delayMs: number }
  /** Carried out later, also where the client is gone by then. */
  | { readonly kind: "late"; readonly delayMs: number }
  /** Never carried out, never answered. */
  | { readonly kind: "hang" }
  /** A gateway's page in HTML with status 502. Not carried out. */
  | { readonly kind: "html" }
  /** Status 429. Not carried out. */
  | { readonly kind: "rateLimited" }
  /** As if the token had been taken back. Not carried out. */
  | { readonly kind: "unauthorized" }
  /** The connection ends before anything is carried out. To the client the same as the next. */
  | { readonly kind: "dropBefore" }
  /** Carried out, and the connection ends without an answer. */
  | { readonly kind: "dropAfter" };

export interface Call {
  readonly route: Route;
  readonly commands: readonly Command[];
  readonly headers: IncomingHttpHeaders;
  readonly fault: UpstashFault | null;
  readonly data: UpstashData;
}

/** Never rejects. */
export async function serve(call: Call, response: ServerResponse): Promise<void> {
  const { fault } = call;
  switch (fault?.kind) {
    case undefined:
      return (await answerOf(call))(response);
    case "slow": {
      const answer = await answerOf(call);
      await wait(fault.delayMs);
      return answer(response);
    }
    case "late":
      await wait(fault.delayMs);
      return (await answerOf(call))(response);
    case "hang":
      return;
    case "html":
      response.writeHead(502, { "content-type": "text/html" }).end(page);
      return;
    case "rateLimited":
      return send(response, 429, { error: "ERR max requests limit exceeded." });
    case "unauthorized":
      return send(response, 401, wrongToken);
    case "dropBefore":
      response.destroy();
      return;
    case "dropAfter":
      await answerOf(call);
      response.destroy();
  }
}

/** Carries it out. What it returns sends the answer. */
async function answerOf({
  route,
  commands,
  headers,
  data,
}: Call): Promise<(response: ServerResponse) => void> {
  try {
    const done = await data.execute(route, commands, String(headers["upstash-sync-token"] ?? ""));
    const token = { "upstash-sync-token": done.syncToken };
    if (done.discarded !== null) {
      const error = done.discarded;
      return (response) => send(response, 400, { error }, token);
    }
    const callReports = done.replies.map((reply) =>
      outcomeOf(reply, headers["upstash-encoding"] === "base64"),
    );
    const [only] = callReports;
    if (route !== "command" || only === undefined)
      return (response) => send(response, 200, callReports, token);
    return (response) => send(response, "error" in only ? 400 : 200, only, token);
  } catch (error) {
    // What Upstash says when its own storage is away is not documented.
    return (response) => send(response, 500, { error: `ERR the database is away: ${String(error)}` });
  }
}

export const wrongToken = { error: "WRONGPASS invalid or missing auth token" };

const page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";

export function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

const wait = (delayMs: number) => new Promise<void>((resolve) => setTimeout(resolve, delayMs).unref());
