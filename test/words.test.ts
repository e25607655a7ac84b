/**
 * One concept, one word (the README's glossary). Words that were given up don't come back as names, no exported name has two meanings, and what
 * a comment calls a file is one.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript-for-lua";
import { expect, it } from "vitest";

const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => join(folder, file));
const sources = filesOf("src").filter((file) => file.endsWith(".ts"));

/** Given up, and the word that stands for each now. Names in two words count as theirs: `ModelHold` is a `hold`. */
const retired: Readonly<Record<string, string>> = {
  core: "gate state",
  seat: "queue item",
  errand: "gate notice",
  outlook: "wait estimate",
  overview: "gate status",
  confirm: "enqueue",
  park: "requeue",
  parking: "requeueing",
  taker: "fetcher",
  news: "report, or wake message",
  revive: "decode",
  patient: "closed breaker",
  hold: "pause, or claim",
  holds: "pauses",
  standing: "place state",
};

/** Names that others rely on: methods that older Workers call, columns, and fields that are stored or sent between versions. */
const bound: readonly string[] = [
  "src/cloudflare/objects/gate-object.ts confirm",
  "src/cloudflare/objects/gate-object.ts outlook",
  "src/cloudflare/objects/gate-object.ts overview",
  "src/cloudflare/objects/gate-object.ts park",
  "src/domain/gate/call-report.ts holdMs",
  "src/domain/gate/gate.ts holds",
  "src/domain/gate/places.ts holdMs",
  "src/domain/gate/places.ts standing",
  "src/domain/gate/snapshot.ts holds",
];

/** What is no retired word though it has one in it. */
const otherWords = /^(mayHoldSecret|holdsAnAnswer)$/;

it("no name of the code is a word that was given up", () => {
  expect(sources.length).toBeGreaterThan(100);
  const found = sources.flatMap((file) => [...new Set(retiredNamesIn(file, readFileSync(file, "utf8")))]);
  expect(found.filter((name) => !bound.includes(name))).toEqual([]);
});

it.each([
  ["an interface", "export interface ModelHold {}"],
  ["a function", "function confirm() {}"],
  ["a parameter", "function f(seat: string) {}"],
  ["a variable", "const gateCore = 1;"],
  ["what is taken out of a value", "const { status: outlook } = gate;"],
  ["a method", "interface Gate { overview(): void }"],
  ["a private field", "class A { #core = 1 }"],
])("finds %s that is called so", (_, written) => {
  expect(retiredNamesIn("a.ts", written)).toHaveLength(1);
  expect(retiredNamesIn("a.ts", "const scored = parked + threshold + placeholder;")).toEqual([]);
});

it("no exported name has two meanings", () => {
  const files = new Map<string, string[]>();
  for (const file of sources) {
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(
      /^export (?:async )?(?:function|const|class|interface|type) (\w+)/gm,
    )) {
      files.set(name, [...(files.get(name) ?? []), file]);
    }
  }
  expect([...files].filter(([, places]) => places.length > 1)).toEqual([]);
});

it("every file that a comment or a page names is there", () => {
  const all = ["src", "test", "tools", "docs"].flatMap(filesOf);
  const isThere = (path: string) => all.some((file) => file === path || file.endsWith(`/${path}`));
  const named = [...all.filter((file) => /\.(ts|md)$/.test(file)), "README.md"].flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/`((?:[\w.-]+\/)*[\w.-]+\.ts)`/g)].map(([, path = ""]) => ({
      file,
      path,
    })),
  );
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter(({ path }) => !isThere(path) && !path.endsWith(".config.ts"))).toEqual([]);
});

/** Declared names, each with its file, one of whose words is retired. */
function retiredNamesIn(file: string, text: string): readonly string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if ((ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) && isDeclared(node)) {
      const words = node.text.split(/(?=[A-Z])|[^a-zA-Z]/).map((word) => word.toLowerCase());
      if (words.some((word) => Object.hasOwn(retired, word)) && !otherWords.test(node.text)) {
        found.push(`${file} ${node.text}`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true));
  return found;
}

/** Where a name is given, not used: an object's fields are those of its type, and an import's are another file's. */
function isDeclared(node: ts.Identifier | ts.PrivateIdentifier): boolean {
  const { parent } = node;
  return (
    (ts.isInterfaceDeclaration(parent) ||
      ts.isTypeAliasDeclaration(parent) ||
      ts.isClassDeclaration(parent) ||
      ts.isFunctionDeclaration(parent) ||
      ts.isVariableDeclaration(parent) ||
      ts.isParameter(parent) ||
      (ts.isBindingElement(parent) && !(parent.propertyName === undefined && isOfBoundField(node))) ||
      ts.isPropertySignature(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodDeclaration(parent)) &&
    parent.name === node
  );
}

/** A field that keeps its name may be taken out of its value under it. */
function isOfBoundField({ text }: ts.Identifier | ts.PrivateIdentifier): boolean {
  return ["holds", "standing", "holdMs"].includes(text);
}
