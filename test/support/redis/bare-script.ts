/**
 * The script that ships, word for word, with one module more (`script/bare.ts`), which is asked first. So what tests ask of it is answered by what
 * ships, and what ships has no word that tests alone say.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { StoreAway } from "../../../src/gateway/ports.ts";
import { root, type Redis } from "../../../src/stores/redis/redis.ts";
import type { RedisClient } from "./client.ts";

const shipped = textOf("../../../src/stores/redis/script/compiled.lua");
const source = changed(shipped, [
  [
    '\n}\n____lualib = require("lualib_bundle")\n',
    (found) => `\n${textOf("script/bare.lua")}${found.slice(1)}`,
  ],
  ['require("stores.redis.script.entry", ...)', () => 'require("test.support.redis.script.bare", ...)'],
]);
const sha1 = createHash("sha1").update(source).digest("hex");

export function bareScript(client: RedisClient): Redis {
  return {
    command: (...command) => client.command(...command),
    async run(call, texts) {
      const args = ["1", root, call, ...texts];
      try {
        return (await client.command("EVALSHA", sha1, ...args)) as readonly unknown[];
      } catch (error) {
        if (!String(error).includes("NOSCRIPT")) throw new StoreAway(String(error), { cause: error });
        return (await client.command("EVAL", source, ...args)) as readonly unknown[];
      }
    },
  };
}

function textOf(path: string): string {
  return readFileSync(join(import.meta.dirname, path), "utf8");
}

/** Each is there exactly once, or the compiler has changed. */
function changed(text: string, changes: readonly (readonly [string, (found: string) => string])[]): string {
  return changes.reduce((before, [from, to]) => {
    if (before.split(from).length !== 2) throw new Error(`The script that ships has not one ${from}`);
    return before.replace(from, to);
  }, text);
}
