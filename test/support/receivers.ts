/** Receivers of pushes, good and bad, and what they heard. They are started once for tests in workerd, which can start no server themselves. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";

/** For hooks.example, signed by itself. Nobody trusts it who isn't told to. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBoTCCAUegAwIBAgIUb3qQz1QVXmnBbw4YZ3SYjk1YbuswCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNaG9va3MuZXhhbXBsZTAgFw0yNjExMzAyMjI2NDZaGA8yMTI2
MTEwNjIyMjY0NlowGDEWMBQGA1UEAwwNaG9va3MuZXhhbXBsZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABCo9Th4UpssxxAnnn75u/BMbpSAr+ahZgbh+wcRhXaSQ
oLRleQLiD+ZibFxKu+m2UovPcI23yUOsx/hLvVQ1TJujbTBrMB0GA1UdDgQWBBQY
uGie94+8/Dyt2YR2ywdxUV1mNzAfBgNVHSMEGDAWgBQYuGie94+8/Dyt2YR2ywdx
UV1mNzAPBgNVHRMBAf8EBTADAQH/MBgGA1UdEQQRMA+CDWhvb2tzLmV4YW1wbGUw
CgYIKoZIzj0EAwIDSAAwRQIgNOBySHdEfKQXIGxSyKnfu4lTVsEtnNCFOHxHu45Z
YhkCIQCXzoOHn9TXNEI/IrJhpF/gKET6sc2IdAbMBiXfSi3wqw==
-----END CERTIFICATE-----`;
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgw2yaawFY+BPoG2IY
RSEcZc1HrqVF8jLTGmC96ingRwGhRANCAAQqPU4eFKbLMcQJ55++bvwTG6UgK/mo
WYG4fsHEYV2kkKC0ZXkC4g/mYmxcSrvptlKLz3CNt8lDrMf4S71UNUyb
-----END PRIVATE KEY-----`;

declare module "vitest" {
  interface ProvidedContext {
    receivers: ReceiverUrls;
  }
}

export interface ReceiverUrls {
  /** How it behaves is the path's first part; what was sent to a path is heard at the same path by GET. */
  readonly http: string;
  /** The same with TLS, at this machine's address: its certificate doesn't name that. */
  readonly https: string;
}

/** What was sent to a path. */
export interface Heard {
  readonly requests: readonly {
    readonly method: string;
    readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
    readonly body: string;
  }[];
  /** How often a sender went away before it had its answer. */
  readonly left: number;
}

/** Started once for each runtime whose tests want them. */
export async function setup(project: TestProject) {
  const { urls, close } = await startReceivers();
  project.provide("receivers", urls);
  return close;
}

export async function startReceivers(): Promise<{ readonly urls: ReceiverUrls; close(): Promise<void> }> {
  const receive = receiver();
  const servers = [createServer(receive), createTlsServer({ cert: certificate, key }, receive)] as const;
  for (const server of servers) server.listen(0, "127.0.0.1");
  await Promise.all(servers.map((server) => once(server, "listening")));
  const [http, https] = servers.map((server) => (server.address() as AddressInfo).port);
  return {
    urls: { http: `http://127.0.0.1:${http}`, https: `https://127.0.0.1:${https}` },
    close: async () => {
      await Promise.all(
        servers.map((server) => {
          server.close();
          server.closeAllConnections();
          return once(server, "close");
        }),
      );
    },
  };
}

function receiver(): RequestListener {
  const heard = new Map<string, { requests: Heard["requests"][number][]; left: number }>();
  return async (request, response) => {
    const url = new URL(request.url ?? "/", "http://receiver");
    const there = heard.get(url.pathname) ?? { requests: [], left: 0 };
    heard.set(url.pathname, there);
    if (request.method === "GET") return void response.end(JSON.stringify(there));
    const body = await bodyIn(request);
    there.requests.push({ method: request.method ?? "", headers: request.headers, body });
    response.once("close", () => (there.left += response.writableFinished ? 0 : 1));
    behave(url, response);
  };
}

async function bodyIn(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function behave({ pathname, searchParams }: URL, response: ServerResponse): void {
  const [, kind] = pathname.split("/");
  switch (kind) {
    case "silent":
      return;
    case "broken":
      return void response.destroy();
    case "drip":
      response.writeHead(200);
      return drip(() => response.write("."), response);
    case "drip-head": {
      const head = `HTTP/1.1 200 OK\r\nx-long: ${"x".repeat(10_000)}`;
      let at = 0;
      return drip(() => response.socket?.write(head[at++] ?? "x"), response);
    }
    case "huge":
      response.writeHead(200);
      return flood(response);
    case "bomb":
      response.writeHead(200, { "content-encoding": "gzip" });
      return flood(response);
    default: {
      const headers = Object.fromEntries(searchParams);
      return void response
        .writeHead(Number(kind), headers)
        .end(headers["content-length"] === "0" ? "" : "answer");
    }
  }
}

/** Until the sender has gone. */
function drip(write: () => unknown, response: ServerResponse): void {
  const timer = setInterval(write, 20);
  response.once("close", () => clearInterval(timer));
}

function flood(response: ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write("x".repeat(65_536)));
  };
  response.on("drain", more);
  more();
}
