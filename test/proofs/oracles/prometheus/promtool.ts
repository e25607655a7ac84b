import { spawn } from "node:child_process";
import { once } from "node:events";

/** @returns what it printed. @throws {Error} with that, where it finds fault with what it was given */
export async function promtool(args: readonly string[], stdin = ""): Promise<string> {
  const child = spawn("promtool", args, { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  child.stdin.end(stdin);
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`promtool ${args.join(" ")} ended with ${code}:\n${said.trim()}`);
  return said;
}
