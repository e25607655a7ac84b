/** Stored values carry their version, so that old and new code can meet on the same store during a deploy or a rollback. */

export type Decoded<T> =
  | { readonly kind: "known"; readonly value: T }
  /** Written by newer code. Leave it as it is and try again later: whoever wrote it will be back. */
  | { readonly kind: "newer"; readonly version: number }
  /** Not one of ours. A bug or a damaged store. */
  | { readonly kind: "unreadable" };

/**
 * Reads what was stored, already parsed from JSON. Our own rows are trusted but for the version; an older one is raised step by step.
 *
 * @param version the one that this code writes
 * @param raise turns a value of the version named by its index + 1 into the next one: `raise[0]` takes 1 to 2
 */
export function decodeRecord<T extends { readonly version: number }>(
  stored: unknown,
  version: T["version"],
  raise: readonly ((older: unknown) => unknown)[] = [],
): Decoded<T> {
  const found = versionOf(stored);
  if (found === null) return { kind: "unreadable" };
  if (found > version) return { kind: "newer", version: found };
  const raised = raise.slice(found - 1, version - 1).reduce((value, step) => step(value), stored);
  return versionOf(raised) === version ? { kind: "known", value: raised as T } : { kind: "unreadable" };
}

function versionOf(value: unknown): number | null {
  if (typeof value !== "object" || value === null || !("version" in value)) return null;
  const { version } = value;
  return typeof version === "number" && Number.isInteger(version) && version >= 1 ? version : null;
}
