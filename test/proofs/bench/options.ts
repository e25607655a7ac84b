import { parseArgs } from "node:util";

const platforms = ["node", "workerd"] as const;
const judges = ["ours", "bare", "portkey"] as const;
const sections = ["durable", "drain", "redis"] as const;
const tags = [...platforms, ...judges, ...sections] as const;
export type Tag = (typeof tags)[number];

export interface Options {
  readonly rounds: number;
  /** How long each window is timed. */
  readonly seconds: number;
  /** How long a fresh process is under load before anything counts. */
  readonly warmUpSeconds: number;
  /** Platforms, kinds and sections to measure. Naming no platform means both, naming nothing else means all the rest. */
  readonly only: readonly Tag[];
  readonly connections: readonly number[];
  readonly latenciesMs: readonly number[];
  /** Tickets that wait when the provider comes back. */
  readonly drainTickets: Readonly<Record<(typeof platforms)[number], number>>;
  /** Instead of everything else: so many tickets come and go while resident memory is watched. `null`: not asked for. */
  readonly soakTickets: number | null;
  /** Instead of everything else: many isolates in front of one gate, simulated. */
  readonly isolates: boolean;
  /** Where the tables go as Markdown, beside the terminal; `null`: nowhere. */
  readonly markdownFile: string | null;
  /** Whether a missed budget makes the exit code 1. */
  readonly assert: boolean;
}

export const help = `npm run bench -- [options]
  --rounds 5            how often each candidate is started afresh and measured
  --seconds 2           length of each timed window
  --only a,b            of node, workerd (platforms), ours, bare, portkey (kinds), durable (tickets kept),
                        drain (tickets that waited for their provider) and redis (tickets of processes that share one)
  --connections 1,16,64
  --latency 0,50        the upstream's, in milliseconds
  --quick               1 round, 1 second, 16 connections, 0 ms, no Portkey, 200 tickets to drain (60 on workerd)
  --soak N              instead of all that: resident memory while N tickets come and go on Node (100000: some minutes)
  --isolates            instead of all that: many isolates in front of one gate, simulated (a minute)
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
  const only = list(values.only ?? (quick ? "ours,bare,durable,drain,redis" : ""));
  const unknown = only.filter((word) => !tags.some((tag) => tag === word));
  if (unknown.length > 0) return `--only knows ${tags.join(", ")}, not ${unknown.join(", ")}`;
  const options: Options = {
    rounds: Number(values.rounds ?? (quick ? 1 : 5)),
    seconds: Number(values.seconds ?? (quick ? 1 : 2)),
    warmUpSeconds: quick ? 1 : 2,
    only: tags.filter((tag) => only.includes(tag)),
    connections: list(values.connections ?? (quick ? "16" : "1,16,64")).map(Number),
    latenciesMs: list(values.latency ?? (quick ? "0" : "0,50")).map(Number),
    drainTickets: quick ? { node: 200, workerd: 60 } : { node: 1_000, workerd: 1_000 },
    soakTickets: values.soak === undefined ? null : Number(values.soak),
    isolates: values.isolates,
    markdownFile: values.markdown ?? null,
    assert: values.assert,
  };
  if (!whole(options.rounds, 1) || !options.connections.every((count) => whole(count, 1))) {
    return "--rounds and --connections take whole numbers from 1";
  }
  if (!(options.seconds >= 0.1 && options.seconds <= 60)) return "--seconds takes 0.1 to 60";
  if (!options.latenciesMs.every((latencyMs) => whole(latencyMs, 0)))
    return "--latency takes whole milliseconds";
  if (options.soakTickets !== null && !whole(options.soakTickets, 100))
    return "--soak takes a whole number from 100";
  return options;
}

/** Those of `words` that are named; where none of them is, all. */
export function wants<T extends Tag>(only: readonly Tag[], words: readonly T[]): readonly T[] {
  const chosen = words.filter((word) => only.includes(word));
  return chosen.length > 0 ? chosen : words;
}

/** Is the section of immediate judgements asked for? Not where other sections alone are named. */
export function wantsJudgements(only: readonly Tag[]): boolean {
  return !names(only, sections) || names(only, judges);
}

/** Is this section asked for? Not where others, or kinds of gateways, alone are named. What is kept is also drained. */
export function wantsSection(only: readonly Tag[], section: (typeof sections)[number]): boolean {
  const isNamed = only.includes(section) || (section === "drain" && only.includes("durable"));
  return isNamed || !names(only, [...sections, ...judges]);
}

function names(only: readonly Tag[], words: readonly Tag[]): boolean {
  return words.some((word) => only.includes(word));
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
      soak: { type: "string" },
      markdown: { type: "string" },
      isolates: { type: "boolean", default: false },
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
