/**
 * `npm run oracles`: what real parts of the world say of the service, one file each beside this one. Ends with 1 where one of them says no; what
 * is not installed is skipped, and how to get it is said.
 */
import { parseArgs } from "node:util";
import { oracles } from "./list.ts";
import type { Tool } from "./oracle.ts";
import { versionOf } from "./tools.ts";

const help = `npm run oracles [-- options] [NAME …]
  NAME …        these alone, of: ${oracles.map(({ name }) => name).join(" ")}
  --ci          those that CI asks; a tool that is missing is a failure
  --packages    asks nothing, and prints the Debian packages of their tools`;

const { names, ci, packages } = read();
const asked = oracles.filter(
  ({ name, inCi }) => (ci ? inCi : true) && (names.length === 0 || names.includes(name)),
);
const counts = { passed: 0, failed: 0, skipped: 0 };

if (packages) await printPackages();
else await askAll();

async function askAll(): Promise<never> {
  for (const { name, load } of asked) {
    console.log(`\n== ${name}`);
    try {
      const { oracle } = await load();
      if (await hasAll(oracle.tools)) await oracle.ask(check);
    } catch (error) {
      fail("could not be asked", error);
    }
  }
  const { passed, failed, skipped } = counts;
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  // What an oracle has started ends with this process.
  process.exit(failed === 0 ? 0 : 1);
}

async function check(promise: string, answer: () => Promise<void> | void): Promise<boolean> {
  const startedAtMs = performance.now();
  try {
    await answer();
  } catch (error) {
    fail(promise, error);
    return false;
  }
  counts.passed++;
  console.log(`passed  ${promise} (${((performance.now() - startedAtMs) / 1000).toFixed(1)} s)`);
  return true;
}

function fail(promise: string, error: unknown): void {
  counts.failed++;
  const why = error instanceof Error ? error.message : String(error);
  console.log(`FAILED  ${promise}\n${why.replaceAll(/^/gm, "        ")}`);
}

async function hasAll(tools: readonly Tool[]): Promise<boolean> {
  const missing: Tool[] = [];
  for (const tool of tools) {
    const version = await versionOf(tool);
    if (version === null) missing.push(tool);
    else console.log(`with    ${version}`);
  }
  for (const { command, howToGet } of missing) {
    if (ci) fail(`${command} is installed`, `It is not: ${howToGet}`);
    else console.log(`SKIPPED ${command} is not installed: ${howToGet}`);
  }
  if (missing.length > 0 && !ci) counts.skipped++;
  return missing.length === 0;
}

async function printPackages(): Promise<void> {
  const loaded = await Promise.all(asked.map(({ load }) => load()));
  const all = loaded.flatMap(({ oracle }) =>
    oracle.tools.flatMap(({ debianPackage }) => debianPackage ?? []),
  );
  console.log([...new Set(all)].join("\n"));
}

function read() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        ci: { type: "boolean", default: false },
        packages: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const unknown = positionals.filter((name) => oracles.every((one) => one.name !== name));
    if (values.help) end(0, help);
    if (unknown.length > 0) end(2, `There is no oracle ${unknown.join(", ")}.\n\n${help}`);
    return { ...values, names: positionals };
  } catch (error) {
    return end(2, `${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

function end(code: number, text: string): never {
  (code === 0 ? console.log : console.error)(text);
  process.exit(code);
}
