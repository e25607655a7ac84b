/** How many bytes a ticket takes: its texts, what its caller stores beside them, and its record. Quotas of queues count by these. */
import { utf8Bytes } from "../utf8-bytes.ts";
import type { About, Texts } from "./ticket.ts";

/** Each ticket's record, and the rows and keys around the record, in bytes. */
export const recordBytes = 1_024;

/** UTF-8 bytes. */
export function textsBytes({ systemPrompt, userPrompt, essayA, essayB }: Texts): number {
  return utf8Bytes(systemPrompt) + utf8Bytes(userPrompt) + utf8Bytes(essayA) + utf8Bytes(essayB);
}

/** UTF-8 bytes of what a caller stores beside the texts: 0 where neither metadata nor a user id nor a callback is given. */
export function besideBytes({
  metadata,
  metadataText,
  userId,
  callback,
}: Pick<About, "metadata" | "userId" | "metadataText" | "callback">): number {
  const hasMetadata = Object.keys(metadata).length > 0;
  const text = hasMetadata ? (metadataText ?? JSON.stringify(metadata)) : "";
  return utf8Bytes(text) + utf8Bytes(userId ?? "") + utf8Bytes(callback?.url ?? "");
}
