/** Where a text stops being JSON. Parsers tell of it in words that quote the text, and that differ from one V8 to the next. */
import { err, ok, type Result } from "../domain/result.ts";

/** @returns the place of the first thing that doesn't belong there, the text's length where it ends too soon; `null`: it is JSON */
export function jsonFault(text: string): number | null {
  // A stack of its own: lists and objects may be nested more deeply than calls can be.
  const inside: ("[" | "{")[] = [];
  let wanted: "value" | "value or ]" | "name" | "name or }" | ":" | "next" = "value";
  let at = 0;
  for (;;) {
    at = after(blanks, text, at) ?? at;
    const found = text[at];
    switch (wanted) {
      case "value or ]":
      case "value":
        if (found === "]" && wanted === "value or ]") {
          inside.pop();
          wanted = "next";
          at++;
        } else if (found === "[" || found === "{") {
          inside.push(found);
          wanted = found === "[" ? "value or ]" : "name or }";
          at++;
        } else {
          const end = scalarEnd(text, at);
          if (!end.ok) return end.error;
          at = end.value;
          wanted = "next";
        }
        break;
      case "name or }":
      case "name":
        if (found === "}" && wanted === "name or }") {
          inside.pop();
          wanted = "next";
          at++;
        } else {
          const end = found === '"' ? stringEnd(text, at) : err(at);
          if (!end.ok) return end.error;
          at = end.value;
          wanted = ":";
        }
        break;
      case ":":
        if (found !== ":") return at;
        at++;
        wanted = "value";
        break;
      case "next": {
        const innermost = inside.at(-1);
        if (innermost === undefined) return found === undefined ? null : at;
        if (found === ",") wanted = innermost === "[" ? "value" : "name";
        else if (found === (innermost === "[" ? "]" : "}")) inside.pop();
        else return at;
        at++;
      }
    }
  }
}

const blanks = /[ \t\n\r]*/y;
const word = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** From the blank on all but the quote and the backslash. */
const plain = /[ !#-[\]-\uffff]*/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** @returns where it ends; as an error, where it goes wrong */
function scalarEnd(text: string, at: number): Result<number, number> {
  if (text[at] === '"') return stringEnd(text, at);
  const end = after(word, text, at);
  return end === null ? err(at) : ok(end);
}

function stringEnd(text: string, from: number): Result<number, number> {
  for (let at = from + 1; ;) {
    at = after(plain, text, at) ?? at;
    if (text[at] === '"') return ok(at + 1);
    const end = after(escape, text, at);
    if (end === null) return err(at);
    at = end;
  }
}

/** @returns where the match ends that begins there; `null`: there is none */
function after(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}
