/** How many letters must come, go or change for one name to become the other (Levenshtein). */
export function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...from].entries()) {
    const next = [at + 1];
    for (const [before, other] of [...to].entries()) {
      const [here = 0, left = 0, aslant = 0] = [row[before + 1], next[before], row[before]];
      next.push(Math.min(here + 1, left + 1, aslant + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
