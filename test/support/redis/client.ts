/** The tests' own Redis client: what they look with is not what they test. */
import { connect, type Socket } from "node:net";
import { type Argument, decode, encode, type Plain, plain, type Reply } from "./resp.ts";

export interface RedisClient {
  /** @throws {Error} with Redis' own words, or where the connection ended before the reply */
  command(...command: readonly Argument[]): Promise<Plain>;
  /** In one write: nothing of another caller of this client comes between. @throws {Error} where the connection ended before the last reply */
  pipeline(commands: readonly (readonly Argument[])[]): Promise<Reply[]>;
  close(): void;
}

/**
 * One connection, made when it is first needed and made again by the first command after it was lost. Tries nothing twice. Has no time limit.
 *
 * @param url `redis://[:password@]host:port[/database]`
 */
export function redisClient(url: string): RedisClient {
  const { hostname, port, password, pathname } = new URL(url);
  const database = pathname.slice(1);
  const greeting = [
    ...(password === "" ? [] : [["AUTH", decodeURIComponent(password)]]),
    ...(database === "" ? [] : [["SELECT", database]]),
  ];
  let connection: Connection | null = null;
  let isClosed = false;

  async function pipeline(commands: readonly (readonly Argument[])[]): Promise<Reply[]> {
    if (isClosed) throw new Error("The client was closed.");
    if (connection === null || connection.isOver()) connection = open(hostname, Number(port));
    const isNew = connection.isNew();
    const replies = await connection.send(isNew ? [...greeting, ...commands] : commands);
    return isNew ? replies.slice(greeting.length) : replies;
  }

  return {
    pipeline,
    async command(...command) {
      const [reply] = await pipeline([command]);
      return plain(reply ?? { kind: "null" });
    },
    close() {
      isClosed = true;
      connection?.end();
    },
  };
}

interface Connection {
  send(commands: readonly (readonly Argument[])[]): Promise<Reply[]>;
  isNew(): boolean;
  isOver(): boolean;
  end(): void;
}

function open(host: string, port: number): Connection {
  const socket: Socket = connect(port, host).setNoDelay();
  const waiting: { readonly settle: (reply: Reply) => void; readonly fail: (error: Error) => void }[] = [];
  let unread = Buffer.alloc(0);
  let used = false;
  let over: Error | null = null;

  const end = (error: Error) => {
    over ??= error;
    socket.destroy();
    for (const { fail } of waiting.splice(0)) fail(over);
  };
  socket.on("error", end);
  for (const event of ["end", "close"] as const)
    socket.on(event, () => end(new Error("Redis closed the connection.")));
  socket.on("data", (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    try {
      let offset = 0;
      for (let found = decode(unread); found !== null; found = decode(unread, offset)) {
        waiting.shift()?.settle(found.reply);
        offset = found.next;
      }
      unread = unread.subarray(offset);
    } catch (error) {
      end(error instanceof Error ? error : new Error(String(error)));
    }
  });

  return {
    isNew: () => !used,
    isOver: () => over !== null,
    end: () => end(new Error("The client was closed.")),
    send(commands) {
      used = true;
      const replies = commands.map(
        () => new Promise<Reply>((settle, fail) => waiting.push({ settle, fail })),
      );
      if (over !== null) end(over);
      else socket.write(Buffer.concat(commands.map(encode)));
      return Promise.all(replies);
    },
  };
}
