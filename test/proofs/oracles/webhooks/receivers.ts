/** Who is told: a ledger that refuses the first attempt of each event, and the receivers that `docs/events.md` shows. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { freePort } from "../../bench/processes.ts";
import type { Sent } from "./verifiers.ts";

export interface Attempt extends Sent {
  readonly id: string;
  readonly ticketId: string;
  readonly signedAtMs: number;
  readonly heardAtMs: number;
  readonly answered: 503 | 204;
}

export interface Ledger {
  readonly url: string;
  /** Nothing is ever taken out. */
  readonly attempts: readonly Attempt[];
}

export async function ledger(): Promise<Ledger> {
  const attempts: Attempt[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const headers = request.headers as Record<string, string>;
    const id = headers["webhook-id"] ?? "";
    const answered = attempts.some((other) => other.id === id) ? 204 : 503;
    const { data } = JSON.parse(body) as { data: { queue_id: string } };
    const signedAtMs = Number(headers["webhook-timestamp"]) * 1_000;
    attempts.push({
      id,
      ticketId: data.queue_id,
      body,
      headers,
      signedAtMs,
      heardAtMs: Date.now(),
      answered,
    });
    response.writeHead(answered).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`, attempts };
}

export interface PageReceiver {
  readonly url: string;
  /** Of the tickets whose ends it was told and took, in the order in which it says so. */
  readonly tickets: () => readonly string[];
}

/** @param program runs it, and @param file is what it runs: a receiver in `docs/examples` */
export async function pageReceiver(program: string, file: string, secret: string): Promise<PageReceiver> {
  const port = await freePort();
  const child = spawn(program, [resolve("docs/examples", file), String(port)], {
    env: { WEBHOOK_SECRET: secret },
    stdio: ["ignore", "pipe", "ignore"],
  });
  process.on("exit", () => child.kill("SIGKILL"));
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const url = `http://127.0.0.1:${port}/in`;
  return { url, tickets: () => [...said.matchAll(/^ticket\.completed (\S+)$/gm)].map(([, id = ""]) => id) };
}
