/** How long a vendor asks us to wait: in headers, in spellings of many kinds, and in sentences. Everything is in milliseconds. */

/** The longest that a vendor's hint is believed. Longer ones are taken as this. */
export const longestHintMs = 15 * 60_000;

/** @param name in lower case; `null` where absent */
export type Header = (name: string) => string | null;

/**
 * What the headers ask for: `retry-after-ms`, else `retry-after`; for a 429 also when the limit that was hit is renewed.
 *
 * @param nowMs epoch milliseconds, which moments are compared with
 * @returns whole milliseconds from 0 to 15 minutes; `null` where there is no hint, or none that makes sense (negative, past, not a number)
 */
export function hintInHeaders(header: Header, status: number, nowMs: number): number | null {
  return (
    atMost15Minutes(each(header("retry-after-ms"), (value) => decimalMs(value, 1))) ??
    atMost15Minutes(waitInHeader(header("retry-after"), nowMs)) ??
    (status === 429 ? atMost15Minutes(renewalMs(header, nowMs)) : null)
  );
}

/** @returns the hint as it is believed: from 0 to 15 minutes; `null` stays `null` */
export function atMost15Minutes(hintMs: number | null): number | null {
  return hintMs === null ? null : Math.min(hintMs, longestHintMs);
}

/**
 * A duration such as `59s`, `1.5s`, `250ms`, `7m12s` or `1h`.
 *
 * @returns whole milliseconds, however long; `null` where it is not one
 */
export function durationMs(duration: unknown): number | null {
  const text = typeof duration === "string" ? duration.trim().toLowerCase() : "";
  if (!/^(?:\d+(?:\.\d+)?(?:ms|[hms]))+$/.test(text)) return null;
  let sumMs = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)) {
    sumMs += Number(amount) * (unitsMs[unit ?? ""] ?? Number.NaN);
  }
  return whole(sumMs);
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * A moment: ISO 8601 with a time zone, or an epoch in seconds or milliseconds, as a number or as digits.
 *
 * @param nowMs epoch milliseconds
 * @returns milliseconds until then, however long; `null` where it is past, or no moment
 */
export function untilMs(moment: unknown, nowMs: number): number | null {
  const atMs =
    typeof moment === "number" ? epochMs(moment) : typeof moment === "string" ? momentMs(moment) : null;
  return atMs !== null && atMs >= nowMs ? whole(atMs - nowMs) : null;
}

/** The time in a sentence such as "Please retry in 49m12.5s." Only for sentences whose beginning is known to be the vendor's. */
export function waitInSentence(sentence: string): number | null {
  const [, duration] =
    /\b(?:retry|try again) in ((?:\d+(?:\.\d+)?(?:ms|[hms]))+)(?!\w)/i.exec(sentence) ?? [];
  return durationMs(duration);
}

/**
 * Seconds, a duration, an HTTP date or ISO 8601. Sent twice it arrives as one list: the longest counts.
 *
 * @returns milliseconds, however long; `null` where there is no hint, or none that makes sense
 */
export function waitInHeader(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  const date = value.trim();
  // The one form that RFC 9110 lets a server send: `Sun, 06 Nov 1994 08:49:37 GMT`. `Date.parse` alone would take almost anything.
  if (/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(date)) {
    const delayMs = Date.parse(date) - nowMs;
    return delayMs >= 0 ? delayMs : null;
  }
  return each(
    value,
    (one) => decimalMs(one, 1_000) ?? durationMs(one) ?? isoDurationMs(one) ?? isoUntilMs(one, nowMs),
  );
}

/**
 * OpenAI tells with every answer when its two limits are whole again: that of one which is not used up is no hint. OpenRouter tells the moment, as an
 * epoch in milliseconds.
 */
function renewalMs(header: Header, nowMs: number): number | null {
  const resets = ["requests", "tokens"]
    .filter((kind) => ["0", undefined].includes(header(`x-ratelimit-remaining-${kind}`)?.trim()))
    .map((kind) => durationMs(header(`x-ratelimit-reset-${kind}`)));
  return longest(resets) ?? untilMs(header("x-ratelimit-reset"), nowMs);
}

function each(list: string | null, read: (value: string) => number | null): number | null {
  return list === null ? null : longest(list.split(",").map((value) => read(value.trim())));
}

/** @returns the longest of the hints; `null` where there is none */
export function longest(hints: readonly (number | null)[]): number | null {
  const known = hints.filter((hint) => hint !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** Digits only, so `-5`, `1e9` and `0x10` are no hints. */
function decimalMs(text: string, unitMs: number): number | null {
  return /^\d+(\.\d+)?$/.test(text) ? whole(Number(text) * unitMs) : null;
}

function isoDurationMs(text: string): number | null {
  const [, time] = /^PT((?:\d+(?:\.\d+)?[HMS])+)$/.exec(text) ?? [];
  return durationMs(time);
}

function isoUntilMs(text: string, nowMs: number): number | null {
  return /^\d{4}-/.test(text) ? untilMs(text, nowMs) : null;
}

function momentMs(text: string): number | null {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return epochMs(Number(trimmed));
  // A moment without a time zone would be read in that of the machine.
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i.test(trimmed)) return null;
  const atMs = Date.parse(trimmed);
  return Number.isNaN(atMs) ? null : atMs;
}

/** Seconds since 1970 reach eleven digits in the year 5138; anything from there on is milliseconds. */
function epochMs(epoch: number): number | null {
  if (!Number.isFinite(epoch) || epoch < 0) return null;
  return epoch < 1e11 ? epoch * 1_000 : epoch;
}

/** Never earlier than asked: a fraction is rounded up. */
function whole(ms: number): number | null {
  return ms >= 0 ? Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER) : null;
}
