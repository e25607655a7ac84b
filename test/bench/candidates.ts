/** Who is measured, and how each is built, started and asked. */
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Tag } from "./options.ts";
import { chatBody, comparisonBody, responsesBody } from "./payload.ts";
import { installPortkey, portkeyVersion, writePortkeyWorker } from "./portkey.ts";
import type { Command } from "./processes.ts";
import { buildWorker, wranglerConfig } from "./workerd.ts";

export type Platform = "node" | "workerd";
export type Kind = "ours" | "json" | "pass-through" | "portkey";

export interface Candidate {
  readonly platform: Platform;
  readonly kind: Kind;
  readonly name: string;
  readonly request: Request;
  readonly command: (port: number) => Command;
}

export interface Request {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const root = join(import.meta.dirname, "../..");
const apiKey = "bench-key";

/** What the load generator sends when it asks the upstream itself. */
export const directRequest: Request = { path: "/v1/responses", headers: {}, body: responsesBody };

/** Builds every candidate that `only` names, in `folder`. */
export async function prepareCandidates(
  only: readonly Tag[],
  upstream: string,
  folder: string,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const platform of named<Platform>(only, ["node", "workerd"])) {
    for (const tag of named(only, ["ours", "bare", "portkey"])) {
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

type Prepare = (upstream: string, folder: string) => Promise<Candidate["command"]>;

const prepare: Readonly<Record<Platform, Readonly<Record<Kind, Prepare>>>> = {
  node: {
    ours: async (upstream, folder) =>
      nodeCommand(join(root, "src/node/main.ts"), folder, { ...settings(upstream), DATA_DIR: folder }),
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
    ours: (upstream, folder) => buildWorker(join(root, "wrangler.toml"), folder, settings(upstream)),
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

function nodeCommand(file: string, cwd: string, env: Readonly<Record<string, string>>): Candidate["command"] {
  return (port) => ({
    file: process.execPath,
    args: [file],
    cwd,
    env: { ...env, HOST: "127.0.0.1", PORT: String(port) },
  });
}

async function bareWorker(file: string, upstream: string, folder: string): Promise<Candidate["command"]> {
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
        headers: { authorization: `Bearer ${apiKey}` },
        body: comparisonBody,
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
      };
  }
}

function named<T extends Tag>(only: readonly Tag[], tags: readonly T[]): readonly T[] {
  const chosen = tags.filter((tag) => only.includes(tag));
  return chosen.length > 0 ? chosen : tags;
}
