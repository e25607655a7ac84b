/** `npm start` where the machine has another Node than the service needs, or the packages are missing. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";

vi.setConfig({ testTimeout: 60_000 });

/** As npm does it: the script, by a shell. @param packages whether they are there @param version of the Node that is found */
function startWith(packages: boolean, version: string) {
  const home = mkdtempSync(join(tmpdir(), "right-node-"));
  mkdirSync(join(home, "src/node"), { recursive: true });
  for (const file of ["package.json", "src/node/right-node.cjs"]) cpSync(file, join(home, file));
  // Whoever comes past the check ends here.
  writeFileSync(join(home, "src/node/main.ts"), 'process.stdout.write("the service");');
  if (packages) {
    mkdirSync(join(home, "node_modules/hono"), { recursive: true });
    writeFileSync(join(home, "node_modules/hono/index.js"), "");
  }
  const asOther = join(home, "other-version.cjs");
  writeFileSync(
    asOther,
    `Object.defineProperty(process.versions, "node", { value: ${JSON.stringify(version)} });`,
  );
  const path = `${join(process.execPath, "..")}:${process.env["PATH"]}`;
  const { status, stdout, stderr } = spawnSync("npm", ["start", "--silent"], {
    cwd: home,
    env: { PATH: path, HOME: home, NODE_OPTIONS: `--require ${asOther}` },
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

it.each(["20.20.2", "25.9.9"])(
  "Node %s is refused in a sentence that says which is needed and how to get it",
  (version) => {
    const { status, stdout, stderr } = startWith(true, version);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`runs on Node 26 or later, and this is Node ${version}.`);
    expect(stderr).toContain("npm rebuild node --ignore-scripts=false");
    expect(stderr).not.toMatch(/    at |ERR_/);
  },
);

it("missing packages are said in a sentence", () => {
  const { status, stdout, stderr } = startWith(false, "26.10.0");
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toBe("The packages of this service are not installed: npm ci installs them.\n");
});

it.each(["26.0.0", "27.1.0", "100.0.0"])("Node %s runs it", (version) => {
  expect(startWith(true, version)).toMatchObject({ status: 0, stdout: "the service" });
});
