/** `npm run models:check`, as a person runs it, against the fake upstream. */
import { execFile } from "node:child_process";
import { expect, inject, it } from "vitest";
import { fakeLane, type Lane } from "../../tools/fake-upstream/client.ts";

/** @param env beside what the process needs anyway */
function check(
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; lines: string[]; errors: string }> {
  return new Promise((resolve) => {
    const command = [new URL("../../src/node/models-check.ts", import.meta.url).pathname];
    execFile(process.execPath, command, { env }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), lines: stdout.trimEnd().split("\n"), errors: stderr });
    });
  });
}

const newLane = () => fakeLane(inject("fakeUpstreamUrl"), crypto.randomUUID());

const keysFor = ({ baseUrls }: Lane) => ({
  ANTHROPIC_API_KEY: "k-anthropic",
  ANTHROPIC_BASE_URL: baseUrls.anthropic,
  OPENAI_API_KEY: "k-openai",
  OPENAI_BASE_URL: baseUrls.openai,
  GOOGLE_API_KEY: "k-google",
  GOOGLE_BASE_URL: baseUrls.google,
  OPENROUTER_API_KEY: "k-openrouter",
  OPENROUTER_BASE_URL: baseUrls.openrouter,
});

it("asks each vendor for its list once, and prints where the catalogue differs", async () => {
  const lane = newLane();
  await lane.script([
    {
      fault: "raw",
      on: "models",
      vendor: "openai",
      body: { data: [{ id: "gpt-6.1-terra", shutdown_date: "2027-06-01" }, { id: "gpt-7-nova" }] },
    },
  ]);
  const { code, lines } = await check(keysFor(lane));
  expect(code).toBe(1);
  expect(lines).toContain(
    "  gpt-6.1-terra ends on 2027-06-01 by the list, and on no day yet by the catalogue",
  );
  expect(lines).toContain("  gpt-7-nova is listed, and not in the catalogue");
  expect(lines).toContain("  gpt-6-luna is not listed");
  const asked = await lane.requests("models");
  expect(asked.map(({ vendor, path }) => `${vendor} ${path}`)).toEqual([
    "anthropic /v1/models?limit=1000",
    "openai /v1/models",
    "google /v1beta/models?pageSize=1000",
    "openrouter /api/v1/models",
  ]);
});

it("finds nothing where the lists are as the catalogue has them, but for models whose end is past", async () => {
  const { lines } = await check(keysFor(newLane()));
  const told = lines.filter((line) => line.startsWith("  ") && !line.endsWith("is past"));
  expect(told).toEqual([]);
  expect(lines.filter((line) => / models are listed, /.test(line))).toHaveLength(4);
});

it("goes on where one vendor can't be asked, and says so by its exit code", async () => {
  const lane = newLane();
  await lane.script([{ fault: "serverError", on: "models", vendor: "google" }]);
  const { code, lines } = await check({ ...keysFor(lane), ANTHROPIC_API_KEY: "bad-key" });
  expect(code).toBe(2);
  expect(lines).toContain("google: could not be asked: HTTP 500");
  expect(lines).toContain("anthropic: could not be asked: HTTP 401");
  expect(lines.join("\n")).toMatch(/^openrouter: \d+ models are listed/m);
  expect(lines.join("\n")).not.toContain("bad-key");
});

it("needs a key", async () => {
  const { code, lines } = await check({});
  expect(code).toBe(2);
  expect(lines).toEqual([
    "anthropic: no key here",
    "openai: no key here",
    "google: no key here",
    "openrouter: no key here",
  ]);
});

it("tells of settings that are wrong", async () => {
  const { code, errors } = await check({ PORT: "many" });
  expect(code).toBe(2);
  expect(errors).toContain("PORT");
});
