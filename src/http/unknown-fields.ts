/** Fields that nobody reads: most often a misspelt one. Where it would have chosen the judge it is refused, and elsewhere told of. */
import type { Issue } from "./problems.ts";
import { comparisonRequest, ignoredOverrides, overridesRequest } from "../wire/schemas.ts";

export interface UnknownFields {
  /** Their names, those of overrides with the object's before them. */
  readonly ignored: readonly string[];
  readonly refused: readonly Issue[];
}

/** No more than these are told of, each cut where it is long: they are the caller's. */
const mostTold = 20;
const mostShown = 100;

/** @param body parsed, and good or not */
export function unknownFields(body: unknown): UnknownFields {
  if (!isObject(body)) return { ignored: [], refused: [] };
  const { llm_config_overrides: given } = body;
  const overrides = isObject(given) ? given : {};
  const unread = Object.keys(overrides).filter((name) => !known.includes(name));
  const refused = unread.filter((name) => overrides[name] !== null && !isIgnored(name)).slice(0, mostTold);
  const ignored = [
    ...Object.keys(body).filter((name) => !Object.hasOwn(comparisonRequest.shape, name)),
    ...unread.filter((name) => overrides[name] === null || isIgnored(name)).map((name) => `${within}${name}`),
  ];
  return {
    ignored: ignored.slice(0, mostTold).map((name) => name.slice(0, mostShown)),
    refused: refused.map((name) => ({
      path: `${within}${name.slice(0, mostShown)}`.toWellFormed(),
      message: `is no field here: ${nearest(name.slice(0, mostShown))} is the nearest`,
    })),
  };
}

const within = "llm_config_overrides.";
const known = Object.keys(overridesRequest.shape).filter((name) => !isIgnored(name));

function isIgnored(name: string): boolean {
  return Object.hasOwn(ignoredOverrides, name);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Which field is most probably meant: `provider`, `modelName` and `max-tokens` are as good as their fields' own names. */
function nearest(name: string): string {
  const distances = known.map((field) => [field, distance(bare(name), bare(field))] as const);
  return distances.reduce((a, b) => (b[1] < a[1] ? b : a))[0];
}

function bare(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z]/g, "")
    .replace(/override$/, "");
}

/** How many letters must come, go or change for one to become the other (Levenshtein); 0 where the first is a part of the second. */
function distance(from: string, to: string): number {
  if (from.length > 2 && to.includes(from)) return 0;
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...from].entries()) {
    const next = [at + 1];
    for (const [before, other] of [...to].entries()) {
      const [here = 0, left = 0, aslant = 0] = [row[before + 1], next[before], row[before]];
      next.push(Math.min(here + 1, left + 1, aslant + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
