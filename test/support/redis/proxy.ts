/** A wire that breaks on demand: a TCP proxy on a port of its own, in front of a server on this machine. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { link, type Link, type LinkState } from "./proxy-link.ts";

export type ProxyMode =
  | { readonly kind: "pass" }
  /** New connections are reset. Those that are there go on: `cut` them as well for a server that is gone. */
  | { readonly kind: "refuse" }
  /**
   * Everything is taken and nothing comes. A connection that lost bytes this way stays dead when the mode changes, as its two ends no longer
   * agree on what was said.
   */
  | { readonly kind: "blackHole" }
  /** Each piece waits this long on its way to the server, and then passes in order. */
  | { readonly kind: "delay"; readonly delayMs: number };

export interface CutOptions {
  /** How many bytes still pass. 0 unless told. */
  readonly afterBytes?: number;
  /** Only a request whose bytes match, as it came in one piece: other clients' go on. Any unless told. */
  readonly request?: RegExp;
}

export interface RedisProxy {
  /** With the password of the server behind. */
  readonly url: string;
  readonly port: number;
  mode(mode: ProxyMode): void;
  /** Resets every connection now. New ones follow the mode. */
  cut(): void;
  /** Ends every connection's direction to the client now, and only that. */
  halfClose(): void;
  /** Once: the next request breaks off after so many bytes. With 0 the server never hears of it. */
  cutNextRequest(options?: CutOptions): void;
  /** Once: the next request is carried out, and its reply breaks off after so many bytes. With 0 its outcome is unknown to the client. */
  cutNextReply(options?: CutOptions): void;
  /** Bursts from client to server so far: bytes before which the server had spoken, or nobody had. A client's greeting counts as well. */
  roundTrips(): number;
  connections(): number;
  close(): Promise<void>;
}

/** @param serverUrl `redis://[:password@]host:port` */
export async function redisProxy(serverUrl: string): Promise<RedisProxy> {
  const behind = new URL(serverUrl);
  const links = new Set<Link>();
  const state: LinkState = { mode: { kind: "pass" }, nextCut: null, roundTrips: 0 };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (state.mode.kind === "refuse") {
      client.resetAndDestroy();
      return;
    }
    const made = link(client, connect(Number(behind.port), behind.hostname).setNoDelay(), state);
    links.add(made);
    client.once("close", () => links.delete(made));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = new URL(serverUrl);
  url.hostname = "127.0.0.1";
  url.port = String(port);

  return {
    url: url.href,
    port,
    mode(mode) {
      state.mode = mode;
    },
    cut() {
      for (const each of links) each.reset();
    },
    halfClose() {
      for (const each of links) each.endClient();
    },
    cutNextRequest({ afterBytes = 0, request = /(?:)/ } = {}) {
      state.nextCut = { of: "request", afterBytes, request };
    },
    cutNextReply({ afterBytes = 0, request = /(?:)/ } = {}) {
      state.nextCut = { of: "reply", afterBytes, request };
    },
    roundTrips: () => state.roundTrips,
    connections: () => links.size,
    async close() {
      for (const each of links) each.reset();
      server.close();
      await once(server, "close");
    },
  };
}
