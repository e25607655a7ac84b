/** A ticket's texts as bytes of the file (docs/storage.md). As JSON of 12 KB they would take 25 µs more, a third of what the insert takes. */
import { Buffer } from "node:buffer";
import type { Texts } from "../../domain/ticket/ticket.ts";
import { exactUtf8 } from "../http/utf8.ts";

/** Encoded once, though counted first and stored later. */
const encoded = new WeakMap<Texts, Uint8Array>();

/** UTF-8 bytes of the texts. */
export function sizeOfTexts(texts: Texts): number {
  const bytes = encode(texts);
  if (bytes === null) return Object.values(texts).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  encoded.set(texts, bytes);
  return bytes.length - lineOf(texts).length - 4;
}

/** A line of their lengths in UTF-16 units, then each with a line feed behind it. Only what UTF-8 can't say becomes JSON. */
export function encodeTexts(texts: Texts): Uint8Array {
  return encoded.get(texts) ?? encode(texts) ?? Buffer.from(JSON.stringify(texts));
}

function encode(texts: Texts): Uint8Array | null {
  const { systemPrompt, userPrompt, essayA, essayB } = texts;
  // No pair of surrogates spans a line feed: halves of one in two texts stay two halves.
  return exactUtf8([lineOf(texts), systemPrompt, "\n", userPrompt, "\n", essayA, "\n", essayB, "\n"]);
}

function lineOf({ systemPrompt, userPrompt, essayA, essayB }: Texts): string {
  return `${systemPrompt.length},${userPrompt.length},${essayA.length},${essayB.length}\n`;
}

/** Takes JSON as well: version 1 of the tables held nothing else. */
export function decodeTexts(stored: Uint8Array): Texts {
  const whole = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString();
  if (whole.startsWith("{")) return JSON.parse(whole) as Texts;
  let at = whole.indexOf("\n") + 1;
  const lengths = whole.slice(0, at).split(",").map(Number);
  const next = (): string => {
    const from = at;
    const to = from + (lengths.shift() ?? 0);
    at = to + 1;
    return whole.slice(from, to);
  };
  return { systemPrompt: next(), userPrompt: next(), essayA: next(), essayB: next() };
}
