/** Settings that are lists. */
import * as z from "zod";

/** What is allowed, and how an entry is otherwise. */
export type WrongEntry = readonly [allowed: string, problem: string];

export const isNone = (allowed: string): WrongEntry => [allowed, "is not one"];

/**
 * Entries with a separator between them. One that is wrong is named by its place only: a key that was put there by mistake must not reach the log.
 *
 * @param read puts an entry to those before; `null`: it is a good one
 */
export function entries<Entry, All>(
  allowed: string,
  read: (entry: string, known: Map<string, Entry>) => WrongEntry | null,
  all: (known: ReadonlyMap<string, Entry>) => All,
  separator: string | RegExp = ",",
) {
  return z.string(allowed).transform((found, context): All => {
    const known = new Map<string, Entry>();
    for (const [index, entry] of found.split(separator).entries()) {
      const wrong = read(entry.trim(), known);
      if (wrong === null) continue;
      context.addIssue({ code: "custom", message: `${wrong[0]}; entry ${index + 1} ${wrong[1]}` });
      return z.NEVER;
    }
    return all(known);
  });
}
