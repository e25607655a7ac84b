/** What a failing seed did, with all left out that the failure doesn't need. */
import { faultKinds, nothingCut, type Cut } from "./plan.ts";
import { simulate, type Report } from "./simulate.ts";
import { shortOf, type Line } from "./world.ts";

/** Lines of a story at most: the last ones. */
const mostLines = 60;

export async function tellFailure(seed: number): Promise<string> {
  const cut = await shrink(seed);
  const { violation, lines } = await simulate(seed, { cut, isTold: true });
  if (violation === null) return `seed ${seed}: it did not fail again`;
  const about = violation.about === null ? null : shortOf(violation.about);
  const concerned = lines.filter((line) => about === null || isConcerned(line, about)).slice(-mostLines);
  const needed = faultKinds.filter((kind) => !cut.without.includes(kind));
  return [
    `seed ${seed}: ${violation.promise}: ${violation.sentence}${about === null ? "" : ` (${violation.about})`}`,
    `  of all faults it needs: ${needed.join(", ") || "none"}`,
    ...concerned.map(
      ({ atMs, who, what }) => `  ${(atMs / 1000).toFixed(3).padStart(11)} s  ${who}: ${what}`,
    ),
    `  again: npm run sim -- --seed ${seed}`,
    "",
  ].join("\n");
}

function isConcerned({ who, what }: Line, about: string): boolean {
  return who.includes(about) || what.includes(about) || who.startsWith("instance");
}

/** Leaves out one kind of fault after another, then requests, as long as the same promise is broken. */
async function shrink(seed: number): Promise<Cut> {
  const promise = (await simulate(seed)).violation?.promise;
  const stillFails = async (cut: Cut) => (await again(seed, cut)).violation?.promise === promise;
  let smallest = nothingCut;
  for (const kind of faultKinds) {
    const smaller = { ...smallest, without: [...smallest.without, kind] };
    if (await stillFails(smaller)) smallest = smaller;
  }
  for (let requests = 32; requests >= 1; requests = Math.floor(requests / 2)) {
    const smaller = { ...smallest, requests };
    if (await stillFails(smaller)) smallest = smaller;
  }
  return smallest;
}

function again(seed: number, cut: Cut): Promise<Report> {
  return simulate(seed, { cut });
}
