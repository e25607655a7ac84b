/** Chromium's own EventSource: does it hear of a ticket, come again where a stream breaks off, and stop when all is told? */
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { goodBody, post } from "../../support/answers.ts";
import { startService } from "../../support/processes.ts";
import type { Oracle } from "./oracle.ts";

const key = "lps_tenant_0123456789";
const authorization = `Bearer ${key}`;
const settings = {
  ENVIRONMENT: "test",
  API_KEYS: `maths:${createHash("sha256").update(key).digest("hex")}`,
  MOCK_LATENCY_MS: "4000",
};

export const oracle: Oracle = {
  tools: [
    {
      command: "chromium",
      versionArgs: ["--version"],
      debianPackage: "chromium",
      howToGet: "apt-get install --no-install-recommends chromium",
    },
  ],
  async ask(check) {
    const executablePath = execFileSync("/bin/sh", ["-c", "command -v chromium"], {
      encoding: "utf8",
    }).trim();
    // Root may not start it with its sandbox.
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    for (const platform of ["node", "workerd"] as const) {
      const folder = mkdtempSync(join(tmpdir(), "oracle-event-source-"));
      process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
      const service = await startService(platform, { folder, settings });
      const application = await ownServer(service.origin);
      for (const isCut of [false, true]) {
        const how = isCut ? "is cut off in the middle" : "lasts";
        await check(
          `each event once, in order, and nothing after the last, where the stream ${how}, on ${platform}`,
          async () => {
            const id = await ticket(service.origin);
            const page = await browser.newPage();
            await page.goto(application.origin);
            const listening = page.evaluate<Heard>(listenTo(`/events/${id}`));
            if (isCut) {
              await page.waitForFunction("heard.length > 1");
              application.cut();
            }
            const { heard, opened } = await listening;
            assert.deepEqual(heard, [
              ["1", "ticket.queued", "queued"],
              ["2", "ticket.processing", "processing"],
              ["3", "ticket.completed", "completed"],
            ]);
            // It comes once more after each end, and stops at the 204.
            assert.equal(opened, isCut ? 2 : 1);
            assert.equal(application.statuses.at(-1), 204);
            assert.equal(application.seen.at(-1), "3");
            await page.close();
          },
        );
      }
      application.close();
      await service.stop();
    }
    await browser.close();
  },
};

interface Heard {
  readonly heard: readonly (readonly [id: string, type: string, status: string])[];
  readonly opened: number;
}

async function ticket(origin: string): Promise<string> {
  const llm_config_overrides = { provider_override: "mock" };
  const body = { ...goodBody, llm_config_overrides, processing_mode: "queue" };
  const asked = await fetch(`${origin}/api/v1/comparison`, post(body, { headers: { authorization } }));
  assert.equal(asked.status, 202);
  return ((await asked.json()) as { readonly queue_id: string }).queue_id;
}

/** What the page runs: until its EventSource gives up, which it does when it is told that there is nothing more. */
function listenTo(path: string): string {
  return `new Promise((done) => {
    globalThis.heard = [];
    let opened = 0;
    const source = new EventSource(${JSON.stringify(path)});
    source.onopen = () => opened++;
    for (const type of ["queued", "processing", "completed", "failed", "expired", "cancelled"])
      source.addEventListener("ticket." + type, (event) => heard.push([event.lastEventId, event.type, JSON.parse(event.data).status]));
    source.onerror = () => source.readyState === EventSource.CLOSED && done({ heard, opened });
  })`;
}

/** An application's own server: a page, and the service behind it, to which it adds the key. No browser ever has that. */
async function ownServer(service: string) {
  const statuses: number[] = [];
  const seen: (string | undefined)[] = [];
  const streams = new Set<Socket>();
  const server = createServer((asked, answer) => {
    const [, id] = /^\/events\/(.*)$/.exec(asked.url ?? "") ?? [];
    if (id === undefined)
      return answer.writeHead(200, { "content-type": "text/html" }).end("<title>page</title>");
    const last = asked.headers["last-event-id"];
    seen.push(String(last ?? ""));
    const headers = { authorization, ...(last !== undefined && { "last-event-id": String(last) }) };
    const passed = request(`${service}/api/v1/status/${id}/events`, { headers }, (given) => {
      statuses.push(given.statusCode ?? 0);
      answer.writeHead(given.statusCode ?? 502, given.headers);
      given.pipe(answer);
    });
    streams.add(asked.socket);
    answer.on("close", () => passed.destroy());
    passed.on("error", () => answer.destroy()).end();
    return undefined;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    statuses,
    seen,
    /** Every stream breaks off. */
    cut: () => streams.forEach((socket) => socket.destroy()),
    close: () => server.close(),
  };
}
