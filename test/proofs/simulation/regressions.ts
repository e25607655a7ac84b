/**
 * Faults that the simulation has found, each with a seed that shows it again where the fault is put back. They are run always. A change of how
 * seeds are drawn, or of what the service does, makes other histories of them: then a test says which shows its fault no more, and another seed
 * is looked for with the bug planted.
 */
export interface Regression {
  readonly seed: number;
  readonly sentence: string;
  /** The deliberate bug that is this fault; `null`: no seam reaches it, and to see it again the line that mends it must be taken out. */
  readonly bug: string | null;
}

export const regressions: readonly Regression[] = [
  {
    seed: 4,
    sentence: "a fault that an idle instance told minutes later counted as if it were new",
    bug: "what is told late is taken for new",
  },
  {
    seed: 11,
    sentence: "a 429 that was told late held its model for fifteen more minutes",
    bug: "what is told late is taken for new",
  },
  {
    seed: 398,
    sentence: "a claim whose answer was lost made its ticket look as if its process had died",
    bug: "whoever has missed the answer to his claim asks no more",
  },
  {
    seed: 18,
    sentence: "a key that was freed gave its first token out again",
    bug: "a freed key's token is given again",
  },
  {
    // `hasLost` in src/stores/redis/fetcher.ts
    seed: 10,
    sentence: "after the answer to a fetch was lost, word of it kept its process from asking again",
    bug: null,
  },
  {
    // what has lapsed, in `takenBefore` of src/stores/redis/script/tickets.ts
    seed: 625,
    sentence: "a claim whose lease was over was asked for again, and its place ran on for nobody",
    bug: null,
  },
];
