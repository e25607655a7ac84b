/** No function is longer than a screen or two, so that each can be read whole. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript-for-lua";
import { expect, it } from "vitest";

const mostLines = 80;

/** Longer than they may be, until whoever rebuilds their rooms has shortened them. */
const toBeShortened: readonly string[] = [
  "src/stores/redis/script/places.ts redisPlaces",
  "src/stores/redis/script/tickets.ts ticketScripts",
  "src/stores/redis/tickets.ts redisTickets",
];

it("has no function of more than 80 lines but tables", () => {
  const names = readdirSync("src", { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => name.endsWith(".ts")).map((name) => join("src", name));
  expect(files.length).toBeGreaterThan(100);
  const long = files.flatMap((file) => longFunctionsOf(file, readFileSync(file, "utf8")));
  expect(long.toSorted()).toEqual(toBeShortened);
});

it.each([
  ["a declaration", (lines: string) => `export function long() {${lines}}`],
  ["an arrow function", (lines: string) => `const long = () => {${lines}};`],
  ["an arrow function that only returns", (lines: string) => `const long = () => [${lines}];`],
  ["a method", (lines: string) => `class Room { long() {${lines}} }`],
  ["a method of an object", (lines: string) => `const room = { long() {${lines}} };`],
  ["a private method", (lines: string) => `class Room { #long() {${lines}} }`],
  ["a setter", (lines: string) => `class Room { set long(value: number) {${lines}} }`],
  ["a constructor", (lines: string) => `class Room { constructor() {${lines}} }`],
  ["a function given to another", (lines: string) => `call(function () {${lines}});`],
  ["one within another", (lines: string) => `function outer() { return () => {${lines}}; }`],
  ["one with its parameters", (lines: string) => `function long(${lines}) {}`],
  [
    "a switch that does more than tell",
    (lines: string) => `function long(a: 1) { switch (a) { case 1: {${lines}} } }`,
  ],
])("finds %s of 81 lines, and none of 80", (_, written) => {
  expect(longFunctionsOf("a.ts", written("\n".repeat(mostLines - 1)))).toEqual([]);
  expect(longFunctionsOf("a.ts", written("\n".repeat(mostLines)))).not.toEqual([]);
});

it("lets a table be as long as its matter", () => {
  const rows = "case 1: return {\n kind: 1,\n};\ncase 2:\ncase 3: return { kind: 2 };\n".repeat(40);
  expect(longFunctionsOf("a.ts", `function rows(a: 1) { const b = a;\nswitch (b) { ${rows} } }`)).toEqual([]);
});

/** @returns file and name of each */
function longFunctionsOf(file: string, text: string): readonly string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lineAt = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
      const lines = lineAt(node.getEnd()) - lineAt(node.getStart(source)) + 1;
      if (lines > mostLines && !isTable(node.body)) found.push(`${file} ${nameOf(node)}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** One `switch`, before it at most names, and in each case nothing but what is returned. */
function isTable(body: ts.Node): boolean {
  if (!ts.isBlock(body)) return false;
  const names = body.statements.slice(0, -1);
  const last = body.statements.at(-1);
  return (
    names.every(ts.isVariableStatement) &&
    last !== undefined &&
    ts.isSwitchStatement(last) &&
    last.caseBlock.clauses.every(({ statements }) => statements.every(ts.isReturnStatement))
  );
}

function nameOf(node: ts.SignatureDeclaration): string {
  const { name = "name" in node.parent ? node.parent.name : undefined } = node as { name?: ts.Node };
  return (name as ts.Node | undefined)?.getText() ?? "(nameless)";
}
