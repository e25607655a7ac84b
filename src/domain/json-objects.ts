/** Finds the JSON objects in a text that may hold anything else too. */

export interface FoundObject {
  readonly value: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** It gives some key twice, of which `value` has only the last. */
  readonly repeatsKey: boolean;
  /** It is an element of an array: after a `[`, before a `]`, or between commas. */
  readonly inArray: boolean;
}

/**
 * The complete objects that lie in no other one, in order, and the `rest` of the text without them. What merely looks like an object,
 * broken or cut off, stays in the rest whole: nothing is read from inside it. Takes time linear in the text, whatever it holds.
 */
export function findJsonObjects(text: string): { objects: FoundObject[]; rest: string } {
  const objects: FoundObject[] = [];
  let rest = "";
  let takenUntil = 0;
  let readUntil = 0;
  // Braces of prose and of code are not followed by a quotation mark, so they can't swallow an object behind them.
  for (const { index: start } of text.matchAll(/\{\s*["}]/g)) {
    if (start < readUntil) continue;
    const extent = extentOf(text, start);
    if (extent === null) break;
    readUntil = extent.end;
    const source = text.slice(start, extent.end);
    const value = parsed(source);
    if (value === null) continue;
    const repeatsKey = Object.keys(value).length < extent.members;
    objects.push({ value, text: source, repeatsKey, inArray: isElement(text, start, extent.end) });
    rest += text.slice(takenUntil, start);
    takenUntil = extent.end;
  }
  return { objects, rest: rest + text.slice(takenUntil) };
}

/** Where the object ends that begins at `start`, and how many members it states itself; `null`: it never ends. */
function extentOf(text: string, start: number): { end: number; members: number } | null {
  let depth = 0;
  let members = 0;
  let inString = false;
  for (let at = start; at < text.length; at++) {
    const sign = text[at];
    if (inString) {
      if (sign === "\\") at++;
      else if (sign === '"') inString = false;
    } else if (sign === '"') inString = true;
    else if (sign === "{") depth++;
    else if (sign === ":" && depth === 1) members++;
    else if (sign === "}" && --depth === 0) return { end: at + 1, members };
  }
  return null;
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isElement(text: string, start: number, end: number): boolean {
  const before = text.slice(0, start).trimEnd().at(-1);
  const after = text.slice(end).trimStart().at(0);
  return before === "[" || after === "]" || (before === "," && after === ",");
}
