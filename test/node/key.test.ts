import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseConfig } from "../../src/settings/config.ts";

const script = join(import.meta.dirname, "../../src/node/key.ts");

function key(...names: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...names], { encoding: "utf8" });
  return { status, stdout, stderr };
}

it("makes a key that the printed entry lets in, and another one each time", () => {
  const keys = ["essay-team", "essay-team"].map((tenant) => {
    const { status, stdout, stderr } = key(tenant);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [made = ""] = /^lps_[\w-]{43}$/m.exec(stdout) ?? [];
    const [entry = ""] = /^essay-team:\S+$/m.exec(stdout) ?? [];
    // Once: what is printed twice is copied into the wrong place.
    expect(stdout.split(made)).toHaveLength(2);
    const sha256 = createHash("sha256").update(made).digest("hex");
    const parsed = parseConfig({ ENVIRONMENT: "production", API_KEYS: entry }, "node");
    expect(parsed.ok && parsed.value.access).toEqual({
      kind: "keys",
      keys: [{ tenant: "essay-team", sha256 }],
    });
    return made;
  });
  expect(new Set(keys).size).toBe(2);
});

it.each([[[]], [[""]], [["two words"]], [["a:b"]], [["a", "b"]], [["t".repeat(65)]], [["--help"]]])(
  "%j is answered with the usage, no key, and exit code 2",
  (names) => {
    const { status, stdout, stderr } = key(...names);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^Usage: npm run key -- NAME\n/);
  },
);
