import { getEventListeners } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, describe, expect, inject, it, vi } from "vitest";
import { undiciTransport } from "../../../src/node/vendors/undici-transport.ts";
import type { Transport } from "../../../src/providers/transport.ts";
import { itKeepsTheTransportsPromises } from "../../contracts/transport.ts";

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

  it("takes early hints for what they are, and joins a header that comes twice", async () => {
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

  const good = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
  it.each<[string, string[]]>([
    ["a 100", [`HTTP/1.1 100 Continue\r\n\r\n${good}`]],
    ["a 100 by itself", ["HTTP/1.1 100 Continue\r\n\r\n", good]],
    [
      "a 100 in pieces",
      [..."HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r", "\ncontent-length: 2\r\n\r\n{}"],
    ],
    ["several", [`HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\nx: y\r\n\r\n`, good]],
    ["one of no known meaning", [`HTTP/1.1 199 Whatever\r\n\r\n${good}`]],
    ["none, in pieces", [...good]],
  ])("bears an answer with informational ones before it that nobody asked for: %s", async (_, pieces) => {
    await withTcpServer(
      (socket) => {
        socket.setNoDelay(true);
        socket.on("data", () => void inTurn(socket, pieces));
      },
      async (url) => {
        // Twice: what was left out must not be taken for the next answer.
        for (let call = 0; call < 2; call++) {
          expect(await get(transport, url)).toMatchObject({ ok: true, value: { status: 200, text: "{}" } });
        }
      },
    );
  });

  it.each([
    ["a change of protocol", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"],
    ["an informational answer without an end", `HTTP/1.1 100 Continue\r\nx: ${"y".repeat(40_000)}`],
  ])("does not wait for more after %s", async (_, bytes) => {
    await withTcpServer(
      (socket) => {
        socket.once("data", () => socket.write(bytes));
      },
      async (url) => {
        expect(await get(transport, url)).toMatchObject({ ok: false, error: { fault: "connection" } });
      },
    );
  });

  it("tells of a connection that ends in the middle of an informational answer", async () => {
    await withTcpServer(
      (socket) => {
        socket.once("data", () => socket.end("HTTP/1.1 10"));
      },
      async (url) => {
        expect(await get(transport, url)).toMatchObject({ ok: false, error: { fault: "connection" } });
      },
    );
  });

  it("takes nothing out of a body that looks like an informational answer", async () => {
    const body = "HTTP/1.1 100 Continue\r\n\r\n";
    await withTcpServer(
      (socket) => {
        socket.setNoDelay(true);
        const pieces = [`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`, body];
        socket.on("data", () => void inTurn(socket, pieces));
      },
      async (url) => {
        expect(await get(transport, url)).toMatchObject({ ok: true, value: { text: body } });
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

  it("takes what is no gzip for a broken answer", async () => {
    await withServer(
      (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("{}"),
      async (url) => {
        expect(await get(transport, url)).toEqual({
          ok: false,
          error: { fault: "connection", code: "Z_DATA_ERROR" },
        });
      },
    );
  });

  it.each([
    ["GZIP", gzipSync],
    [" gzip , identity", gzipSync],
    ["zstd", zstdCompressSync],
    ["deflate, br", (text: string) => brotliCompressSync(deflateSync(text))],
    ["snappy", Buffer.from],
    ["snappy, gzip", Buffer.from],
    ["Identity", Buffer.from],
    ["", Buffer.from],
  ] as const)("reads an answer whose content-encoding is '%s'", async (encoding, pack) => {
    await withServer(
      (_, response) => response.writeHead(200, { "content-encoding": encoding }).end(pack('{"a":"ü"}')),
      async (url) => {
        expect(await get(transport, url)).toMatchObject({ ok: true, value: { text: '{"a":"ü"}' } });
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

describe("a connection that the server forgot", () => {
  it("is nobody's fault: 12 are forgotten, and 6 calls at once are answered, each over a new one", async () => {
    const own = undiciTransport();
    const vendor = await forgetfulVendor();
    const warm = await Promise.all(Array.from({ length: 12 }, () => get(own.transport, vendor.url)));
    expect(warm.every((sent) => sent.ok)).toBe(true);
    expect(vendor.connections()).toBe(12);
    vendor.forgetAll();
    const sent = await Promise.all(Array.from({ length: 6 }, () => get(own.transport, vendor.url)));
    expect(sent.map((one) => (one.ok ? one.value.status : one.error))).toEqual(Array(6).fill(200));
    expect(vendor.answered()).toBe(18);
    expect(vendor.connections()).toBe(18);
    await own.close();
    await vendor.stop();
  });

  it("is replaced, so that no more are open than may be, however many calls wait", async () => {
    const own = undiciTransport({ connectionsPerOrigin: 3 });
    const vendor = await forgetfulVendor();
    await Promise.all(Array.from({ length: 3 }, () => get(own.transport, vendor.url)));
    vendor.forgetAll();
    const sent = await Promise.all(Array.from({ length: 30 }, () => get(own.transport, vendor.url)));
    expect(sent.filter((one) => one.ok)).toHaveLength(30);
    expect(vendor.connections()).toBe(6);
    expect(vendor.mostOpen()).toBeLessThanOrEqual(3);
    await own.close();
    await vendor.stop();
  });

  type Deed = "answer" | "reset" | "end" | "beginAndReset" | "resetLate";
  const resetLateMs = 1_100;

  // What the server does with each request, in turn. The second comes over the connection of the first.
  it.each<[string, Deed[], boolean]>([
    ["reset by the second request", ["answer", "reset", "answer"], true],
    ["ended by the second request", ["answer", "end", "answer"], true],
    ["reset again, and new", ["answer", "reset", "reset"], false],
    ["reset after an answer had begun", ["answer", "beginAndReset"], false],
    ["reset more than a second later", ["answer", "resetLate"], false],
  ])("%s", async (_, deeds, isAnswered) => {
    const own = undiciTransport({ connectionsPerOrigin: 1 });
    let heard = 0;
    await withTcpServer(
      (socket) => {
        socket.on("data", () => perform(socket, deeds[heard++] ?? "answer"));
      },
      async (url) => {
        expect(await get(own.transport, url)).toMatchObject({ ok: true });
        expect(await get(own.transport, url)).toMatchObject(
          isAnswered ? { ok: true } : { ok: false, error: { fault: "connection" } },
        );
        expect(heard).toBe(deeds.length);
      },
    );
    await own.close();
  });

  it("and was never used is a fault: the request goes once", async () => {
    const own = undiciTransport();
    let requests = 0;
    await withTcpServer(
      (socket) => {
        socket.on("data", () => {
          requests++;
          socket.resetAndDestroy();
        });
      },
      async (url) => {
        expect(await get(own.transport, url)).toMatchObject({ ok: false, error: { fault: "connection" } });
        expect(requests).toBe(1);
      },
    );
    await own.close();
  });

  it("does not bring back a call that was given up meanwhile", async () => {
    const own = undiciTransport({ connectionsPerOrigin: 1 });
    const controller = new AbortController();
    let requests = 0;
    let connections = 0;
    await withTcpServer(
      (socket) => {
        connections++;
        socket.on("data", () => {
          requests++;
          if (requests !== 2) return perform(socket, "answer");
          controller.abort("hung_up");
          socket.resetAndDestroy();
        });
      },
      async (url) => {
        await get(own.transport, url);
        expect(await get(own.transport, url, { signal: controller.signal })).toEqual({
          ok: false,
          error: { fault: "aborted" },
        });
        // A call that was made again would have come before the next one.
        expect(await get(own.transport, url)).toMatchObject({ ok: true });
        expect({ requests, connections }).toEqual({ requests: 3, connections: 2 });
      },
    );
    await own.close();
  });

  function perform(socket: Socket, deed: Deed): void {
    switch (deed) {
      case "answer":
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
        return;
      case "reset":
        socket.resetAndDestroy();
        return;
      case "end":
        socket.end();
        return;
      case "beginAndReset":
        // Time for the other end to read it: only then is it an answer that had begun.
        socket.write("HTTP/1.1 2", () => setTimeout(() => socket.resetAndDestroy(), 50));
        return;
      case "resetLate":
        // The time is what is promised.
        setTimeout(() => socket.resetAndDestroy(), resetLateMs);
        return;
    }
  }
});

it("takes no more memory for an answer in pieces of one byte than for another", async () => {
  const bytes = 400_000;
  const almostAll = Promise.withResolvers<Socket>();
  await withTcpServer(
    (socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        socket.write("1\r\nx\r\n".repeat(bytes), () => almostAll.resolve(socket));
      });
    },
    async (url) => {
      const before = heldBytes();
      const answering = get(transport, url);
      const socket = await almostAll.promise;
      await vi.waitFor(() => expect(socket.writableLength).toBe(0), 30_000);
      // What the kernel still holds arrives within a turn or two of the loop, and nothing tells when it has.
      await new Promise((resolve) => {
        setTimeout(resolve, 200);
      });
      // An object for each piece would be some 100 MB.
      expect(heldBytes() - before).toBeLessThan(12_000_000);
      socket.write("0\r\n\r\n");
      const sent = await answering;
      expect(sent.ok && sent.value.text.length).toBe(bytes);
    },
  );
});

/** After all garbage is gone. */
function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

/** Keeps connections open, and forgets those that it had when it is told to: a request over one of them is answered with a reset. */
async function forgetfulVendor() {
  const open = new Set<Socket>();
  const forgotten = new Set<Socket>();
  let answered = 0;
  let connections = 0;
  let mostOpen = 0;
  const server = createServer((request, response) => {
    if (forgotten.has(request.socket)) {
      request.socket.resetAndDestroy();
      return;
    }
    answered++;
    // So long that those who are sent together are there together.
    setTimeout(() => response.end("{}"), 30);
  });
  server.keepAliveTimeout = 60_000;
  server.on("connection", (socket: Socket) => {
    connections++;
    open.add(socket);
    mostOpen = Math.max(mostOpen, open.size);
    socket.once("close", () => open.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    forgetAll: () => {
      for (const socket of open) forgotten.add(socket);
    },
    answered: () => answered,
    connections: () => connections,
    mostOpen: () => mostOpen,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** Each in a packet of its own. */
async function inTurn(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece);
    // Or the kernel would put it into one packet with the next.
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

async function withTcpServer(listener: (socket: Socket) => void, use: (url: string) => Promise<void>) {
  const open = new Set<Socket>();
  const server = createTcpServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined);
    listener(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    for (const socket of open) socket.destroy();
    server.close();
  }
}

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
