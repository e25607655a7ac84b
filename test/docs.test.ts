/** What is written about the house is true of it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const inDocs = readdirSync("docs", { recursive: true, encoding: "utf8" }).map((file) => join("docs", file));
const besideCode = ["test/README.md", "tools/fake-upstream/README.md", "tools/load/README.md"];
const pages = ["README.md", ...besideCode, ...inDocs.filter((file) => file.endsWith(".md"))];

it.each(pages)("every file that %s names is there", (page) => {
  const named =
    readFileSync(page, "utf8").match(/(?<![\w/.-])(?:src|test|tools|docs|deploy)\/[\w./-]*\w/g) ?? [];
  expect(named.filter((path) => !existsSync(path))).toEqual([]);
});

it.each(pages)("every script that %s runs is there", (page) => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: object };
  const named = readFileSync(page, "utf8").matchAll(/\bnpm run (?:-s )?([\w:-]+)/g);
  expect([...named].map(([, name]) => String(name)).filter((name) => !(name in scripts))).toEqual([]);
});
