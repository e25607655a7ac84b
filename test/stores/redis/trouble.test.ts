import { expect, it } from "vitest";
import { NotDone } from "../../../src/stores/failover/primary-store.ts";
import { awayBy } from "../../../src/stores/redis/trouble.ts";

const where = "script: 5de0cb880581626489a2bd388f3afae2b7f3ab14, on @user_script:1.";

/** As Redis 7.0 and 7.2 word them. */
const said: readonly (readonly [what: string, words: string, isKnown: boolean])[] = [
  ["no room", "OOM command not allowed when used memory > 'maxmemory'.", true],
  ["a replica", "READONLY You can't write against a read only replica.", true],
  [
    "a command that the user may not run",
    "NOPERM User u has no permissions to run the 'evalsha' command",
    true,
  ],
  ["data still being read", "LOADING Redis is loading the dataset in memory", true],
  [
    "a command that the user may not run half-way through a script (7.0)",
    `ERR The user executing the script can't run this command or subcommand ${where}`,
    false,
  ],
  [
    "a command that the user may not run half-way through a script (7.2)",
    `NOPERM ACL failure in script: User u has no permissions to run the 'zadd' command ${where}`,
    false,
  ],
  ["a fault of the script", `ERR attempt to index a nil value ${where}`, false],
];

it.each(said)(
  "%s: nothing of what was asked has happened only where Redis says so before it begins",
  (_what, words, isKnown) => {
    const away = awayBy(new Error(words), words);
    expect(away instanceof NotDone).toBe(isKnown);
    expect(away.trouble?.error).not.toBeUndefined();
  },
);
