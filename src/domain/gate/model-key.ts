/** Names of models as a gate keeps them: short, and safe in every store. */

const longest = 32;

/** A usual name is its own key, so that people can read it. One that is long, or has unusual signs, is known by its hash: `hashedKey`. */
export function isOwnKey(model: string): boolean {
  return model.length <= longest && /^[\w./:@~+-]+$/.test(model);
}

/** @param sha256 64 hex digits of the name's hash */
export function hashedKey(sha256: string): string {
  return `#${sha256.slice(0, 16)}`;
}
