/**
 * Memory of a process as users start it, under a crowd of the largest bodies at once, over HTTP and measured at the process. The bound is that of
 * docs/operate.md, "Memory", and is what a container of 1 GB leaves.
 */
import { readFileSync } from "node:fs";
import { Agent, createServer, request as send } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { startNodeService } from "../support/node-service.ts";
import { peakBytes } from "../support/one-byte-chunks.ts";

const mebibyte = 1_048_576;
const bound = 800 * mebibyte;
const requests = 600;

/** As large as may be: 415 KB, of which one curly quote in each text makes V8 hold two bytes for each letter. */
const curly = bodyOf("x".repeat(199_998), "’");
const accents = bodyOf("é".repeat(199_999), "é");

function bodyOf(essay: string, last: string): Buffer {
  const [essay_a, essay_b] = [`${essay}${last}`, `${last}${essay}`];
  const metadata = { note: "x".repeat(16_000) };
  return Buffer.from(JSON.stringify({ user_prompt: "?".repeat(19_000) + last, essay_a, essay_b, metadata }));
}

/** A vendor that reads what it is sent, and says nothing for so long that all are under way together; then it is overloaded. */
async function slowVendor(delayMs: number): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    incoming.resume().on("end", () => {
      const error = { message: "Overloaded", type: "server_error", param: null, code: null };
      setTimeout(() => outgoing.writeHead(503).end(JSON.stringify({ error })), delayMs);
    });
  });
  server.listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** By the command of `npm start`, run as npm does; the shell gives its process to the service. */
async function serviceAt(vendor: string) {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
    readonly scripts: { start: string };
  };
  const service = await startNodeService(
    {
      PATH: `${resolve("node_modules/.bin")}:${process.env["PATH"] ?? ""}`,
      OPENAI_API_KEY: "sk-memory",
      OPENAI_BASE_URL: vendor,
      DEFAULT_LLM_PROVIDER: "openai",
    },
    { command: ["sh", "-c", scripts.start] },
  );
  onTestFinished(async () => void (await service.stop()));
  return service;
}

interface Way {
  /** Without a length said before. */
  readonly isChunked?: boolean;
}

const agent = new Agent({ maxSockets: Infinity });

/** @returns status and type of the answer */
function compare(url: string, body: Buffer, { isChunked = false }: Way): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/json",
      ...(isChunked ? {} : { "content-length": String(body.length) }),
    };
    const options = { method: "POST", agent, headers };
    const outgoing = send(`${url}/api/v1/comparison`, options, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      incoming.on("end", () => {
        const { error_type: type = "" } = JSON.parse(text) as { readonly error_type?: string };
        resolve(`${incoming.statusCode} ${type}`.trim());
      });
    });
    outgoing.on("error", reject);
    outgoing.write(body.subarray(0, 1_000));
    outgoing.end(body.subarray(1_000));
  });
}

const expected = ["202", "503 SERVICE_UNAVAILABLE", "503 QUEUE_FULL"];

it.each<[name: string, body: Buffer, vendorMs: number, way: Way]>([
  ["of two bytes a letter, under way together", curly, 10_000, {}],
  ["of accents, whose length nobody says", accents, 10_000, { isChunked: true }],
])(
  "stays within its bound under 600 of the largest bodies %s, and answers every one",
  { timeout: 300_000 },
  async (_, body, vendorMs, way) => {
    const service = await serviceAt(await slowVendor(vendorMs));
    const answers = await Promise.all(
      Array.from({ length: requests }, () => compare(service.url, body, way)),
    );
    const peak = peakBytes(service.pid);
    expect(answers.filter((answer) => !expected.includes(answer))).toEqual([]);
    expect(answers.filter((answer) => answer === "202").length).toBeGreaterThan(50);
    expect(peak / mebibyte).toBeLessThan(bound / mebibyte);
  },
);
