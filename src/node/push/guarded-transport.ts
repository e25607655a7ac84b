/**
 * POSTs to receivers that somebody else runs. Where a name leads is looked at when the connection is made, and once more when it stands: a name may
 * lead elsewhere each time it is asked for, so to look before says nothing.
 *
 * With a proxy in front the guard would see the proxy alone. None is used here, whatever the environment says of one.
 */
import { lookup as systemLookup, type LookupAddress, type LookupOptions } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { Agent, buildConnector } from "undici";
import { mostAnswerBytes, postTimeoutMs, type Post, type PostOutcome, type Reach } from "../../push/post.ts";
import { waitInHeader } from "../../providers/retry-hints.ts";
import { utf8 } from "../http/utf8.ts";
import { mayReach } from "./addresses.ts";

/** Tells all addresses of a name. */
export type Resolve = (
  hostname: string,
  options: LookupOptions & { readonly all: true },
  done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

export interface GuardedTransportOptions {
  readonly resolve?: Resolve;
  readonly timeoutMs?: number;
  /** Further authorities, in PEM. */
  readonly ca?: string;
}

/** To one receiver at once: what is beyond it waits, within its time. Receivers are as many as the settings name. */
const connectionsPerOrigin = 10;

/** @returns `close` ends what is under way */
export function guardedTransport(options: GuardedTransportOptions = {}): {
  readonly post: Post;
  close(): Promise<void>;
} {
  // A connection that one reach allows must not be found again by another one.
  const agents: Readonly<Record<Reach, Agent>> = {
    public: guardedAgent("public", options),
    loopback: guardedAgent("loopback", options),
    private: guardedAgent("private", options),
  };
  const { timeoutMs = postTimeoutMs } = options;

  return {
    post: async ({ url, headers, body, reach }, stopping) => {
      const limit = AbortSignal.timeout(timeoutMs);
      const signal = stopping === undefined ? limit : AbortSignal.any([limit, stopping]);
      const { origin, pathname, search } = new URL(url);
      const path = pathname + search;
      try {
        const answer = await agents[reach].request({
          origin,
          path,
          method: "POST",
          headers,
          body: utf8(body),
          signal,
        });
        await thrownAway(answer.body);
        return statusOf(answer.statusCode, answer.headers["retry-after"]);
      } catch (error) {
        return { kind: limit.aborted ? "timeout" : kindOf(codeOf(error)) };
      }
    },
    close: async () => {
      await Promise.all(Object.values(agents).map((agent) => agent.destroy()));
    },
  };
}

function guardedAgent(reach: Reach, { resolve = systemLookup, ca }: GuardedTransportOptions): Agent {
  const connect = buildConnector({
    allowH2: false,
    timeout: 10_000,
    lookup: guardedLookup(reach, resolve),
    ...(ca !== undefined && { ca }),
  });
  return new Agent({
    connections: connectionsPerOrigin,
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (to, done) => {
      const host = to.hostname.replaceAll(/[[\]]/g, "");
      // For an address undici asks no lookup.
      if (isIP(host) !== 0 && !mayReach(host, reach)) return void done(blocked(host), null);
      connect(to, (...opened) => {
        const [error, socket] = opened;
        if (error !== null || mayReach(socket.remoteAddress ?? "", reach)) return void done(...opened);
        socket.destroy();
        done(blocked(host), null);
      });
    },
  });
}

/** Leaves out what may not be reached. With nothing left the name is blocked. */
function guardedLookup(reach: Reach, resolve: Resolve): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return void done(error, "");
      const [first, ...more] = addresses.filter(({ address }) => mayReach(address, reach));
      if (first === undefined) done(blocked(hostname), "");
      else if (options.all === true) done(null, [first, ...more]);
      else done(null, first.address, first.family);
    });
  };
}

const blockedCode = "ADDRESS_BLOCKED";

function blocked(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${host} must not be reached`), { code: blockedCode });
}

/** The status has come: nothing in the rest changes it. Leaving the loop closes the connection. */
async function thrownAway(body: AsyncIterable<Uint8Array>): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > mostAnswerBytes) return;
    }
  } catch {
    // It broke, or the time is up.
  }
}

function statusOf(status: number, retryAfter: string | string[] | undefined): PostOutcome {
  const value = Array.isArray(retryAfter) ? retryAfter.join(",") : (retryAfter ?? null);
  return { kind: "status", status, retryAfterMs: waitInHeader(value, Date.now()) };
}

/** Of several addresses that were tried the first one's error counts. */
function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** The codes of OpenSSL's verdicts on a certificate have no beginning in common. */
const tlsCodes =
  /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERROR_IN_C|INVALID_(CA|PURPOSE)|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

function kindOf(code: string): Exclude<PostOutcome["kind"], "status"> {
  if (code === blockedCode) return "blocked";
  if (/^E(CONNREFUSED|HOSTUNREACH|NETUNREACH|HOSTDOWN|NETDOWN)$/.test(code)) return "refused";
  if (/^(UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/.test(code)) return "timeout";
  return tlsCodes.test(code) ? "tls" : "other";
}
