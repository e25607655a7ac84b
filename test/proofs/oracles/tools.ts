/** Which of an oracle's tools are here? */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Tool } from "./oracle.ts";

/** @returns the version as the tool says it; `null`: it is not here */
export async function versionOf({ command, versionArgs }: Tool): Promise<string | null> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, [...versionArgs], { timeout: 60_000 });
    const [firstLine = ""] = (stdout.trim() || stderr.trim()).split("\n");
    return firstLine.replace(/ *\(branch:.*$/, "");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
