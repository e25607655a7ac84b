/** The walls of the house: what tries to climb one is refused by the linter, or by the compiler. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** In which folder, and the line that is to be refused there. */
const climbs: readonly (readonly [string, string])[] = [
  ["src/domain", 'import "./gate/gate.ts";'],
  ["src/domain", 'import "../gateway/ports.ts";'],
  ["src/domain/judging", 'import "../gate/gate.ts";'],
  ["src/domain/judging", 'import "../../wire/schemas.ts";'],
  ["src/domain/gate", 'import "../ticket/ticket.ts";'],
  ["src/domain/gate", "export const now = new Date();"],
  ["src/domain/gate", "export const known = new Map();"],
  ["src/domain/ticket", 'import "../../gateway/ports.ts";'],
  ["src/domain/ticket", 'import "zod";'],
  ["src/domain/ticket", "export const now = Date.now();"],
  ["src/domain/scaling", 'import "../judging/judgement.ts";'],
  ["src/domain/scaling", 'import "../ticket/ticket.ts";'],
  ["src/domain/scaling", 'import "../../wire/schemas.ts";'],
  ["src/domain/scaling", "export const now = Date.now();"],
  ["src/domain/scaling", "export const die = Math.random();"],
  ["src/domain/push", 'import "../ticket/ticket.ts";'],
  ["src/domain/push", "export const known = new Map();"],
  ["src/push", 'import "../http/errors.ts";'],
  ["src/push", 'import "../stores/redis/redis.ts";'],
  ["src/push", 'import "zod";'],
  ["src/push", "export const now = Date.now();"],
  ["src/gateway", 'import "../engine/gate-keeper.ts";'],
  ["src/gateway", 'import "../settings/config.ts";'],
  ["src/gateway", 'import "hono";'],
  ["src/gateway", "export const now = Date.now();"],
  ["src/engine", 'import "../stores/redis/redis.ts";'],
  ["src/engine/front", 'import "../../http/errors.ts";'],
  ["src/accounts", 'import "../http/errors.ts";'],
  ["src/providers", 'import "../http/errors.ts";'],
  ["src/providers/models", 'import "../../stores/redis/redis.ts";'],
  ["src/providers", "export const answer = fetch('https://example.org');"],
  ["src/stores/redis", 'import "../../http/errors.ts";'],
  ["src/stores/failover", 'import "../../providers/call.ts";'],
  ["src/stores/redis", 'import "node:fs";'],
  ["src/stores/redis", 'redis.call("FLUSHALL");'],
  ["src/wire", 'import "../gateway/ports.ts";'],
  ["src/wire", 'import "../http/errors.ts";'],
  ["src/wire", 'import "hono";'],
  ["src/push", 'import "../http/errors.ts";'],
  ["src/push", 'import "../settings/config.ts";'],
  ["src/push", 'import "undici";'],
  ["src/push", "export const answer = fetch('https://example.org');"],
  ["src/gateway", 'import "../push/post.ts";'],
  ["src/stores", 'import "../push/post.ts";'],
  ["src/http", 'import "../stores/redis/redis.ts";'],
  ["src/http", 'import "../providers/catalog.ts";'],
  ["src/http", 'import "../engine/gate-keeper.ts";'],
  ["src/http", 'import "../service.ts";'],
  ["src/http", 'import "node:fs";'],
  ["src/http", 'redis.call("FLUSHALL");'],
  ["src/telemetry", 'import "../wire/schemas.ts";'],
  ["src/telemetry", 'import "../http/errors.ts";'],
  ["src/settings", 'import "../http/errors.ts";'],
  ["src/settings", "export const port = process.env['PORT'];"],
  ["src/cloudflare/objects", 'import "../../node/main.ts";'],
  ["src/cloudflare", 'import "node:fs";'],
  ["src/node/sqlite", 'import "../../cloudflare/worker.ts";'],
  ["src/node", 'import "cloudflare:workers";'],
];

const folder = mkdtempSync(join(tmpdir(), "walls-"));
const refused = new Set<string>();
const fileOf = (at: number) => join(climbs[at]?.[0] ?? "", `climb-${at}.ts`);

beforeAll(() => {
  cpSync(".oxlintrc.json", join(folder, ".oxlintrc.json"));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  for (const [at, [, line]] of climbs.entries()) {
    mkdirSync(join(folder, dirname(fileOf(at))), { recursive: true });
    writeFileSync(join(folder, fileOf(at)), `${line}\n`);
  }
  const linter = resolve("node_modules/.bin/oxlint");
  const { stdout } = spawnSync(linter, ["--format", "json", "src"], { cwd: folder, encoding: "utf8" });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] };
  for (const { code, filename } of diagnostics) if (code.includes("no-restricted")) refused.add(filename);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the linter refuses", () => {
  it.each(climbs.map(([room, line], at) => [line, room, at] as const))("%s in %s", (_, __, at) => {
    expect([...refused]).toContain(fileOf(at));
  });
});

it("the compiler knows no Redis but in the script", () => {
  const file = join(folder, "climb.ts");
  writeFileSync(file, `import "${resolve("src/service.ts")}";\nredis.call("FLUSHALL");\n`);
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: resolve("src/tsconfig.json"), include: [], files: [file] }),
  );
  const compiler = resolve("node_modules/.bin/tsc");
  const { stdout } = spawnSync(compiler, ["-p", folder], { cwd: folder, encoding: "utf8" });
  expect(stdout.trim().split("\n")).toEqual([expect.stringContaining("Cannot find name 'redis'")]);
});
