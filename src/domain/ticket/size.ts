/** How many bytes a ticket takes: its texts, what its caller stores beside them, and its record. Quotas of queues count by these. */
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

/**
 * Counted, not encoded: encoding would cost five times as much. A lone surrogate counts as three bytes, like the replacement character that
 * encoders write for a lone surrogate.
 */
function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // The two units of a pair are four bytes together.
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      i++;
    }
  }
  return bytes;
}
