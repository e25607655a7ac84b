/** Takes secrets out of text that somebody else wrote, such as a vendor's error message. */

/**
 * Shapes of keys that may be quoted though they aren't ours, and of vendors' names for our organisation and project. None reaches past a
 * quotation mark, so masked JSON stays JSON.
 */
const keyShapes = new RegExp(
  [
    String.raw`\b(?:sk-[A-Za-z0-9_-]{6,}|AIza[A-Za-z0-9_-]{10,}|lps_[A-Za-z0-9_-]{10,})`,
    String.raw`\b[Bb]earer\s+[\w.~+/=-]+`,
    String.raw`\b(?:org-|proj_|user-)[A-Za-z0-9]{8,}`,
    String.raw`\bprojects?(?:/|[ _]number:? ?| )\d{6,}`,
  ].join("|"),
  "g",
);

/** @param secrets our own keys; each occurrence becomes `[masked]`, also one that the text's end cuts off */
export function createMask(secrets: readonly string[]): (text: string) => string {
  // Longest first, so that a key which begins with another one is taken whole.
  const known = secrets.filter((secret) => secret.length > 0).sort((a, b) => b.length - a.length);
  return (text) =>
    known
      .reduce((left, secret) => withoutCutEnd(left.replaceAll(secret, "[masked]"), secret), text)
      .replace(keyShapes, "[masked]");
}

/** Fewer characters of a key than this say nothing of it. */
const fewest = 4;

function withoutCutEnd(text: string, secret: string): string {
  for (let length = secret.length - 1; length >= fewest; length--) {
    if (text.endsWith(secret.slice(0, length))) return `${text.slice(0, -length)}[masked]`;
  }
  return text;
}
