/**
 * Upstash Redis over its REST interface: one command a POST, as JSON (https://upstash.com/docs/redis/features/restapi). By hand, for its SDK is a tenth
 * of the Worker and all that it does by itself had to be off (docs/decisions/2026-11-22-upstash-is-a-mirror.md). In tests the SDK speaks to the same
 * receiver.
 */
import type { MirrorCommands } from "../stores/mirror/mirror-commands.ts";

/** It has answered, but not with a result. Its message may quote the command. */
class UpstashError extends Error {
  override readonly name = "UpstashError";
}

/** @param limitMs of a command, connecting and the answer's body included: then it ends with a `TimeoutError` */
export function upstashOverRest(
  { url, token }: { readonly url: string; readonly token: string },
  limitMs: number,
): MirrorCommands {
  return {
    async run(command) {
      const answer = await fetch(url, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(command),
        // Whoever answers in its place must not have the token sent on.
        redirect: "manual",
        signal: AbortSignal.timeout(limitMs),
      });
      return resultIn(await answer.text());
    },
  };
}

function resultIn(text: string): unknown {
  const body = parsed(text);
  if (typeof body !== "object" || body === null) throw new UpstashError("what answers is no Upstash");
  if ("result" in body) return body.result;
  const said = "error" in body && typeof body.error === "string" ? body.error : "what answers is no Upstash";
  throw new UpstashError(said);
}

/** `undefined`: it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
