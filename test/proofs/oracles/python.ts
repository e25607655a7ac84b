/** A Python with one package of PyPI, in a folder of its own in the system's for temporary files, installed once by pip. */
import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../bench/processes.ts";
import type { Tool } from "./oracle.ts";

export const pythonTool: Tool = {
  command: "python3",
  versionArgs: ["--version"],
  debianPackage: "python3-venv",
  howToGet: "apt-get install --no-install-recommends python3-venv",
};

/** Far more than it takes on a machine that does other work. */
const mostSeconds = 300;

/** @returns the path of the Python that has it */
export async function pythonWith(name: string, version: string): Promise<string> {
  const home = join(tmpdir(), `llm-provider-service-${name}-${version}`);
  const python = join(home, "bin", "python");
  const ready = join(home, "ready");
  if (existsSync(ready)) return python;
  await said("python3", ["-m", "venv", "--clear", home]);
  await said(python, ["-m", "pip", "install", "--quiet", `${name}==${version}`]);
  writeFileSync(ready, "");
  return python;
}

async function said(file: string, args: readonly string[]): Promise<string> {
  return run({ file, args, env: process.env }, null, mostSeconds);
}
