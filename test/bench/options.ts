import { parseArgs } from "node:util";

const tags = ["node", "workerd", "ours", "bare", "portkey"] as const;
export type Tag = (typeof tags)[number];

export interface Options {
  readonly rounds: number;
  /** How long each window is timed. */
  readonly seconds: number;
  /** How long a fresh process is under load before anything counts. */
  readonly warmUpSeconds: number;
  /** Platforms and kinds to measure. Naming no platform means both, naming no kind means all. */
  readonly only: readonly Tag[];
  readonly connections: readonly number[];
  readonly latenciesMs: readonly number[];
  /** Where the tables go as Markdown, beside the terminal; `null`: nowhere. */
  readonly markdownFile: string | null;
  /** Whether a missed budget makes the exit code 1. */
  readonly assert: boolean;
}

export const help = `npm run bench -- [options]
  --rounds 5            how often each candidate is started afresh and measured
  --seconds 2           length of each timed window
  --only a,b            of node, workerd (platforms) and ours, bare, portkey (kinds)
  --connections 1,16,64
  --latency 0,50        the upstream's, in milliseconds
  --quick               1 round, 1 second, 16 connections, 0 ms, no Portkey
  --markdown FILE       also write the tables there
  --assert              exit 1 when a budget is missed`;

/** @returns the options, or a sentence that says what is wrong with them. Help asked for is an empty sentence. */
export function readOptions(args: readonly string[]): Options | string {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (values.help) return "";
  const quick = values.quick;
  const only = list(values.only ?? (quick ? "ours,bare" : ""));
  const unknown = only.filter((word) => !tags.some((tag) => tag === word));
  if (unknown.length > 0) return `--only knows ${tags.join(", ")}, not ${unknown.join(", ")}`;
  const options: Options = {
    rounds: Number(values.rounds ?? (quick ? 1 : 5)),
    seconds: Number(values.seconds ?? (quick ? 1 : 2)),
    warmUpSeconds: quick ? 1 : 2,
    only: tags.filter((tag) => only.includes(tag)),
    connections: list(values.connections ?? (quick ? "16" : "1,16,64")).map(Number),
    latenciesMs: list(values.latency ?? (quick ? "0" : "0,50")).map(Number),
    markdownFile: values.markdown ?? null,
    assert: values.assert,
  };
  if (!whole(options.rounds, 1) || !options.connections.every((count) => whole(count, 1))) {
    return "--rounds and --connections take whole numbers from 1";
  }
  if (!(options.seconds >= 0.1 && options.seconds <= 60)) return "--seconds takes 0.1 to 60";
  if (!options.latenciesMs.every((latencyMs) => whole(latencyMs, 0)))
    return "--latency takes whole milliseconds";
  return options;
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string" },
      seconds: { type: "string" },
      only: { type: "string" },
      connections: { type: "string" },
      latency: { type: "string" },
      markdown: { type: "string" },
      quick: { type: "boolean", default: false },
      assert: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }).values;
}

function list(text: string): string[] {
  return text.split(",").filter(Boolean);
}

function whole(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}
