/** Bytes to the vendors and back on Node. undici's dispatcher costs about a third of `fetch` here, which would otherwise be most of a request. */
import { buildConnector, Pool } from "undici";
import type { Transport } from "../../providers/transport.ts";
import { utf8 } from "../http/utf8.ts";
import { UpstreamConnection } from "./upstream-connection.ts";
import { aborted, exchangeOver } from "./upstream-exchange.ts";

export interface UndiciTransportOptions {
  /**
   * The most connections to one vendor; 512 where left out. A call holds one for as long as the judge thinks, so this is also how many run at
   * once; more wait, within their deadline. Without a bound a slow vendor would take every file descriptor.
   */
  readonly connectionsPerOrigin?: number;
}

/** To one origin: those that a call holds, those that are idle, and calls that wait for one. */
export interface ConnectionCounts {
  readonly running: number;
  readonly free: number;
  readonly queued: number;
}

/**
 * A transport over kept-alive HTTP/1.1 connections. Only the signal ends a call that has a connection: undici's own time limits are off. A
 * connection has 10 s to come about.
 *
 * @returns `connections`: how many there are to each origin (`https://host:port`); `close` waits for the calls under way, then closes all of them
 */
export function undiciTransport({ connectionsPerOrigin = 512 }: UndiciTransportOptions = {}): {
  readonly transport: Transport;
  connections(): ReadonlyMap<string, ConnectionCounts>;
  close(): Promise<void>;
} {
  const pools = new Map<string, Pool>();

  function poolOf(origin: string): Pool {
    let pool = pools.get(origin);
    if (pool === undefined) {
      // Aborting a call over HTTP/1.1 closes its connection, so the vendor notices at once; and nothing shares its fate.
      const connect = buildConnector({ allowH2: false, timeout: 10_000 });
      pool = new Pool(origin, {
        connections: connectionsPerOrigin,
        factory: (to, options) => new UpstreamConnection(to.href, options, connect),
        allowH2: false,
        headersTimeout: 0,
        bodyTimeout: 0,
        // Idle this long where the server gives no hint of its own. The vendors' front doors keep them for minutes; a new one costs a TLS handshake.
        keepAliveTimeout: 30_000,
      });
      pools.set(origin, pool);
    }
    return pool;
  }

  return {
    transport: ({ method, url, headers, body, maxAnswerBytes }, signal) => {
      if (signal.aborted) return Promise.resolve(aborted);
      // Past `https://`, or past the first letter of the host behind `http://`.
      const pathAt = url.indexOf("/", 8);
      const origin = pathAt === -1 ? url : url.slice(0, pathAt);
      const path = pathAt === -1 ? "/" : url.slice(pathAt);
      return new Promise((resolve) => {
        const exchange = exchangeOver(maxAnswerBytes, signal, resolve);
        // As bytes: undici would make them of the text, and hold both until the answer is there.
        poolOf(origin).dispatch({ method, path, headers, body: body === null ? null : utf8(body) }, exchange);
      });
    },
    connections: () =>
      new Map(
        Array.from(pools, ([origin, { stats }]) => {
          const { running, free, pending, queued } = stats;
          return [origin, { running, free, queued: pending + queued }];
        }),
      ),
    close: async () => {
      await Promise.all(Array.from(pools.values(), (pool) => pool.close()));
    },
  };
}
