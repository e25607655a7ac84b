/**
 * The caller's metadata, kept and echoed as it was written: a parser rounds long numbers, moves names that look like numbers to the front and
 * forgets that a name stood twice.
 */
import { stringEnd, stringIn } from "./json-source.ts";
import type { Issue } from "./problems.ts";

const mostBytes = 16 * 1024;
/** Deeper, one serializer or another runs out of stack. */
const mostLevels = 100;
/** No more issues than these are told. */
const mostTold = 20;
/** Names are the caller's, and may be long. */
const mostShown = 200;

/** @param source of an object */
export function metadataIssues(source: string): readonly Issue[] {
  const issues: Issue[] = [];
  const inside: Container[] = [];
  let innermost: Container | undefined;
  for (let at = 0; at < source.length && issues.length < mostTold; at++) {
    switch (source[at]) {
      case "{":
      case "[":
        if (inside.length === mostLevels)
          return [{ path: "metadata", message: `must be at most ${mostLevels} levels deep` }];
        innermost = { names: source[at] === "{" ? new Set() : null, name: "", index: 0 };
        inside.push(innermost);
        break;
      case "}":
      case "]":
        inside.pop();
        innermost = inside.at(-1);
        break;
      case ",":
        if (innermost) innermost.index++;
        break;
      case '"': {
        const end = stringEnd(source, at);
        if (innermost?.names && isName(source, end)) {
          const { names } = innermost;
          const name = (innermost.name = stringIn(source, at, end));
          if (name === "__proto__") issues.push({ path: pathOf(inside), message: "must not be a name here" });
          if (names.has(name)) issues.push({ path: pathOf(inside), message: "must be there once" });
          names.add(name);
        }
        at = end - 1;
      }
    }
  }
  // No character is more than three bytes for each of its units.
  if (source.length * 3 <= mostBytes || new TextEncoder().encode(source).length <= mostBytes) return issues;
  return [{ path: "metadata", message: "must be at most 16 KiB of JSON" }, ...issues];
}

/** A list or an object, and the member or element of it that is looked at. */
interface Container {
  /** Those that have come already; `null`: it is a list. */
  readonly names: Set<string> | null;
  name: string;
  index: number;
}

/** Only behind a name stands a colon. */
function isName(source: string, end: number): boolean {
  colon.lastIndex = end;
  return colon.test(source);
}

const colon = /[ \t\n\r]*:/y;

function pathOf(inside: readonly Container[]): string {
  const names = inside.map(({ names, name, index }) => (names ? name : index));
  return ["metadata", ...names].join(".").slice(0, mostShown).toWellFormed();
}

/**
 * The metadata of a judgement: ours, then the caller's as it was written. The caller's wins over ours of the same name.
 *
 * @param theirs the caller's, parsed
 * @param source the same as it was written
 * @returns JSON
 */
export function metadataOfBoth(
  ours: Readonly<Record<string, unknown>>,
  theirs: object,
  source: string,
): string {
  const names = Object.keys(ours);
  const free = names.filter((name) => !Object.hasOwn(theirs, name));
  const left =
    free.length === names.length ? ours : Object.fromEntries(free.map((name) => [name, ours[name]]));
  const members = [JSON.stringify(left), source].map((object) => object.slice(1, -1));
  return `{${members.filter((text) => text.trim() !== "").join(",")}}`;
}

/** @returns JSON of an object that has that metadata behind all else */
export function withMetadata(body: object, metadata: string): string {
  return `${JSON.stringify(body).slice(0, -1)},"metadata":${metadata}}`;
}

/** @returns one text for all that say the same: names sorted, blanks and escapes left out, numbers as they were written */
export function canonicalJson(source: string): string {
  return JSON.parse(source, (_, value: unknown, context?: { readonly source?: string }) => {
    // From the inside out: what a list or an object holds are texts already.
    if (typeof value === "string") return JSON.stringify(value);
    if (Array.isArray(value)) return `[${value.join(",")}]`;
    if (typeof value !== "object" || value === null) return context?.source ?? JSON.stringify(value);
    const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
  }) as string;
}
