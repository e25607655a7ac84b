/** The HTTP server under the routes. What node:http would refuse by itself is refused as JSON too. */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { Duplex } from "node:stream";
import { Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Clock } from "../../gateway/ports.ts";
import { stopping, type Problem } from "../../http/errors.ts";
import type { Tell } from "../../telemetry/events.ts";
import { watchConnections } from "./connections.ts";
import { responseTo, wantsWebSocket } from "./web-sockets.ts";
import { refusal, refuseRequest, refuseSocket } from "./refuse.ts";

export interface HttpServerParts {
  /** Of the routes; it gets node:http's request and response as its environment. */
  readonly fetch: Parameters<typeof getRequestListener>[0];
  readonly tell: Tell;
  readonly limits?: Limits;
}

type Limits = Pick<
  ServerOptions,
  "headersTimeout" | "requestTimeout" | "keepAliveTimeout" | "connectionsCheckingInterval"
>;

export interface HttpServer {
  readonly server: Server;
  /** Takes whatever comes still, and says in each answer that its connection ends. */
  sayLeaving(): void;
  /** Takes nothing new. @returns when the last request is answered and the last connection gone */
  leave(clock: Pick<Clock, "after">): Promise<void>;
}

/** In milliseconds. A kept connection outlasts the 60 s after which balancers close theirs, so that none of them sends on one that we close. */
const usualLimits: Limits = {
  headersTimeout: 60_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 5_000,
};

export function createHttpServer({ fetch, tell, limits = usualLimits }: HttpServerParts): HttpServer {
  const listener = getRequestListener(fetch, {
    hostname: thisMachine,
    errorHandler: () => refusal(badRequest, tell),
  });
  const options = { ...limits, requireHostHeader: false, shouldUpgradeCallback };
  const server = createServer(options, answer);
  function answer(incoming: IncomingMessage, outgoing: ServerResponse): void {
    connections.begin(outgoing, () => {
      const fault = hostFault(incoming);
      if (fault !== null) return refuseRequest(outgoing, fault, tell);
      takeHost(incoming);
      return listener(incoming, outgoing);
    });
  }
  const connections = watchConnections(server);
  /** Behind a request that is not answered yet the connection is that one's still. */
  function shouldUpgradeCallback(incoming: IncomingMessage): boolean {
    return wantsWebSocket(incoming) && !connections.isBusy(incoming.socket);
  }
  /** An answer that has begun can't be followed by another one. */
  const refuse = (socket: Duplex, problem: Problem) => {
    if (socket instanceof Socket && connections.answerOn(socket)?.headersSent === true) socket.destroy();
    else void refuseSocket(socket, problem, tell);
  };

  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET") socket.destroy();
    else refuse(socket, problemOf(error.code));
  });
  server.on("checkExpectation", (_incoming, outgoing) => {
    connections.begin(outgoing, () => refuseRequest(outgoing, expectation, tell));
  });
  server.on("upgrade", (incoming, socket, head: Buffer) =>
    answer(incoming, responseTo(incoming, socket, head)),
  );
  server.on("connect", (_incoming, socket) => refuse(socket, noProxy));
  return {
    server,
    sayLeaving: connections.sayLeaving,
    leave: (clock) => connections.leave(clock, (socket) => refuse(socket, stopping)),
  };
}

/** Whom a request means that names nobody. */
const thisMachine = "localhost";

/** Only HTTP/1.0 may do without, and nobody may name two, of which node:http passes the first on (RFC 9112 3.2). */
function hostFault({ rawHeaders, httpVersion }: IncomingMessage): Problem | null {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === "host") hosts += 1;
  }
  if (hosts > 1) return hostTwice;
  return hosts === 0 && httpVersion !== "1.0" ? hostMissing : null;
}

/** An address may end in a colon without a port (RFC 3986 3.2.3), which web-standard requests refuse. */
function takeHost({ headers }: IncomingMessage): void {
  if (headers.host?.endsWith(":") === true) headers.host = headers.host.slice(0, -1);
}

function problemOf(code: string | undefined): Problem {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return tooSlow;
    case "HPE_HEADER_OVERFLOW":
      return headersTooLarge;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return extensionsTooLarge;
    default:
      return badRequest;
  }
}

const badRequest: Problem = {
  status: 400,
  type: "VALIDATION_ERROR",
  sentence: "This is not an HTTP request that the service understands.",
};

const hostMissing: Problem = {
  status: 400,
  type: "VALIDATION_ERROR",
  sentence: "A request of HTTP/1.1 names whom it means in a Host header.",
};

const hostTwice: Problem = {
  status: 400,
  type: "VALIDATION_ERROR",
  sentence: "The request names whom it means in more than one Host header.",
};

const tooSlow: Problem = {
  status: 408,
  type: "TIMEOUT",
  sentence: "The request did not come to its end in time.",
  retryAfterSeconds: 1,
};

const headersTooLarge: Problem = {
  status: 431,
  type: "PAYLOAD_TOO_LARGE",
  sentence: "The headers of the request are too large.",
};

const extensionsTooLarge: Problem = {
  status: 413,
  type: "PAYLOAD_TOO_LARGE",
  sentence: "The extensions between the chunks of the body are too large.",
};

const expectation: Problem = {
  status: 417,
  type: "VALIDATION_ERROR",
  sentence: "The service meets no expectation but 100-continue.",
};

const noProxy: Problem = {
  status: 405,
  type: "METHOD_NOT_ALLOWED",
  sentence: "The service is no proxy.",
  headers: { allow: "GET, HEAD, POST, DELETE" },
};
