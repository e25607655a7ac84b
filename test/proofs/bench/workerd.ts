/** A Worker under plain workerd: bundled as for a deployment, without wrangler's development proxy, which alone costs 17 times as much. */
import { mkdtempSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { run, type CommandAt } from "./processes.ts";

/** What is read here of wrangler's configuration, its defaults filled in. */
interface WranglerConfig {
  readonly compatibility_date?: string;
  readonly compatibility_flags: readonly string[];
  readonly vars: Readonly<Record<string, unknown>>;
  readonly durable_objects: {
    readonly bindings: readonly { readonly name: string; readonly class_name: string }[];
  };
  readonly version_metadata?: { readonly binding: string };
  readonly queues: { readonly producers?: readonly { readonly binding: string }[] };
}

// Not imported: wrangler's types would bring the globals of Workers into every test that runs on Node.
const { unstable_readConfig: readConfig } = createRequire(import.meta.url)("wrangler") as {
  readonly unstable_readConfig: (from: { readonly config: string }) => WranglerConfig;
};

const root = join(import.meta.dirname, "../../..");
const bin = join(root, "node_modules/.bin");

/** The compatibility date of the service, which the bare Workers share. */
const compatibilityDate = readConfig({
  config: join(root, "wrangler.toml"),
}).compatibility_date;

/** Writes a wrangler configuration for a Worker that has none, and gives its path. */
export async function wranglerConfig(
  folder: string,
  name: string,
  main: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.wrangler.json`);
  await writeFile(file, JSON.stringify({ name, main, compatibility_date: compatibilityDate, ...more }));
  return file;
}

/**
 * Bundles the Worker of a wrangler configuration into `folder` and gives the command that serves it there. Its Durable Objects lie on
 * disk, as in production, anew at each start; its queues refuse every message, so that tickets are kept and stay where they are.
 *
 * @param vars text bindings, over those of the configuration
 */
export async function buildWorker(
  configFile: string,
  folder: string,
  vars: Readonly<Record<string, string>>,
): Promise<CommandAt> {
  await mkdir(folder, { recursive: true });
  await run(
    {
      file: join(bin, "wrangler"),
      args: ["deploy", "--dry-run", "--config", configFile, "--outdir", folder],
      env: { WRANGLER_SEND_METRICS: "false", WRANGLER_LOG_PATH: folder, HOME: folder },
      cwd: folder,
    },
    null,
    60,
  );
  const scripts = (await readdir(folder)).filter((file) => file.endsWith(".js"));
  const [script] = scripts;
  if (script === undefined || scripts.length > 1)
    throw new Error(`${folder}: one script expected, not ${scripts.join()}`);
  await writeFile(join(folder, "workerd.capnp"), workerdConfig(configFile, script, vars));
  return (port) => ({
    file: join(bin, "workerd"),
    args: [
      "serve",
      join(folder, "workerd.capnp"),
      `--socket-addr=http=127.0.0.1:${port}`,
      `--directory-path=storage=${mkdtempSync(join(folder, "storage-"))}`,
    ],
    cwd: folder,
  });
}

function workerdConfig(configFile: string, script: string, vars: Readonly<Record<string, string>>): string {
  const config = readConfig({ config: configFile });
  const classNames = config.durable_objects.bindings.map((binding) => binding.class_name);
  const bindings = [
    ...Object.entries({ ...config.vars, ...vars }).map(([name, value]) =>
      binding(name, "text", String(value)),
    ),
    ...config.durable_objects.bindings.map(({ name, class_name }) =>
      binding(name, "durableObjectNamespace", class_name),
    ),
    ...(config.version_metadata === undefined
      ? []
      : [binding(config.version_metadata.binding, "json", JSON.stringify({ id: "bench" }))]),
    ...(config.queues.producers?.map((queue) => binding(queue.binding, "queue", "queue")) ?? []),
  ];
  const namespaces = classNames.map(
    (name) => `(className = ${quote(name)}, uniqueKey = ${quote(name)}, enableSql = true)`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed ${quote(script)})],
      compatibilityDate = ${quote(config.compatibility_date ?? "")},
      compatibilityFlags = [${config.compatibility_flags.map(quote).join(", ")}],
      bindings = [${bindings.join(", ")}],
      durableObjectNamespaces = [${namespaces.join(", ")}],
      durableObjectStorage = (localDisk = "storage"),
    )),
    (name = "queue", worker = (
      modules = [(name = "queue.js", esModule = "export default { fetch: () => new Response() }")],
      compatibilityDate = ${quote(config.compatibility_date ?? "")},
    )),
    # By default a Worker may only reach public addresses; the upstream is on this machine.
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "storage", disk = (writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;
}

function binding(name: string, kind: string, value: string): string {
  return `(name = ${quote(name)}, ${kind} = ${quote(value)})`;
}

/** Cap'n Proto's string literals take JSON's escapes. */
function quote(text: string): string {
  return JSON.stringify(text);
}
