/** The data behind the REST interface: a Redis as primary, and for reads that come late a copy of it, as a replica far away has one. */
import { redisClient } from "./client.ts";
import type { Reply } from "./resp.ts";
import { type Command, refusalOf, type Route } from "./upstash-wire.ts";

interface Execution {
  readonly replies: readonly Reply[];
  /** A transaction that was discarded as a whole. */
  readonly discarded: string | null;
  /** What the primary had taken in when this was answered. The client sends it with its next request. */
  readonly syncToken: string;
}

export interface UpstashData {
  /** @param syncToken the client's: what it has seen is never hidden from it again. `""`: it has none. @throws {Error} where Redis is away */
  execute(route: Route, commands: readonly Command[], syncToken: string): Promise<Execution>;
  /** From now on requests that only read see the data of this moment. */
  freezeReads(): Promise<void>;
  /** The replica has caught up. */
  thawReads(): void;
  close(): void;
}

/** The copy's database on the same server. The service itself uses 0. */
const replicaDatabase = 15;

export function upstashData(redisUrl: string): UpstashData {
  const primary = redisClient(redisUrl);
  const replica = redisClient(`${redisUrl}/${replicaDatabase}`);
  const readOnly = new Map<string, boolean>();
  let writes = 0;
  /** How much the replica knows. `null`: all. */
  let frozenAt: number | null = null;

  /** Redis itself knows which commands write. A script might, so it counts as one that does. */
  async function isRead([name]: Command): Promise<boolean> {
    const known = readOnly.get(name);
    if (known !== undefined) return known;
    const [info] = (await primary.command("COMMAND", "INFO", name)) as readonly (readonly unknown[] | null)[];
    const flags = info?.[2];
    const found = Array.isArray(flags) && flags.includes("readonly");
    readOnly.set(name, found);
    return found;
  }

  return {
    async execute(route, commands, syncToken) {
      const reads = (await Promise.all(commands.map(isRead))).every(Boolean);
      const isLate = reads && frozenAt !== null && Number(syncToken) <= frozenAt;
      // Counted before: a read that comes after must not be taken for one that knew.
      if (!reads) writes++;
      const token = String(isLate ? frozenAt : writes);
      const client = isLate ? replica : primary;
      if (route !== "multi-exec") {
        return { replies: await inOrder(client.pipeline, commands), discarded: null, syncToken: token };
      }
      const refusal = commands.map(refusalOf).find((found) => found !== null);
      if (refusal !== undefined) return { replies: [], discarded: refusal, syncToken: token };
      const last = (await client.pipeline([["MULTI"], ...commands, ["EXEC"]])).at(-1);
      return {
        replies: last?.kind === "array" ? last.items : [],
        discarded: last?.kind === "error" ? last.message : null,
        syncToken: token,
      };
    },
    async freezeReads() {
      const at = writes;
      await primary.command("EVAL", copyAll, 0, replicaDatabase);
      frozenAt = at;
    },
    thawReads() {
      frozenAt = null;
    },
    close() {
      primary.close();
      replica.close();
    },
  };
}

/** What isn't available here is answered without Redis. */
async function inOrder(
  pipeline: (commands: readonly Command[]) => Promise<Reply[]>,
  commands: readonly Command[],
): Promise<Reply[]> {
  const fetched = commands.filter((command) => refusalOf(command) === null);
  const replies = fetched.length === 0 ? [] : await pipeline(fetched);
  return commands.map((command) => {
    const message = refusalOf(command);
    return message === null ? (replies.shift() ?? { kind: "null" }) : { kind: "error", message };
  });
}

/** In one step, with the time that each key has left. */
const copyAll = `
redis.call('SELECT', ARGV[1])
redis.call('FLUSHDB')
redis.call('SELECT', 0)
for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', ARGV[1]) end
return 'OK'`;
