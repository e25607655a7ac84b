import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseConfig } from "../../src/settings/config.ts";

const script = join(import.meta.dirname, "../../src/node/webhook.ts");

function webhook(...given: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...given], { encoding: "utf8" });
  return { status, stdout, stderr };
}

it("prints entries that the settings take, with another secret each time, shown once", () => {
  const url = "https://hooks.example/in?key=1";
  const secrets = [1, 2].map(() => {
    const { status, stdout, stderr } = webhook("maths/main", url);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [WEBHOOK_SECRETS = ""] = /^maths\/main=whsec_\S+$/m.exec(stdout) ?? [];
    const [secret = ""] = /whsec_\S{40,}/.exec(WEBHOOK_SECRETS) ?? [];
    expect(stdout.split(secret)).toHaveLength(2);
    const [WEBHOOK_URLS = ""] = /^maths\/main=https\S+$/m.exec(stdout) ?? [];
    expect(stdout).not.toContain("WEBHOOK_ALLOW_PRIVATE");
    const parsed = parseConfig({ WEBHOOK_URLS, WEBHOOK_SECRETS }, "node");
    expect(parsed.ok ? parsed.value.webhooks.endpoints : parsed.error).toEqual([
      { tenant: "maths", name: "main", url, secrets: [secret] },
    ]);
    return secret;
  });
  expect(new Set(secrets).size).toBe(2);
});

it("says what http:// to another machine needs", () => {
  expect(webhook("local/main", "http://hooks.example").stdout).toContain("needs WEBHOOK_ALLOW_PRIVATE=true");
  expect(webhook("local/main", "http://localhost:9000").stdout).not.toContain("WEBHOOK_ALLOW_PRIVATE");
});

it.each([
  [[]],
  [["--help"]],
  [["maths/main"]],
  [["maths", "https://hooks.example"]],
  [["main", "https://hooks.example"]],
  [["maths/two words", "https://hooks.example"]],
  [["maths/main", "hooks.example"]],
  [["maths/main", "https://hooks.example https://two.example"]],
  [["maths/main", "https://hooks.example a/b=https://two.example"]],
  [["maths/main", "https://user:canary@hooks.example"]],
  [["maths/main", "https://hooks.example/#canary"]],
  [["maths/main", "https://hooks.example", "more"]],
  [["https://hooks.example", "maths/main"]],
])("%j is answered with the usage, no secret, and exit code 2", (given) => {
  const { status, stdout, stderr } = webhook(...given);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(/^Usage: npm run webhook -- TENANT\/NAME URL\n/);
  expect(stderr).not.toContain("canary");
});
