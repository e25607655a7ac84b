/**
 * Compiles the script that Redis runs from the sources that it shares with the rest of the service; and what tests put into that script, to ask
 * its gate more than the service does. With `--check` it only compares.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { dirname, join, relative } from "node:path";
import type { CallExpression as Call, Expression, Plugin, TableExpression as Table } from "typescript-to-lua";

// The compiler to Lua needs an older TypeScript than the project's own, which has no programming interface.
registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier === "typescript" ? "typescript-for-lua" : specifier, context),
});
const lua = await import("typescript-to-lua");
const ts = await import("typescript-for-lua");

const project = join(import.meta.dirname, "..");
const root = join(project, "src");
const globals = `${root}/stores/redis/script/redis.d.ts`;

/** Of the older TypeScript: the types that its user declares are those of the project's own. */
interface Checker {
  getTypeAtLocation(node: unknown): Type;
  getSymbolAtLocation(node: unknown): Named | undefined;
  getShorthandAssignmentValueSymbol(node: unknown): Named | undefined;
  getAliasedSymbol(symbol: Named): Named;
}
interface Named {
  readonly declarations?: readonly Declaration[];
}
interface Declaration {
  readonly kind: number;
  readonly name?: { readonly text: string };
  readonly propertyName?: { readonly text: string };
  readonly parent?: Declaration;
  readonly moduleSpecifier?: { readonly text: string };
  readonly initializer?: { readonly kind: number; readonly text?: string };
  readonly flags: number;
}
interface Type {
  readonly flags: number;
  /** Of a union. */
  readonly types?: readonly Type[];
}

/**
 * In Lua a field that is `null` is not there: `{ ...core, credentials: null }` would leave the credentials as they were. So what is written
 * beside a spread says that it may be nothing, and the assignment takes it away.
 */
const plugin: Plugin = {
  visitors: {
    /** What is imported is looked for where it is used, so that a run makes only the modules that it needs. */
    [ts.SyntaxKind.Identifier](node, context) {
      const made = context.superTransformExpression(node);
      const checker = context.checker as object as Checker;
      const symbol = checker.getSymbolAtLocation(node);
      const imported = importOf(symbol);
      const number = symbol && constantIn(imported === null ? symbol : checker.getAliasedSymbol(symbol));
      if (number !== undefined && number !== null) return lua.createNumericLiteral(number);
      if (imported === null) return made;
      const file = join(dirname(context.sourceFile.fileName), imported.from);
      const name = relative(root, file).replace(/\.ts$/, "").replaceAll("/", ".");
      const module = lua.createTableIndexExpression(
        lua.createIdentifier("____modulesInUse"),
        lua.createStringLiteral(name),
      );
      return lua.createTableIndexExpression(module, lua.createStringLiteral(imported.name));
    },
    [ts.SyntaxKind.ObjectLiteralExpression](node, context) {
      for (const property of node.properties) {
        const symbol = (context.checker as object as Checker).getShorthandAssignmentValueSymbol(property);
        if (importOf(symbol) !== null) {
          fail(`${node.getSourceFile().fileName}: "${property.getText()}" is imported: give it a name here.`);
        }
      }
      const made = context.superTransformExpression(node);
      if (!lua.isCallExpression(made)) return made;
      const [empty, source, fields, more] = made.params;
      const isChange =
        empty !== undefined &&
        lua.isTableExpression(empty) &&
        empty.fields.length === 0 &&
        more === undefined;
      if (isChange && source !== undefined && fields !== undefined && lua.isTableExpression(fields)) {
        return changeOf(source, fields, node.properties.slice(1), context.checker as object as Checker);
      }
      // The first is the one that is assigned to: there is nothing to take away in it.
      for (const part of made.params.slice(1).filter(lua.isTableExpression)) {
        for (const field of part.fields) field.value = asField(field.value);
      }
      return made;
    },
    /** What is `null` leaves a gap in a list, and Lua takes a gap for its end. */
    [ts.SyntaxKind.ArrayLiteralExpression](node, context) {
      for (const element of node.elements) {
        if (has(nothing, element, context.checker as object as Checker)) {
          fail(`${node.getSourceFile().fileName}: "${node.getText()}" is a list with what may be nothing.`);
        }
      }
      return context.superTransformExpression(node);
    },
    /** 0 and "" are true in Lua. */
    [ts.SyntaxKind.BinaryExpression](node, context) {
      const isLogical = [ts.SyntaxKind.BarBarToken, ts.SyntaxKind.AmpersandAmpersandToken].includes(
        node.operatorToken.kind,
      );
      const left = (context.checker as object as Checker).getTypeAtLocation(node.left);
      const types = left.types ?? [left];
      if (
        isLogical &&
        types.some(({ flags }) => (flags & (ts.TypeFlags.NumberLike | ts.TypeFlags.StringLike)) !== 0)
      ) {
        fail(
          `${node.getSourceFile().fileName}: "${node.getText()}" takes a number or text for true or false.`,
        );
      }
      return context.superTransformExpression(node);
    },
  },
};
const nothing = ts.TypeFlags.Null | ts.TypeFlags.Undefined;
const prelude = `local ____nothing = {}
local function ____field(value)
    if value == nil then return ____nothing end
    return value
end
local function ____with(source, fields)
    for key, value in next, source do
        if fields[key] == nil then fields[key] = value end
    end
    return fields
end
local function ____without(source, fields, ...)
    ____with(source, fields)
    for i = 1, select("#", ...) do
        local key = select(i, ...)
        if fields[key] == ____nothing then fields[key] = nil end
    end
    return fields
end
local ____lualib
local ____modulesInUse = {}
`;
/** Before the first module is asked for. */
const start = `____lualib = require("lualib_bundle")
setmetatable(____modulesInUse, { __index = function(modules, name)
    local module = ____modules[name](name)
    modules[name] = module
    return module
end })
`;

const script = [
  "-- Generated by `npm run lua` from src/stores/redis/script and what it imports. Don't edit.\n",
  prelude,
  changed(withoutImports(bundleOf(`${root}/stores/redis/script/entry.ts`, root)), [
    [
      "target[key] = source[key]",
      "local value = source[key]\n                if value == ____nothing then value = nil end\n                target[key] = value",
    ],
    // Redis has no `require` of its own, and takes it ill to be asked.
    ["local ____originalRequire = require\n", "local ____originalRequire = nil\n"],
    ["local ____entry = require(", `${start}local ____entry = require(`],
    ["return ____entry\n", "return ____entry.reply\n"],
  ]),
].join("");
write("src/stores/redis/script/compiled.lua", script);

// The module alone: what it imports is in the script that ships (`test/support/redis/bare-script.ts`).
const bare = modulesIn(withoutImports(bundleOf(`${project}/test/support/redis/script/bare.ts`, project)));
const last = bare.at(-1) ?? "";
write(
  "test/support/redis/script/bare.lua",
  `-- Generated by \`npm run lua\` from test/support/redis/script/bare.ts. Don't edit.\n${last.slice(0, last.lastIndexOf("\n}\n") + 1)}`,
);

/** @returns all modules that it needs, and what asks for the first of them */
function bundleOf(entry: string, rootDir: string): string {
  let bundle = "";
  const { diagnostics } = lua.transpileFiles(
    [entry, globals],
    {
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      lib: ["lib.es2024.d.ts"],
      types: [],
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      allowImportingTsExtensions: true,
      rewriteRelativeImportExtensions: true,
      rootDir,
      outDir: rootDir,
      luaTarget: lua.LuaTarget.Lua51,
      luaLibImport: lua.LuaLibImportKind.RequireMinimal,
      luaBundle: "compiled.lua",
      luaBundleEntry: entry,
      luaPlugins: [{ plugin }],
      noHeader: true,
    },
    (_name: string, text: string) => {
      bundle = text;
    },
  );
  for (const { messageText, file, start } of diagnostics) {
    fail(`${file?.fileName}:${start}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);
  }
  return bundle;
}

/** @param path in the project */
function write(path: string, text: string): void {
  const target = join(project, path);
  if (!process.argv.includes("--check")) writeFileSync(target, text);
  else if (readFileSync(target, "utf8") !== text) fail(`${path} is out of date: npm run lua`);
}

/**
 * `{ ...source, some: fields }`, the most frequent form by far: what is written beside the spread becomes the copy. The names of what may be
 * nothing follow.
 *
 * @param written those fields as they stand in the source
 */
function changeOf(
  source: Expression,
  fields: Table,
  written: readonly { readonly initializer?: unknown; readonly name?: unknown }[],
  checker: Checker,
): Call {
  const absent: Expression[] = [];
  for (const [index, field] of fields.fields.entries()) {
    const { initializer, name } = written[index] ?? {};
    if (!has(nothing | ts.TypeFlags.Any | ts.TypeFlags.Unknown, initializer ?? name, checker)) continue;
    if (field.key === undefined) fail("A field beside a spread has no name");
    absent.push(field.key);
    field.value = asField(field.value);
  }
  const change = lua.createIdentifier(absent.length > 0 ? "____without" : "____with");
  return lua.createCallExpression(change, [source, fields, ...absent]);
}

function asField(value: Expression): Call {
  return lua.createCallExpression(lua.createIdentifier("____field"), [value]);
}

/** Can it be of one of these kinds? */
function has(kinds: number, node: unknown, checker: Checker): boolean {
  const type = checker.getTypeAtLocation(node);
  return (type.types ?? [type]).some(({ flags }) => (flags & kinds) !== 0);
}

/** The value that an import stands for; `null`: it is none. */
function importOf(symbol: Named | undefined): { readonly from: string; readonly name: string } | null {
  const specifier = symbol?.declarations?.[0];
  if (specifier?.kind !== ts.SyntaxKind.ImportSpecifier) return null;
  const from = specifier.parent?.parent?.parent?.moduleSpecifier?.text ?? "";
  return { from, name: (specifier.propertyName ?? specifier.name)?.text ?? "" };
}

/** Of a number that has a name in a file, the number; `null`: it is none. A run would have to make a place for each such name. */
function constantIn({ declarations }: Named): number | null {
  const declaration = declarations?.[0];
  const { kind, text = "" } = declaration?.initializer ?? {};
  const list = declaration?.parent;
  const isOfFile = list?.parent?.parent?.kind === ts.SyntaxKind.SourceFile;
  const isConstant = isOfFile && ((list?.flags ?? 0) & ts.NodeFlags.Const) !== 0;
  return isConstant && kind === ts.SyntaxKind.NumericLiteral ? Number(text) : null;
}

/** Nobody needs what each module takes of the others when it is made. What the compiler's own library holds is taken from there. */
function withoutImports(bundle: string): string {
  const [head = "", ...modules] = modulesIn(bundle);
  return [head, ...modules.map((module) => (isLibrary(module) ? module : withoutImportsOf(module)))].join("");
}

/** What stands before the modules, then each; what follows the last one is with it. */
function modulesIn(bundle: string): readonly string[] {
  return bundle.split(/^(?=\["[\w.-]+"\] = function)/m);
}

function isLibrary(module: string): boolean {
  return module.startsWith('["lualib_bundle"]');
}

function withoutImportsOf(module: string): string {
  const taken = new Set<string>();
  const kept = module
    .replaceAll(/^local (____\w+) = require\("[^"]+"\)\n/gm, (_line, name: string) => {
      taken.add(name);
      return "";
    })
    .replaceAll(/^local \w+ = (____\w+)\.\w+\n/gm, (line, name: string) => (taken.has(name) ? "" : line))
    .replaceAll(/\b__TS__\w+/g, "____lualib.$&");
  const [left] = [...taken].filter((name) => name !== "____lualib" && kept.includes(name));
  if (left !== undefined) fail(`The compiler's output is not as expected: ${left} is still used`);
  return kept;
}

/** Each is there exactly once, or the compiler has changed. */
function changed(text: string, changes: readonly (readonly [string, string])[]): string {
  return changes.reduce((before, [from, to]) => {
    if (before.split(from).length !== 2) fail(`The compiler's output is not as expected: ${from}`);
    return before.replace(from, () => to);
  }, text);
}

function fail(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}
