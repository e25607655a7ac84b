/** What the script runs, what is tried before it, and what the docs say that a user of Redis needs are one list. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { rightsAt } from "../../../src/node/redis/rights.ts";

/** Words in capitals that are parts of commands. */
const parts = ["BYSCORE", "LIMIT", "NUMSUB", "REV", "WITHSCORES"];
/** Without them the script goes on. */
const optional = ["INFO"];

const inScript = [...readFileSync("src/stores/redis/script/compiled.lua", "utf8").matchAll(/"([A-Z]{3,})"/g)]
  .map(([, name = ""]) => name)
  .filter((name) => !parts.includes(name));

async function tried(): Promise<readonly string[]> {
  let commands: readonly (readonly string[])[] = [];
  const redis = {
    onReady: () => undefined,
    denied: async (tries: readonly (readonly string[])[]) => {
      commands = tries;
      return [];
    },
  };
  await rightsAt(redis, { trouble: () => null } as Parameters<typeof rightsAt>[1], async () => null)();
  return commands.map(([name = ""]) => name);
}

it("tries each command that the script runs, before the script is run", async () => {
  expect(inScript).toContain("ZADD");
  const names = await tried();
  expect([...new Set(inScript)].filter((name) => !names.includes(name))).toEqual(optional);
});

it("names in the docs each command that is tried", async () => {
  const line = /^ACL SETUSER .*$/m.exec(readFileSync("docs/operate.md", "utf8"))?.[0] ?? "";
  const rights = line.split(" ").map((word) => word.replace("|numsub", ""));
  expect((await tried()).filter((name) => !rights.includes(`+${name.toLowerCase()}`))).toEqual([]);
});
