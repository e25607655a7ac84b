/** What an oracle is: a real part of the world that this service must get along with, which says whether it does. */

export interface Oracle {
  /** What it can't do without. */
  readonly tools: readonly Tool[];
  /** Asks the real part one question after another, each by `check`. */
  readonly ask: (check: Check) => Promise<void>;
}

/** Asks one question. `answer` throws where the answer is not what was promised; what follows is asked all the same. @returns whether it held */
export type Check = (promise: string, answer: () => Promise<void> | void) => Promise<boolean>;

/** A program that is installed, or not. */
export interface Tool {
  readonly command: string;
  /** With these it prints its version, in its first line, and ends. */
  readonly versionArgs: readonly string[];
  /** The package of Debian that brings it, which CI installs; `null`: there is none. */
  readonly debianPackage: string | null;
  /** For a person who doesn't have it. */
  readonly howToGet: string;
}
