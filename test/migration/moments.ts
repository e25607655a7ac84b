/**
 * Moves what old code stored, and what it answered, in time: tickets expire four hours after they were accepted, and a fixture is older. Moments
 * are known by their names and their size, not by a list of places, so that a place nobody thought of is moved too.
 */
import type { RedisKey, Row, Rows, StoredObject, Value } from "./fixture.ts";

/** No duration that is stored is as long; no moment that is stored is as early. */
const leastMs = 1e12;

export interface Move {
  /** Added to every moment; pairs of whole seconds, which some stored figures are in. */
  readonly byMs: number;
  /** Added to every day. */
  readonly byDays: number;
}

/** @param ageMs how long ago the fixture was made, as seen after the move */
export function moveTo(madeAtMs: number, nowMs: number, ageMs: number): Move {
  const byMs = Math.floor((nowMs - ageMs - madeAtMs) / 2_000) * 2_000;
  return { byMs, byDays: dayNumber(madeAtMs + byMs) - dayNumber(madeAtMs) };
}

/** `due_ms`, `accepted_at`, `until`, …: in our tables every number of that size is a moment. */
export function movedRows({ schema, tables }: Rows, move: Move): Rows {
  const moved = Object.entries(tables).map(([name, rows]) => [name, rows.map((row) => movedRow(row, move))]);
  return { schema, tables: Object.fromEntries(moved) as Rows["tables"] };
}

export function movedObject(object: StoredObject, move: Move): StoredObject {
  const { alarmMs } = object;
  return { ...object, ...movedRows(object, move), alarmMs: alarmMs === null ? null : alarmMs + move.byMs };
}

/** Scores are moments, or hold one in their lower digits. */
export function movedKey(stored: RedisKey, move: Move): RedisKey {
  const key = stored.key.replace(/\d{4}-\d\d-\d\d/, (day) => movedDay(day, move));
  const expiresAtMs = stored.expiresAtMs === null ? null : stored.expiresAtMs + move.byMs;
  const text = (value: string) => movedText(value, move);
  const moved = { ...stored, key, expiresAtMs };
  return moved.type === "string"
    ? { ...moved, value: text(moved.value) }
    : { ...moved, value: moved.value.map(text) };
}

/** Of an answer's body: moments are ISO 8601 there. What a caller sent as metadata is left alone. */
export function movedAnswer(value: unknown, move: Move): unknown {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)) {
    return new Date(Date.parse(value) + move.byMs).toISOString();
  }
  return mapped(value, (_, inner) => movedAnswer(inner, move));
}

function movedRow(row: Row, move: Move): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, movedValue(name, value, move)]),
  );
}

function movedValue(column: string, value: Value, move: Move): Value {
  if (typeof value === "number") return value >= leastMs ? value + move.byMs : value;
  if (typeof value !== "string") return value;
  switch (column) {
    case "day":
      return movedDay(value, move);
    // Digits of a moment in the middle of a text that is sorted by.
    case "turn":
      return value.replace(/\b\d{15}\b/, (digits) => String(Number(digits) + move.byMs).padStart(15, "0"));
    default:
      return movedText(value, move);
  }
}

/** A text that is a moment or JSON; any other stays as it is, to the byte. */
function movedText(text: string, move: Move): string {
  if (/^\d{13,15}(\.\d+)?$/.test(text)) return String(Number(text) + move.byMs);
  if (!/"(\w*Ms|second)":\d{10}/.test(text)) return text;
  return JSON.stringify(movedJson(JSON.parse(text), "", move));
}

function movedJson(value: unknown, name: string, move: Move): unknown {
  // Of a place `probes` are a moment once there was one: who was called for last comes last.
  if (typeof value === "number" && (name.endsWith("Ms") || name === "probes") && value >= leastMs)
    return value + move.byMs;
  // The breaker counts in seconds, and its parties in pairs of them.
  if (typeof value === "number" && name === "second") return value + move.byMs / 1_000;
  if (typeof value === "number" && name === "span") return value + move.byMs / 2_000;
  if (Array.isArray(value)) return value.map((inner) => movedJson(inner, name, move));
  if (typeof value === "string" && (name === "before" || name === "records")) return movedWords(value, move);
  return mapped(value, (inner, of) => movedJson(of, inner, move));
}

/** Of a text with blanks and commas between its words: seconds and milliseconds. */
function movedWords(text: string, { byMs }: Move): string {
  return text.replaceAll(/(?<![^ ,])\d{10}(?:\d{3})?(?![^ ,])/g, (digits) =>
    String(Number(digits) + (digits.length === 10 ? byMs / 1_000 : byMs)),
  );
}

/** Metadata is the caller's: a moment in it is a mere number. */
function mapped(value: unknown, move: (name: string, inner: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((inner: unknown) => move("", inner));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, name === "metadata" ? inner : move(name, inner)]),
  );
}

function movedDay(day: string, { byDays }: Move): string {
  return new Date(Date.parse(day) + byDays * dayMs).toISOString().slice(0, 10);
}

const dayMs = 86_400_000;
const dayNumber = (ms: number) => Math.floor(ms / dayMs);
