/**
 * Upstash's REST interface over a real Redis, with every fault on demand and a record of what it was sent. Written after Upstash's
 * documentation and what its SDK (1.39.0) sends; no real Upstash was asked.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { bodyOf } from "../../../tools/fake-upstream/wire.ts";
import { upstashData } from "./upstash-data.ts";
import { send, serve, type UpstashFault, wrongToken } from "./upstash-faults.ts";
import { type Command, commandsOf, routeOf } from "./upstash-wire.ts";

/** Once the last of them has been used up, all is well again. */
interface FaultOptions {
  /** How many requests it is for. Every one until `heal` unless told. */
  readonly times?: number;
  /** Only for requests with such a command: `/^eval/i`. Any unless told. */
  readonly command?: RegExp;
}

interface UpstashRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Empty where the body could not be read. */
  readonly commands: readonly Command[];
  readonly fault: UpstashFault["kind"] | null;
}

export interface UpstashServer {
  readonly url: string;
  readonly token: string;
  /** The last 1,000, oldest first. */
  readonly requests: readonly UpstashRequest[];
  /** Takes the place of a fault that is set. */
  fail(fault: UpstashFault, options?: FaultOptions): void;
  heal(): void;
  /**
   * From now on a request that only reads sees the data of this moment, as from a replica that lags. Not so where the client shows by its
   * `upstash-sync-token` that it has seen, or written, something newer. Scripts and writes always go to the primary.
   */
  freezeReads(): Promise<void>;
  thawReads(): void;
  /** Ends every connection, held ones too. The Redis behind is left as it is. */
  close(): Promise<void>;
}

/** @param redisUrl `redis://[:password@]host:port` of a server whose database 15 is free for copies */
export async function upstashServer(redisUrl: string, token = "a-good-token"): Promise<UpstashServer> {
  const data = upstashData(redisUrl);
  const requests: UpstashRequest[] = [];
  let set: Setting | null = null;

  function takeFault(commands: readonly Command[]): UpstashFault | null {
    const { fault, command } = set ?? {};
    if (set === null || fault === undefined) return null;
    if (command !== undefined && !commands.some(([name]) => command.test(name))) return null;
    set = set.left === 1 ? null : { ...set, left: set.left - 1 };
    return fault;
  }

  const server = createServer(async (request, response) => {
    const { method, url: path = "/", headers } = request;
    const bodyText = await bodyOf(request);
    const route = routeOf(path);
    const commands = route === null ? null : commandsOf(route, bodyText ?? "");
    const isKnown = headers.authorization === `Bearer ${token}`;
    // Used up only by a request that Upstash would have taken: a fault never hides a bad one.
    const fault = isKnown && commands !== null ? takeFault(commands) : null;
    requests.push({ path, headers, commands: commands ?? [], fault: fault?.kind ?? null });
    if (requests.length > 1000) requests.shift();

    if (method !== "POST") send(response, 405, { error: "ERR method not allowed" });
    else if (!isKnown) send(response, 401, wrongToken);
    else if (route === null || commands === null)
      send(response, 400, { error: "ERR failed to parse request" });
    else await serve({ route, commands, headers, fault, data }, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    requests,
    fail(fault, { times = Infinity, command } = {}) {
      set = { fault, left: times, command };
    },
    heal() {
      set = null;
    },
    freezeReads: data.freezeReads,
    thawReads: data.thawReads,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
      data.close();
    },
  };
}

interface Setting {
  readonly fault: UpstashFault;
  readonly left: number;
  readonly command: RegExp | undefined;
}
