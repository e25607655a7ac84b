/**
 * How JSON was written, which a parser forgets. For texts that are known to be JSON: nothing is checked again, and what strings hold is passed
 * over as fast as their ends are found.
 */

/** @returns the source of a member's value; of the last one where its name stands twice, as parsers have it; `null`: there is none */
export function memberSource(object: string, name: string): string | null {
  let found: string | null = null;
  let at = object.indexOf("{");
  for (;;) {
    // Behind the last value nothing is left but the object's own end.
    const nameAt = object.indexOf('"', at);
    if (nameAt === -1) return found;
    const nameEnd = stringEnd(object, nameAt);
    const from = object.indexOf(":", nameEnd) + 1;
    at = valueEnd(object, from);
    if (stringIn(object, nameAt, nameEnd) === name) found = object.slice(from, at).trim();
  }
}

/** @param at the place of a string's first quote @returns that behind its last one */
export function stringEnd(json: string, at: number): number {
  let end = json.indexOf('"', at + 1);
  while (isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end + 1;
}

/** @returns what the string says that stands there, quotes included */
export function stringIn(json: string, at: number, end: number): string {
  const written = json.slice(at, end);
  return written.includes("\\") ? (JSON.parse(written) as string) : written.slice(1, -1);
}

function isEscaped(json: string, at: number): boolean {
  let backslashes = 0;
  while (json[at - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

function valueEnd(json: string, from: number): number {
  let level = 0;
  for (let at = from; ; at++) {
    switch (json[at]) {
      case '"':
        at = stringEnd(json, at) - 1;
        if (level === 0) return at + 1;
        break;
      case "{":
      case "[":
        level++;
        break;
      case "}":
      case "]":
        level--;
        // Of the value itself, or of what a number or a word stands in.
        if (level <= 0) return level === 0 ? at + 1 : at;
        break;
      case ",":
        if (level === 0) return at;
        break;
    }
  }
}
