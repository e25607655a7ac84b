/** Half a surrogate pair is no character: UTF-8 can't say it, so it would be judged, hashed and stored as another text than was sent. */

/** No more than these are told of. */
const mostTold = 20;
/** Names are the caller's, and may be long. */
const mostShown = 200;

/** In a body that is UTF-8 only an escape can bring one about. @param text of the body */
export function mayBeIllFormed(text: string): boolean {
  return text.includes("\\ud") || text.includes("\\uD");
}

/**
 * @param body parsed
 * @returns the paths of texts that hold half a pair, and of values whose name does, as far as the first 20; a half stands there as U+FFFD
 */
export function illFormedPaths(body: unknown): readonly string[] {
  const paths: string[] = [];
  // A stack of its own: values may be nested more deeply than calls can be.
  const waiting: Place[] = [{ value: body, name: "", within: null }];
  for (let place = waiting.pop(); place && paths.length < mostTold; place = waiting.pop()) {
    const { value, name } = place;
    if (!name.isWellFormed() || (typeof value === "string" && !value.isWellFormed())) {
      paths.push(pathOf(place));
    }
    if (typeof value !== "object" || value === null) continue;
    for (const [name, inner] of Object.entries(value).toReversed())
      waiting.push({ value: inner, name, within: place });
  }
  return paths;
}

interface Place {
  readonly value: unknown;
  readonly name: string;
  readonly within: Place | null;
}

function pathOf(place: Place): string {
  const names: string[] = [];
  for (let at = place; at.within !== null; at = at.within) names.push(at.name);
  return names.toReversed().join(".").slice(0, mostShown).toWellFormed();
}
