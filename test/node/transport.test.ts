import { getEventListeners } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, inject, it } from "vitest";
import { undiciTransport } from "../../src/node/undici-transport.ts";
import type { Transport } from "../../src/providers/transport.ts";
import { itKeepsTheTransportsPromises } from "../contracts/transport.ts";

const { transport, close } = undiciTransport();
afterAll(() => close());

itKeepsTheTransportsPromises(transport, inject("fakeUpstreamUrl"));

describe("on Node", () => {
  it("leaves no listener on a signal that outlives its calls", async () => {
    const { signal } = new AbortController();
    await withServer(
      (_, response) => response.end("{}"),
      async (url) => {
        for (let call = 0; call < 20; call++) await get(transport, url, { signal });
        await get(transport, "http://127.0.0.1:1/", { signal });
        await get(transport, url, { signal, maxAnswerBytes: 1 });
      },
    );
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("uses its connections again", async () => {
    const ports = new Set<number | undefined>();
    await withServer(
      (request, response) => {
        ports.add(request.socket.remotePort);
        response.end("{}");
      },
      async (url) => {
        for (let call = 0; call < 20; call++) await get(transport, url);
      },
    );
    // The second is opened while the first is still being tidied up.
    expect(ports.size).toBeLessThanOrEqual(2);
  });

  it("has no more connections than it may; who waits for one and gives up is never sent", async () => {
    const one = undiciTransport({ connectionsPerOrigin: 1 });
    const heard: (string | undefined)[] = [];
    const release = Promise.withResolvers<void>();
    await withServer(
      (request, response) => {
        heard.push(request.url);
        void release.promise.then(() => response.end("{}"));
      },
      async (url) => {
        const first = get(one.transport, `${url}/first`);
        const controller = new AbortController();
        const second = get(one.transport, `${url}/second`, { signal: controller.signal });
        controller.abort("timeout");
        expect(await second).toEqual({ ok: false, error: { fault: "aborted" } });
        const third = get(one.transport, `${url}/third`, { signal: controller.signal });
        expect(await third).toEqual({ ok: false, error: { fault: "aborted" } });
        release.resolve();
        expect(await first).toMatchObject({ ok: true });
        expect(await get(one.transport, `${url}/fourth`)).toMatchObject({ ok: true });
        await one.close();
      },
    );
    expect(heard).toEqual(["/first", "/fourth"]);
  });

  it("takes early hints for what they are", async () => {
    await withServer(
      (_, response) => {
        response.writeEarlyHints({ link: "</x>; rel=preload" });
        response.writeHead(200, { "x-two": ["a", "b"] }).end("{}");
      },
      async (url) => {
        const sent = await get(transport, url);
        expect(sent).toMatchObject({ ok: true, value: { status: 200, text: "{}" } });
        expect(sent.ok && sent.value.header("x-two")).toBe("a, b");
      },
    );
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["deflate", deflateSync],
  ] as const)("unpacks %s up to the limit, though nobody asked for it", async (encoding, compress) => {
    await withServer(
      (_, response) =>
        response.writeHead(200, { "content-encoding": encoding }).end(compress("x".repeat(10_000))),
      async (url) => {
        const whole = await get(transport, url, { maxAnswerBytes: 10_000 });
        expect(whole).toMatchObject({ ok: true, value: { text: "x".repeat(10_000) } });
        const cut = await get(transport, url, { maxAnswerBytes: 9_999 });
        expect(cut).toEqual({ ok: false, error: { fault: "too_large", status: 200 } });
      },
    );
  });

  it.each([
    ["gzip", "Z_DATA_ERROR"],
    ["snappy", "UNKNOWN_CONTENT_ENCODING"],
  ])("takes what is no %s for a broken answer", async (encoding, code) => {
    await withServer(
      (_, response) => response.writeHead(200, { "content-encoding": encoding }).end("{}"),
      async (url) => {
        expect(await get(transport, url)).toEqual({ ok: false, error: { fault: "connection", code } });
      },
    );
  });

  it("refuses an answer by the length that it tells, before it comes", async () => {
    await withServer(
      (_, response) => {
        response.writeHead(200, { "content-length": "5000000" }).flushHeaders();
      },
      async (url) => {
        expect(await get(transport, url)).toEqual({ ok: false, error: { fault: "too_large", status: 200 } });
      },
    );
  });

  it.each([
    ["a body shorter than it says", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}", "UND_ERR_SOCKET"],
    ["no HTTP", "hello\r\n\r\n", "HTTPParserError"],
    ["nothing", "", "UND_ERR_SOCKET"],
  ])("tells by its code of a server that sends %s", async (_, bytes, code) => {
    const server = createTcpServer((socket) => {
      socket.once("data", () => socket.end(bytes));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as AddressInfo;
    const sent = await get(transport, `http://127.0.0.1:${port}/`);
    expect(sent).toEqual({ ok: false, error: { fault: "connection", code } });
    server.close();
  });

  it("gives the system's code where nobody listens, and where no such host is", async () => {
    expect(await get(transport, "http://127.0.0.1:1/")).toEqual({
      ok: false,
      error: { fault: "connection", code: "ECONNREFUSED" },
    });
    expect(await get(transport, "http://no-such-host.invalid/")).toMatchObject({
      error: { fault: "connection", code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/) as string },
    });
  });

  it("once closed, sends nothing more, and its calls under way end first", async () => {
    const own = undiciTransport();
    const release = Promise.withResolvers<void>();
    const heard = Promise.withResolvers<void>();
    await withServer(
      (_, response) => {
        heard.resolve();
        void release.promise.then(() => response.end("{}"));
      },
      async (url) => {
        const underWay = get(own.transport, url);
        await heard.promise;
        const closing = own.close();
        expect(await get(own.transport, url)).toEqual({
          ok: false,
          error: { fault: "connection", code: "UND_ERR_CLOSED" },
        });
        release.resolve();
        expect(await underWay).toMatchObject({ ok: true });
        await closing;
      },
    );
  });
});

function get(
  own: Transport,
  url: string,
  { signal = new AbortController().signal, maxAnswerBytes = 1_048_576 } = {},
): ReturnType<Transport> {
  return own({ method: "GET", url, headers: {}, body: null, maxAnswerBytes }, signal);
}

async function withServer(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
