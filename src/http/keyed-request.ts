/** What a request under an `Idempotency-Key` is known by: its tenant and key, and a hash of what is asked. */
import type { KeyedRequest } from "../gateway/idempotency.ts";
import type { Sha256 } from "../gateway/ports.ts";
import type { Asked } from "../gateway/resolve.ts";
import type { Caller } from "../gateway/submission.ts";
import { canonicalJson } from "./metadata.ts";

/**
 * A header that came twice with equal values is one: retries through proxies bring that about. Both platforms join them.
 *
 * @param header as it came; `undefined`: it did not
 */
export function keyOf(header: string | undefined): string | null {
  const [first, ...more] = header?.split(/, ?/) ?? [];
  if (header === undefined || !first) return header ?? null;
  return more.every((value) => value === first) ? first : header;
}

export async function keyedRequest(
  key: string,
  caller: Caller,
  asked: Asked,
  metadataText: string,
  sha256: Sha256,
): Promise<KeyedRequest> {
  return {
    name: await sha256(`${caller.tenant}\n${key}`),
    requestSha256: `2:${await sha256(textOf(caller, asked, metadataText))}`,
    // That of a request in another order than as given is of later times.
    ...(asked.order === undefined && {
      sha256OfVersion1: async () => sha256(textOfVersion1(caller, asked)),
    }),
  };
}

/** One text for all that ask the same. What is left open is left out, so that a field of later times changes no hash of today. */
function textOf(caller: Caller, asked: Asked, metadataText: string): string {
  const { mode, priority, userId, callback } = caller;
  const fields = Object.entries({ ...asked, mode, priority, userId, callbackUrl: callback?.url ?? null });
  const given = fields.filter(([, value]) => value !== null).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(given))}\n${canonicalJson(metadataText)}`;
}

/** What records held the hash of until 2026-12, without a version before it. */
function textOfVersion1({ mode, priority, userId, metadata }: Caller, asked: Asked): string {
  const { userPrompt, essayA, essayB, provider, model } = asked;
  const { systemPrompt, temperature, maxTokens, reasoningEffort } = asked;
  const essays = { userPrompt, essayA, essayB };
  const judge = { provider, model, systemPrompt, temperature, maxTokens, reasoningEffort };
  return JSON.stringify([{ ...essays, ...judge }, mode, priority, userId, metadata]);
}
