/** What the project promises about itself. */
import { readFileSync } from "node:fs";
import { unstable_readConfig as readConfig } from "wrangler";
import { expect, it } from "vitest";
import { version } from "../src/version.ts";

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as {
  version: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

it("tells its own version", () => {
  expect(version).toBe(manifest.version);
});

it("pins every dependency to one version", () => {
  const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
  expect(versions.filter((version) => !/^(npm:[\w-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

it("keeps Workers' response cache off: a hit would be an old judgement, given before the key is checked", () => {
  const config = readConfig({ config: "wrangler.toml" }) as { cache?: { enabled?: boolean } };
  expect(config.cache).toEqual({ enabled: false });
});

it("deploys as production, so that a Worker with nothing set is closed", () => {
  const config = readConfig({ config: "wrangler.toml" });
  expect(config.vars).toEqual({ ENVIRONMENT: "production" });
});

it("hears of clients that hang up", () => {
  expect(readConfig({ config: "wrangler.toml" }).compatibility_flags).toContain("enable_request_signal");
});
