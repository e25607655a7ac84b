/** Finds the JSON objects in a text that may hold anything else too. */

export interface FoundObject {
  readonly value: Readonly<Record<string, unknown>>;
  /** It gives some key twice, of which `value` has only the last. */
  readonly repeatsKey: boolean;
  /** What stands round it in its text. */
  readonly before: string;
  readonly behind: string;
}

/**
 * The complete objects that lie in no other object and in no array, in order. What is broken or cut off is neither: it may be a quotation
 * with another's words behind it. An object at which it breaks off doesn't lie in it; one behind which it goes on does.
 *
 * Takes time linear in the texts, whatever they hold. A text that is one object is parsed, and not searched.
 *
 * @param most objects, and what nearly is one, in all texts
 * @returns `null`: there are more
 */
export function jsonObjectsIn(texts: readonly string[], most: number): FoundObject[] | null {
  const found: FoundObject[] = [];
  let looked = 0;
  for (const text of texts) {
    const only = wholeOf(text);
    if (only !== null) {
      if (++looked > most) return null;
      found.push(only);
      continue;
    }
    // Braces and brackets behind which JSON can go on: most of those in prose and in code can't be a beginning.
    const opener = /\{(?=[ \t\n\r]*["}])|\[(?=[ \t\n\r]*["{[\]\dtfn-])/g;
    for (let match = opener.exec(text); match !== null; match = opener.exec(text)) {
      const { object, until } = walk(text, match.index);
      opener.lastIndex = until;
      if (object === null) continue;
      if (++looked > most) return null;
      const { start, end } = object;
      const inside = read(text.slice(start, end));
      if (inside !== null) found.push({ ...inside, before: text.slice(0, start), behind: text.slice(end) });
    }
  }
  return found;
}

function wholeOf(text: string): FoundObject | null {
  const whole = text.trim();
  if (!whole.startsWith("{") || !whole.endsWith("}")) return null;
  const only = read(whole);
  return only && { ...only, before: "", behind: "" };
}

interface Walk {
  /** The object that was walked through, or the one at which something unfinished breaks off. */
  readonly object: { readonly start: number; readonly end: number } | null;
  /** Where the search goes on. */
  readonly until: number;
}

/**
 * Walks from a brace or bracket to its end, or to the first sign that can't stand there. (Whether all on the way is JSON, the parser will say.)
 * What breaks off may lack a quotation mark, so that its last string is none: the search goes on inside that one. Strings before it are
 * certain, and what lies before it isn't walked through again: so the search stays linear.
 */
function walk(text: string, start: number): Walk {
  const open: number[] = [];
  let before: "opener" | "value" | "separator" = "separator";
  let lastString = -1;
  let latest: Walk["object"] = null;
  let at = start;
  for (let end = at; at < text.length; at = end) {
    const sign = text.charAt(at);
    end = at + 1;
    if (isBlank(sign)) continue;
    const from = open.at(-1) ?? text.length;
    const inObject = text.charAt(from) === "{";
    if (open.length > 0 && sign === (inObject ? "}" : "]")) {
      open.pop();
      latest = inObject ? { start: from, end } : null;
      if (open.length === 0) return { object: latest, until: end };
      before = "value";
    } else if (before === "value") {
      if (sign !== "," && sign !== ":") break;
      before = "separator";
    } else if (before === "opener" && inObject && sign !== '"') {
      break;
    } else {
      const opens = sign === "{" || sign === "[";
      if (opens) open.push(at);
      else if (sign === '"') end = endOfString(text, (lastString = at));
      else end = endOfScalar(text, at);
      // Even a string that is cut off is more of what began here.
      if (end !== -1 || sign === '"') latest = null;
      if (end === -1) break;
      before = opens ? "opener" : "value";
    }
  }
  return { object: latest, until: latest?.end ?? (lastString === -1 ? at : lastString + 1) };
}

function isBlank(sign: string): boolean {
  return sign === " " || sign === "\n" || sign === "\r" || sign === "\t";
}

/** Behind the string that begins at `start`; -1: it has no end. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? -1 : end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charAt(first - 1) === "\\") first--;
  return (at - first) % 2 === 1;
}

const scalar = /-?\d[\d.eE+-]*|true|false|null/y;

/** Behind the number or word that begins at `start`; -1: there is none. */
function endOfScalar(text: string, start: number): number {
  scalar.lastIndex = start;
  return scalar.test(text) ? scalar.lastIndex : -1;
}

function read(text: string): Pick<FoundObject, "value" | "repeatsKey"> | null {
  try {
    const value: Record<string, unknown> = JSON.parse(text);
    return { value, repeatsKey: Object.keys(value).length < membersOf(text) };
  } catch {
    return null;
  }
}

/** How many members an object states itself, those of inner ones left out. */
function membersOf(object: string): number {
  let depth = 0;
  let members = 0;
  for (let at = 0; at < object.length; at++) {
    const sign = object.charAt(at);
    if (sign === '"') at = Math.max(at, endOfString(object, at) - 1);
    else if (sign === "{") depth++;
    else if (sign === "}") depth--;
    else if (sign === ":" && depth === 1) members++;
  }
  return members;
}
