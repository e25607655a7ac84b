/** Who is measured, and how each is built, started and asked. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { commandAt } from "../../support/processes.ts";
import type { Expected } from "./load.ts";
import { wants, type Tag } from "./options.ts";
import { chatBody, comparisonBody, responsesBody } from "./payload.ts";
import { installPortkey, portkeyVersion, writePortkeyWorker } from "./portkey.ts";
import type { CommandAt } from "./processes.ts";
import { buildWorker, wranglerConfig } from "./workerd.ts";

export type Platform = "node" | "workerd";
export type Kind = "ours" | "json" | "pass-through" | "portkey";

/** Who is measured. */
export interface Contender {
  readonly name: string;
}

export interface Candidate extends Contender {
  readonly platform: Platform;
  readonly kind: Kind;
  readonly request: Request;
  readonly command: CommandAt;
}

export interface Request {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly expects: Expected;
}

const root = join(import.meta.dirname, "../../..");
const apiKey = "bench-key";

/** With this a client of ours may ask. */
export const authorization = `Bearer ${apiKey}`;

/** What the load generator sends when it asks the upstream itself. */
export const directRequest: Request = {
  path: "/v1/responses",
  headers: {},
  body: responsesBody,
  expects: "judgement",
};

/** Builds every candidate that `only` names, in `folder`. */
export async function prepareCandidates(
  only: readonly Tag[],
  upstream: string,
  folder: string,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const platform of wants<Platform>(only, ["node", "workerd"])) {
    for (const tag of wants(only, ["ours", "bare", "portkey"])) {
      for (const kind of tag === "bare" ? (["json", "pass-through"] as const) : [tag]) {
        const folderOfThis = join(folder, `${platform}-${kind}`);
        await mkdir(folderOfThis, { recursive: true });
        const command = await prepare[platform][kind](upstream, folderOfThis);
        candidates.push({
          platform,
          kind,
          name: `${names[kind]}, ${platformNames[platform]}`,
          request: requestTo(kind, upstream),
          command,
        });
      }
    }
  }
  return candidates;
}

type Prepare = (upstream: string, folder: string) => Promise<CommandAt>;

const prepare: Readonly<Record<Platform, Readonly<Record<Kind, Prepare>>>> = {
  node: {
    ours: async (upstream, folder) => ourNode(upstream, folder),
    json: async (upstream, folder) => nodeCommand(bare("node-json.ts"), folder, vendor(upstream)),
    "pass-through": async (upstream, folder) =>
      nodeCommand(bare("node-pass-through.ts"), folder, vendor(upstream)),
    portkey: async (_upstream, folder) => {
      const file = await installPortkey();
      return (port) => ({
        file: process.execPath,
        args: [file, `--port=${port}`, "--headless"],
        cwd: folder,
      });
    },
  },
  workerd: {
    ours: (upstream, folder) => ourWorker(upstream, folder),
    json: (upstream, folder) => bareWorker("worker-json.ts", upstream, folder),
    "pass-through": (upstream, folder) => bareWorker("worker-pass-through.ts", upstream, folder),
    portkey: async (_upstream, folder) => {
      const flags = { compatibility_flags: ["nodejs_compat"] };
      const config = await wranglerConfig(folder, "portkey", await writePortkeyWorker(), flags);
      return buildWorker(config, folder, {});
    },
  },
};

const names: Readonly<Record<Kind, string>> = {
  ours: "**this service**",
  json: "bare JSON route",
  "pass-through": "bare pass-through",
  portkey: `Portkey ${portkeyVersion}`,
};

const platformNames: Readonly<Record<Platform, string>> = { node: "Node", workerd: "workerd" };

/** This service on Node; each start begins with no data. @param more settings */
export function ourNode(
  upstream: string,
  folder: string,
  more: Readonly<Record<string, string>> = {},
): CommandAt {
  const env = { ...settings(upstream), ...more };
  return (port) => {
    const data = mkdtempSync(join(folder, "data-"));
    return nodeCommand(
      join(root, "src/node/main.ts"),
      folder,
      { ...env, DATA_DIR: data },
      startFlags(),
    )(port);
  };
}

/** This service as it is deployed to Workers. @param more settings */
export function ourWorker(
  upstream: string,
  folder: string,
  more: Readonly<Record<string, string>> = {},
): Promise<CommandAt> {
  return buildWorker(join(root, "wrangler.toml"), folder, { ...settings(upstream), ...more });
}

/**
 * The same in `wrangler dev`, whose queues bring messages, a batch at a time; its proxy stands before every request. Each start begins with no
 * data.
 */
export function ourWorkerInDevelopment(
  upstream: string,
  folder: string,
  more: Readonly<Record<string, string>> = {},
): CommandAt {
  const all = { ...settings(upstream), ...more };
  return (port) =>
    commandAt("workerd", { folder: mkdtempSync(join(folder, "wrangler-")), settings: all })(port);
}

/** As in production: a key is checked, and every request is logged. */
function settings(upstream: string): Record<string, string> {
  return {
    ENVIRONMENT: "production",
    API_KEYS: `bench:${createHash("sha256").update(apiKey).digest("hex")}`,
    OPENAI_API_KEY: "fake",
    OPENAI_BASE_URL: `${upstream}/v1`,
    LOG_LEVEL: "info",
  };
}

function vendor(upstream: string): Record<string, string> {
  return { VENDOR_URL: `${upstream}/v1/responses` };
}

function bare(file: string): string {
  return join(import.meta.dirname, "bare", file);
}

/** Those that `npm start` gives to Node. */
function startFlags(): readonly string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly scripts: { readonly start: string };
  };
  return scripts.start.split(" ").filter((word) => word.startsWith("--"));
}

/** @param flags of Node itself */
function nodeCommand(
  file: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): CommandAt {
  return (port) => ({
    file: process.execPath,
    args: [...flags, file],
    cwd,
    env: { ...env, HOST: "127.0.0.1", PORT: String(port) },
  });
}

async function bareWorker(file: string, upstream: string, folder: string): Promise<CommandAt> {
  return buildWorker(await wranglerConfig(folder, "bare", bare(file)), folder, vendor(upstream));
}

function requestTo(kind: Kind, upstream: string): Request {
  switch (kind) {
    case "pass-through":
      return directRequest;
    case "json":
    case "ours":
      return {
        path: "/api/v1/comparison",
        headers: { authorization },
        body: comparisonBody,
        expects: "judgement",
      };
    case "portkey":
      return {
        path: "/v1/chat/completions",
        headers: {
          authorization: "Bearer fake",
          "x-portkey-provider": "openai",
          "x-portkey-custom-host": `${upstream}/v1`,
        },
        body: chatBody,
        expects: "judgement",
      };
  }
}
