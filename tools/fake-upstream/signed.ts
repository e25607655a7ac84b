/** How the judges in tests copy the boundary that a real one copies out of its prompt. */

/** A good verdict, to be signed. */
export const goodVerdict =
  '{"boundary":"%boundary%","justification":"It argues.","winner":"Essay B","confidence":3.5}';

/** @returns `words` with the boundary that this prompt asks for in place of every `%boundary%` */
export function signed(words: string, prompt: string): string {
  return words.replaceAll("%boundary%", boundaryAsked(prompt) ?? "none was asked for");
}

/**
 * @param prompt what the judge reads, or the JSON that it was sent in
 * @returns `null`: it asks for none
 */
export function boundaryAsked(prompt: string): string | null {
  // An essay may say the same, but ours comes last.
  const said = [...prompt.matchAll(/boundary\\*" of this comparison is \\*"([a-z]{8})\\*"/g)];
  return said.at(-1)?.[1] ?? null;
}
