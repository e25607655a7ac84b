/** What `docs/events.md` tells a newcomer to type is typed, word for word but for the ports, and does what it says. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";

const page = readFileSync("docs/events.md", "utf8");

it.each([
  ["js", "receive.mjs"],
  ["python", "receive.py"],
])("the receiver in %s that the page shows is the one that can be run", (language, file) => {
  const [, shown] = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "ms").exec(page) ?? [];
  expect(shown).toBe(readFileSync(join("docs/examples", file), "utf8"));
});

it("a newcomer sees a test arrive, an outage become a ticket, and its end arrive when the vendor is back", async () => {
  const [service, receiver, vendor] = await Promise.all([freePort(), freePort(), freePort()]);
  const typed = (text: string) =>
    text
      .replaceAll("9000", String(receiver))
      .replaceAll("receive.mjs", `receive.mjs ${receiver}`)
      .replaceAll("8090", String(vendor))
      .replaceAll("dev:upstream", `dev:upstream -- --port ${vendor}`)
      .replaceAll("localhost:8080", `127.0.0.1:${service}`);
  const section = /^## Trying it on one machine\n(.*?)^## /ms.exec(page)?.[1] ?? "";
  const [start = "", ask = "", comeBack = ""] = [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(
    ([, text = ""]) => typed(text),
  );
  const promised = /lines of the log,\n\n```\n(.*?)^```/ms.exec(section)?.[1]?.trim().split("\n") ?? [];
  expect(promised).toHaveLength(2);

  const env = { PORT: String(service), DATA_DIR: mkdtempSync(join(tmpdir(), "newcomer-")) };
  const first = terminal(start, env);
  await until(() => first.shown().includes('"event":"started"'));
  const second = terminal(ask, env);
  await until(() => second.shown().includes('"queue_id"'));
  expect(second.shown()).toContain('"delivered":true,"status":204');
  expect(heard(first.shown())).toEqual(["webhook.test"]);

  terminal(comeBack, env);
  await until(() => heard(first.shown()).length === promised.length);
  const [id] = /(?<="queue_id":")[^"]+/.exec(second.shown()) ?? [];
  expect(heard(first.shown())).toEqual(["webhook.test", `ticket.completed ${id}`]);
  expect(promised).toEqual(["webhook.test", expect.stringMatching(/^ticket\.completed [\da-f-]{36}$/)]);
}, 110_000);

/** What stands between the lines of the log. */
function heard(shown: string): readonly string[] {
  return shown
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^(webhook|ticket)\./.test(line));
}

/** Each in a process group of its own, which ends with the test. */
function terminal(text: string, env: Readonly<Record<string, string>>): { readonly shown: () => string } {
  const child = spawn("bash", ["-c", text], {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
    detached: true,
  });
  let shown = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (shown += String(chunk)));
  onTestFinished(() => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // All of it has ended.
    }
  });
  return { shown: () => shown };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = Date.now() + 45_000;
  while (!isSo()) {
    if (Date.now() > endMs) throw new Error(`It did not come to be: ${isSo.toString()}`);
    await pause(50);
  }
}
