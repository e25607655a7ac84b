/** Fields that nobody reads: most often a misspelt one. Where it would have chosen the judge it is refused, and elsewhere told of. */
import { editDistance } from "../domain/edit-distance.ts";
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

/** 0 where the first is a part of the second. */
function distance(from: string, to: string): number {
  return from.length > 2 && to.includes(from) ? 0 : editDistance(from, to);
}
