/**
 * The receiver of a run's webhooks, as a process of its own that is never killed. It writes down every byte that it reads, and asks the service at
 * once how the ticket stands. At the first attempt of an event it fails now and then, or takes what it is sent and breaks the connection.
 */
import { hash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { look } from "./answers.ts";
import type { Receipt } from "./evidence.ts";

const [, , ledgerFile = "", secret = ""] = process.argv;
/** Of as many events one is refused at first, and one is taken while its connection breaks. */
const everyEighth = 8;

let origin: string | null = null;
const tried = new Set<string>();

process.on("message", (now: { readonly origin: string | null }) => {
  origin = now.origin;
});
process.on("disconnect", () => process.exit());

const server = createServer((request, response) => void receive(request, response));
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    // Its sender was killed before the end, and has told nobody anything.
    return;
  }
  const atMs = Date.now();
  const body = Buffer.concat(chunks).toString("utf8");
  const eventId = String(request.headers["webhook-id"]);
  const queueId = queueIdIn(body);
  const how = tried.has(eventId) ? 2 : hash("sha256", eventId, "buffer").readUInt8(0) % everyEighth;
  tried.add(eventId);
  const at = origin;
  const receipt: Receipt = {
    atMs,
    eventId,
    queueId,
    isSigned: isSigned(body, request.headers),
    isTaken: how !== 0,
    look: at === null ? { queueId, httpStatus: 0, ticket: null } : await look(at, queueId),
    bytes: `${request.url}\n${request.rawHeaders.join("\n")}\n\n${body}`,
    body,
  };
  appendFileSync(ledgerFile, `${JSON.stringify(receipt)}\n`);
  if (receipt.isTaken) process.send?.({ taken: queueId });
  if (how === 1) request.socket.destroy();
  else response.writeHead(how === 0 ? 503 : 204).end();
}

function queueIdIn(body: string): string {
  try {
    return String((JSON.parse(body) as { data?: { queue_id?: unknown } }).data?.queue_id);
  } catch {
    return "";
  }
}

function isSigned(body: string, headers: IncomingMessage["headers"]): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}
