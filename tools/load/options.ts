/** What stands behind `npm run load --`: read, or refused with a sentence. Nothing that may be a key is repeated. */
import { parseArgs } from "node:util";
import type { Limits } from "./limits.ts";

const modes = ["queue_if_unavailable", "immediate", "queue"] as const;
export type Mode = (typeof modes)[number];

export interface Options {
  /** Where the service is, without a slash at its end. */
  readonly url: string;
  /** `null`: the service asks for none. */
  readonly key: string | null;
  /** Arrivals a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Before that, at the same rate, and counted nowhere. */
  readonly warmUpSeconds: number;
  /** Asked in turn; none: whom the service asks by default. */
  readonly providers: readonly string[];
  readonly mode: Mode;
  /** Of each essay. */
  readonly characters: number;
  /** From the planned moment: so long a client would wait for an answer. */
  readonly timeoutMs: number;
  /** After the last arrival: so long the tickets are followed. 0: not at all. */
  readonly followMs: number;
  /** At most so many connections. */
  readonly connections: number;
  readonly limits: Limits;
  /** `null`: none is written. */
  readonly svgFile: string | null;
  readonly jsonFile: string | null;
}

export type Asked =
  | { readonly kind: "run"; readonly options: Options }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly sentence: string };

/** Where a key is looked for that no flag gives: a flag is seen by whoever lists the machine's processes. */
const keyVariable = "LOAD_API_KEY";

/** What is held in memory of each arrival is small, but not nothing. */
const mostArrivals = 5_000_000;

export const help = `npm run load -- --url URL --rate N --seconds N [options]

Sends comparisons to a running service at a fixed rate, however slowly it answers, and says how long each took from the moment for which it was
planned. Each is a real judgement: a real vendor bills it.

  --url URL            where the service is, such as https://judge.example.org
  --rate N             arrivals a second; fractions are allowed
  --seconds N          for so long
  --warm-up N          before that, at the same rate, uncounted; 0 unless given
  --key KEY            an API key; better in the environment, as ${keyVariable}
  --providers a,b      asked in turn; the service's own default unless given
  --mode MODE          ${modes.join(", ")}
  --characters N       of each essay; 3000 unless given
  --timeout N          seconds after which an answer is not waited for any more; 60 unless given
  --follow N           seconds for which tickets are followed after the last arrival; 300 unless given, 0: not at all
  --connections N      at the most; 1000 unless given
  --svg FILE           a picture of the latency over time
  --json FILE          all figures

Limits, for each provider; where one is missed the exit code is 1:
  --p50 MS  --p95 MS  --p99 MS  --p99.9 MS  --max MS
  --errors PERCENT     of what came was refused, unanswered, or a ticket that was not judged; 0 unless given
  --tickets PERCENT    of what came was answered with a ticket (202)`;

/** @param args without the program's own name @param env of which the key alone is read */
export function readOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Asked {
  if (args.includes("--help")) return { kind: "help" };
  const given = parsed(args);
  if (typeof given === "string") return wrong(given);
  const wrongNumber = numberFlags.map(([name, ...rest]) => numberFault(name, given[name], ...rest));
  const fault =
    missing(given) ?? urlFault(given.url ?? "") ?? wrongNumber.find((sentence) => sentence !== null);
  if (fault) return wrong(fault);
  const key = given.key ?? env[keyVariable] ?? null;
  if (key !== null && !/^[\x21-\x7e]+$/.test(key))
    return wrong("The key has characters that no key has. It isn't repeated here.");
  const mode = modes.find((known) => known === (given.mode ?? "queue_if_unavailable"));
  if (mode === undefined) return wrong(`--mode is one of ${modes.join(", ")}.`);
  const providers = (given.providers ?? "").split(",").filter((name) => name !== "");
  if (providers.some((name) => !/^[a-z]{1,30}$/.test(name)))
    return wrong("--providers takes providers' names with commas between them, such as openai,anthropic.");
  const options: Options = {
    url: (given.url ?? "").replace(/\/+$/, ""),
    key,
    rate: Number(given.rate),
    seconds: Number(given.seconds),
    warmUpSeconds: Number(given["warm-up"] ?? 0),
    providers,
    mode,
    characters: Number(given.characters ?? 3_000),
    timeoutMs: Number(given.timeout ?? 60) * 1_000,
    followMs: Number(given.follow ?? 300) * 1_000,
    connections: Number(given.connections ?? 1_000),
    limits: {
      p50Ms: numberOr(given.p50, null),
      p95Ms: numberOr(given.p95, null),
      p99Ms: numberOr(given.p99, null),
      p999Ms: numberOr(given["p99.9"], null),
      maxMs: numberOr(given.max, null),
      errorsPercent: numberOr(given.errors, 0),
      ticketsPercent: numberOr(given.tickets, null),
    },
    svgFile: given.svg ?? null,
    jsonFile: given.json ?? null,
  };
  const arrivals = options.rate * (options.seconds + options.warmUpSeconds);
  if (arrivals < 1) return wrong("At that rate nothing arrives in that time.");
  if (arrivals > mostArrivals)
    return wrong(`That is more than ${mostArrivals} comparisons: shorter, or fewer.`);
  return { kind: "run", options };
}

type Given = ReturnType<typeof parse>;

function wrong(sentence: string): Asked {
  return { kind: "wrong", sentence };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  return parseArgs({
    args: [...args],
    options: {
      url: text,
      rate: text,
      seconds: text,
      "warm-up": text,
      key: text,
      providers: text,
      mode: text,
      characters: text,
      timeout: text,
      follow: text,
      connections: text,
      svg: text,
      json: text,
      p50: text,
      p95: text,
      p99: text,
      "p99.9": text,
      max: text,
      errors: text,
      tickets: text,
    },
  }).values;
}

/** @returns what was given, or a sentence. Node's own sentences repeat what stands in the wrong place, which may be a key. */
function parsed(args: readonly string[]): Given | string {
  try {
    return parse(args);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL") return "There is a word that belongs to no flag.";
    const flag = /--[\w.-]+/.exec(error instanceof Error ? error.message : "")?.[0];
    if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION") return `There is no flag ${flag ?? "of that name"}.`;
    return `${flag ?? "A flag"} needs a value.`;
  }
}

function missing(given: Given): string | null {
  const names = (["url", "rate", "seconds"] as const).filter((name) => given[name] === undefined);
  return names.length === 0 ? null : `What is missing: ${names.map((name) => `--${name}`).join(", ")}.`;
}

function urlFault(url: string): string | null {
  const read = URL.parse(url);
  if (read === null || !/^https?:$/.test(read.protocol)) return "--url takes an http:// or https:// URL.";
  if (read.username !== "" || read.password !== "")
    return "--url has credentials in it: a key goes into the environment.";
  if (read.search !== "" || read.hash !== "") return "--url takes no query and no fragment.";
  return null;
}

type NumberFlag = readonly [
  name: Exclude<keyof Given, "url" | "key" | "providers" | "mode" | "svg" | "json">,
  least: number,
  most: number,
  isWhole?: "whole",
];

const dayMs = 86_400_000;
const numberFlags: readonly NumberFlag[] = [
  ["rate", 0.01, 100_000],
  ["seconds", 1, 86_400],
  ["warm-up", 0, 3_600],
  ["characters", 20, 200_000, "whole"],
  ["timeout", 0.1, 3_600],
  ["follow", 0, 86_400],
  ["connections", 1, 50_000, "whole"],
  ["p50", 0, dayMs],
  ["p95", 0, dayMs],
  ["p99", 0, dayMs],
  ["p99.9", 0, dayMs],
  ["max", 0, dayMs],
  ["errors", 0, 100],
  ["tickets", 0, 100],
];

function numberFault(
  name: string,
  given: string | undefined,
  least: number,
  most: number,
  isWhole?: "whole",
): string | null {
  if (given === undefined) return null;
  const pattern = isWhole === undefined ? /^\d+(\.\d+)?$/ : /^\d+$/;
  const value = Number(given);
  if (pattern.test(given) && value >= least && value <= most) return null;
  return `--${name} takes a ${isWhole ?? "plain"} number from ${least} to ${most}.`;
}

function numberOr<Otherwise>(given: string | undefined, otherwise: Otherwise): number | Otherwise {
  return given === undefined ? otherwise : Number(given);
}
