/** What a secondary store is to us: a Redis somewhere, that may be slow, behind, or away at any time. */

export interface MirrorCommands {
  /**
   * Runs one command, at most once. A reply is a text, a number, a list of them, or `null`.
   *
   * @throws {Error} for every failure: whether it was done isn't known then. Its message may quote the command: it is not for a log
   */
  run(command: readonly [name: string, ...args: string[]]): Promise<unknown>;
}

/** It doesn't answer, or is not asked just now. */
export class MirrorAway extends Error {
  override readonly name = "MirrorAway";
}

/** All keys in Redis begin with it. */
export const mirrorRoot = "llm-provider-service:";
