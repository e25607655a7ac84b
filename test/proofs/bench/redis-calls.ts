/** What Redis is asked by the service, call by call: from `MONITOR`, which slows it, so that nothing is timed meanwhile. */
import { once } from "node:events";
import { connect } from "node:net";
import { redisClient } from "../../support/redis/client.ts";
import type { RedisServer } from "../../support/redis/server.ts";

/**
 * How many, by the command's name, and what the script was asked in them by its verb: several verbs can go in one run. What the bench itself
 * asks is not among them.
 */
export type Calls = ReadonlyMap<string, number>;

export interface CallWatch {
  /** @returns all since the start */
  stop(): Promise<Calls>;
}

/** A take that brought no ticket. */
export const emptyTake = "take (empty)";
/** A run of the script. */
export const scriptRun = "EVALSHA";

const ofTheBench = ["zcard", "zrange", "info", "config", "echo"];
/** Of providers and health pages, which the bench asks for. */
const verbsOfTheBench = ["overview"];

export async function watchCalls({ port, url }: Pick<RedisServer, "port" | "url">): Promise<CallWatch> {
  const counts = new Map<string, number>();
  const socket = connect(port, "127.0.0.1").setEncoding("latin1");
  /** The latest call has a take: what it claims follows. */
  let isTakeEmpty = false;
  let unread = "";
  let endMark = "";
  let heardEnd = (): void => {};

  const count = (name: string, by: number) => counts.set(name, (counts.get(name) ?? 0) + by);

  function hear(line: string): void {
    const [, client, command = ""] = /^\+[\d.]+ \[\d+ (\S+)\] "(\w+)"/.exec(line) ?? [];
    if (client === undefined) return;
    if (client === "lua") {
      if (!isTakeEmpty || !/"HSET" "[^"]*" "claim"/.test(line)) return;
      count(emptyTake, -1);
      count("take", 1);
      isTakeEmpty = false;
      return;
    }
    if (endMark !== "" && line.includes(endMark)) heardEnd();
    const names = namesOf(command.toLowerCase(), line);
    isTakeEmpty = names.includes(emptyTake);
    for (const name of names) count(name, 1);
  }

  socket.on("data", (text: string) => {
    const lines = (unread + text).split("\r\n");
    unread = lines.pop() ?? "";
    for (const line of lines) hear(line);
  });
  await once(socket, "connect");
  const begun = once(socket, "data");
  socket.write("MONITOR\r\n");
  await begun;

  return {
    async stop() {
      endMark = crypto.randomUUID();
      const heard = new Promise<void>((resolve) => (heardEnd = resolve));
      const client = redisClient(url);
      await client.command("ECHO", endMark);
      await heard;
      client.close();
      socket.destroy();
      return counts;
    },
  };
}

function namesOf(command: string, line: string): readonly string[] {
  if (ofTheBench.includes(command)) return [];
  if (command !== "evalsha" && command !== "eval") return [command.toUpperCase()];
  const verbs = Array.from(line.matchAll(/\{\\"verb\\":\\"(\w+)\\"/g), ([, verb = ""]) => verb).filter(
    (verb) => verb !== "at_gate",
  );
  if (verbs.every((verb) => verbsOfTheBench.includes(verb))) return [];
  return [scriptRun, ...verbs.map((verb) => (verb === "take" ? emptyTake : verb))];
}
