/** Tickets whose delivery the queue has refused, noted in a secondary store until somebody works them. */
import { mirrorRoot, type MirrorCommands } from "./mirror-commands.ts";

export interface Undelivered {
  /** @throws {MirrorAway} they may be noted or not */
  note(ids: readonly string[]): Promise<void>;
  /** Each is named once, to one caller. @throws {MirrorAway} some may be lost then: their gates offer them again */
  fetch(most: number): Promise<readonly string[]>;
}

/** One set for all providers: a ticket knows its own, and looking for work costs one command. */
const key = `${mirrorRoot}queue:undelivered`;

/** Where nobody takes them any more, they go by themselves. */
const keepMs = 86_400_000;

export function undeliveredIn(commands: MirrorCommands): Undelivered {
  return {
    async note(ids) {
      await commands.run(["EVAL", add, "1", key, String(keepMs), ...ids]);
    },
    async fetch(most) {
      const fetched = await commands.run(["SPOP", key, String(most)]);
      return Array.isArray(fetched) ? fetched.filter((id) => typeof id === "string") : [];
    },
  };
}

const add = `redis.call('SADD', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1`;
