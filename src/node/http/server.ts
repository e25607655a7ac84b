/** The HTTP server under the routes. What node:http would refuse by itself is refused as JSON too. */
import { randomUUID } from "node:crypto";
import { createServer, STATUS_CODES, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { problemAnswer, type Problem } from "../../http/errors.ts";

/** @param fetch of the routes; it gets node:http's request and response as its environment */
export function createHttpServer(fetch: Parameters<typeof getRequestListener>[0]): Server {
  const listener = getRequestListener(fetch, {
    errorHandler: () => problemAnswer(badRequest, randomUUID()),
  });
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    void refuse(socket, error.code === "HPE_HEADER_OVERFLOW" ? headersTooLarge : badRequest);
  });
  server.on("checkExpectation", (_incoming, outgoing) => {
    if (outgoing.socket) void refuse(outgoing.socket, expectation);
  });
  return server;
}

const badRequest: Problem = {
  status: 400,
  type: "VALIDATION_ERROR",
  sentence: "This is not an HTTP request that the service understands.",
};

const headersTooLarge: Problem = {
  status: 431,
  type: "PAYLOAD_TOO_LARGE",
  sentence: "The headers of the request are too large.",
};

const expectation: Problem = {
  status: 417,
  type: "VALIDATION_ERROR",
  sentence: "The service meets no expectation but 100-continue.",
};

/** Below the parser there is no response object: the answer is written as it stands, and the connection ends. */
async function refuse(socket: Duplex, problem: Problem): Promise<void> {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const answer = problemAnswer(problem, randomUUID());
  const body = await answer.text();
  const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
  const start = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}`;
  const length = `content-length: ${Buffer.byteLength(body)}`;
  socket.end([start, ...headers, length, "connection: close", "", body].join("\r\n"));
}
