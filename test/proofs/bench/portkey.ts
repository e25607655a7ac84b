/** Portkey's gateway, the peer: installed on demand beside this file (git ignores it), never a dependency. */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./processes.ts";

export const portkeyVersion = "1.15.2";
const folder = join(import.meta.dirname, ".portkey");
const serverFile = join(folder, "node_modules/@portkey-ai/gateway/build/start-server.js");

/** Installs it unless it is there, and gives the file that serves it on Node. Needs the npm registry the first time. */
export async function installPortkey(): Promise<string> {
  const installed = join(folder, "node_modules/@portkey-ai/gateway/package.json");
  if (
    existsSync(installed) &&
    (await readFile(installed, "utf8")).includes(`"version": "${portkeyVersion}"`)
  ) {
    return serverFile;
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{ "private": true }\n');
  // `--prefix` because npm, started by `npm run`, would otherwise take the project's own folder for its own.
  const args = ["install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts"];
  const install = { file: "npm", args: [...args, `@portkey-ai/gateway@${portkeyVersion}`], env: process.env };
  await run(install, null, 180);
  return serverFile;
}

/**
 * Makes a Worker of the installed build and gives its entry file. The package ships none, only a bundle that starts a Node server around
 * the same Hono app: that start is cut off and the app exported instead. The app sees by itself at run time that this is workerd.
 */
export async function writePortkeyWorker(): Promise<string> {
  const source = await readFile(await installPortkey(), "utf8");
  const start = /(\w+)\.delete\("\/v1\/\*",\w+,\w+\);(?=const \w+=process\.argv)/.exec(source);
  if (start === null)
    throw new Error(`Portkey ${portkeyVersion}: the start of its server is not where it was`);
  const app = source.slice(source.indexOf("\n") + 1, start.index + start[0].length);
  const file = join(folder, "worker.js");
  await writeFile(file, `${app}\nexport default ${start[1]};\n`);
  return file;
}
