/**
 * The fake upstream, a process of its own: `node upstream.ts PORT`. Answers both OpenAI shapes from texts made beforehand, in which only the
 * boundary is put that a request asks for.
 * `GET /__latency/MS` sets how long each answer waits, from now on, and `GET /__status/503` makes it down (`200` up again); `GET /__count`
 * says how many good answers were given, and over how many connections. `GET /__numbers` gives the numbers of the comparisons that got one since it was last asked for, in the
 * order of their calls: they are noted from the first time on.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { signed } from "../../../tools/fake-upstream/signed.ts";
import { chatAnswer, leastUpstreamBytes, numberIn, responsesAnswer } from "./payload.ts";

const answers = new Map([
  ["/v1/responses", responsesAnswer],
  ["/v1/chat/completions", chatAnswer],
]);
/** What stands behind the boundary's last mention in a request: the vendor's parameters and the schema. */
const tailBytes = 4_096;

let latencyMs = 0;
let down: number | null = null;
let count = 0;
let connections = 0;
/** `null`: nobody has asked for them. */
let numbers: number[] | null = null;

const server = createServer((incoming, outgoing) => {
  const answer = answers.get(incoming.url ?? "");
  if (answer === undefined) {
    control(incoming.url ?? "", outgoing);
    return;
  }
  let bytes = 0;
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    chunks.push(chunk);
  });
  incoming.on("end", () => {
    // A candidate that drops an essay would be faster: it gets an error and with it fails the run.
    const status = down ?? (bytes >= leastUpstreamBytes ? 200 : 400);
    const sent = Buffer.concat(chunks);
    const body = Buffer.from(
      status === 200 ? signed(answer, sent.toString("latin1", Math.max(0, bytes - tailBytes))) : "{}",
    );
    if (status === 200) {
      count++;
      numbers?.push(numberIn(sent.toString("latin1")));
    }
    if (latencyMs === 0) send(outgoing, status, body);
    else setTimeout(send, latencyMs, outgoing, status, body);
  });
});
server.on("connection", () => connections++);
server.keepAliveTimeout = 600_000;
server.listen(Number(process.argv[2]), "127.0.0.1");

function send(outgoing: ServerResponse<IncomingMessage>, status: number, body: Buffer): void {
  outgoing.writeHead(status, { "content-type": "application/json", "content-length": body.length });
  outgoing.end(body);
}

function control(path: string, outgoing: ServerResponse<IncomingMessage>): void {
  if (path === "/__numbers") {
    send(outgoing, 200, Buffer.from(JSON.stringify(numbers ?? [])));
    numbers = [];
    return;
  }
  const latency = /^\/__latency\/(\d+)$/.exec(path)?.[1];
  if (latency !== undefined) latencyMs = Number(latency);
  const status = /^\/__status\/(200|5\d\d)$/.exec(path)?.[1];
  if (status !== undefined) down = status === "200" ? null : Number(status);
  const known = latency !== undefined || status !== undefined || path === "/__count";
  send(outgoing, known ? 200 : 404, Buffer.from(JSON.stringify({ latencyMs, count, connections })));
}
