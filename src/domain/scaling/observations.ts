/** What a fit is made of: who was read first, who second, and which of them won. */

export interface Observation {
  /** Two essays, by number. */
  readonly first: number;
  readonly second: number;
  readonly firstWon: boolean;
  readonly weight: number;
}

/**
 * A model in which the first essay wins with probability σ(θ_first − θ_second + Σ effect × column).
 *
 * Essays nobody compares have no place in it: each number below `essays` occurs in an observation, or is an anchor.
 */
export interface ScaleModel {
  readonly essays: number;
  readonly observations: readonly Observation[];
  /** For each further effect a value for each observation: 1 where the judge whose order effect it is gave the verdict. */
  readonly columns: readonly Float64Array[];
  /** Wins, and as many losses, of each essay against one at 0. With 0 there may be no finite estimate. */
  readonly penalty: number;
  /** Scores that stay, by essay. */
  readonly anchors: ReadonlyMap<number, number>;
}

/** Which essays belong together, each list in ascending order. */
export type Groups = readonly (readonly number[])[];

/** Essays that are tied by observations, directly or over others. Scores can be compared within a group alone; anchors tie whom they are compared with. */
export function groupsOf({ essays, observations, anchors }: ScaleModel): Groups {
  const [anchor] = anchors.keys();
  return joined(essays, observations, (essay) =>
    anchor !== undefined && anchors.has(essay) ? anchor : essay,
  );
}

/** Essays whose equations hang together: an anchor's score is a number like any other, so it ties nobody. */
export function scoreBlocks({ essays, observations, anchors }: ScaleModel): Groups {
  const free = observations.filter(({ first, second }) => !anchors.has(first) && !anchors.has(second));
  return joined(essays, free, (essay) => essay).filter(([essay = 0]) => !anchors.has(essay));
}

/**
 * Has the likelihood alone a finite maximum? Exactly where whoever won against somebody can be reached from him over losses too: where the graph from
 * winners to losers is strongly connected (Ford 1957).
 */
export function isStronglyConnected({ essays, observations }: ScaleModel): boolean {
  const beaten: number[][] = Array.from({ length: essays }, () => []);
  const beatenBy: number[][] = Array.from({ length: essays }, () => []);
  for (const { first, second, firstWon } of observations) {
    const [winner, loser] = firstWon ? [first, second] : [second, first];
    beaten[winner]?.push(loser);
    beatenBy[loser]?.push(winner);
  }
  return reachedFrom(beaten) === essays && reachedFrom(beatenBy) === essays;
}

function joined(essays: number, observations: readonly Observation[], as: (essay: number) => number): Groups {
  const parents = Array.from({ length: essays }, (_, essay) => as(essay));
  const rootOf = (essay: number): number => {
    let at = essay;
    for (let parent = parents[at] as number; parent !== at; parent = parents[at] as number) {
      parents[at] = parents[parent] as number;
      at = parent;
    }
    return at;
  };
  for (const { first, second } of observations) parents[rootOf(first)] = rootOf(second);
  const groups = new Map<number, number[]>();
  for (let essay = 0; essay < essays; essay++) {
    const root = rootOf(essay);
    const group = groups.get(root);
    if (group === undefined) groups.set(root, [essay]);
    else group.push(essay);
  }
  return [...groups.values()];
}

/** How many can be reached from the first. */
function reachedFrom(next: readonly (readonly number[])[]): number {
  const reached = new Set([0]);
  for (const essay of reached) for (const other of next[essay] ?? []) reached.add(other);
  return reached.size;
}
