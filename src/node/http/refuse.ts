/** Refusals from below the routes: what node:http would say by itself is said as the routes say it, and leaves a line in the log. */
import { randomUUID } from "node:crypto";
import { STATUS_CODES, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { problemAnswer, type Problem } from "../../http/errors.ts";
import type { Tell } from "../../telemetry/events.ts";

/** So long a client that was refused may go on sending until it reads why: a connection that is closed on it at once would lose the answer. */
const lingerMs = 1_000;

/** For a request that has no response object: the answer is written as it stands, and the connection ends. */
export async function refuseSocket(socket: Duplex, problem: Problem, tell: Tell): Promise<void> {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const answer = refusal(problem, tell);
  const body = await answer.text();
  const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
  const start = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}`;
  const length = `content-length: ${Buffer.byteLength(body)}`;
  socket.end([start, ...headers, length, "connection: close", "", body].join("\r\n"));
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

/** For a request that no route shall see. The connection ends with the answer. */
export async function refuseRequest(outgoing: ServerResponse, problem: Problem, tell: Tell): Promise<void> {
  const answer = refusal(problem, tell);
  const body = await answer.text();
  const length = { "content-length": Buffer.byteLength(body) };
  outgoing.shouldKeepAlive = false;
  outgoing.writeHead(problem.status, { ...Object.fromEntries(answer.headers), ...length }).end(body);
}

/** The answer, and its line in the log. */
export function refusal(problem: Problem, tell: Tell): Response {
  const correlationId = randomUUID();
  tell({
    kind: "request",
    correlationId,
    traceId: null,
    span: null,
    queueId: null,
    tenant: null,
    method: "other",
    route: null,
    status: problem.status,
    durationMs: 0,
    provider: null,
    errorType: problem.type,
    comparison: null,
  });
  return problemAnswer(problem, correlationId);
}
