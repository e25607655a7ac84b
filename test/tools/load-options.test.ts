/** The flags of `npm run load`: what they mean, and a sentence for each that is wrong. */
import { describe, expect, it } from "vitest";
import { help, readOptions, type Options } from "../../tools/load/options.ts";

const needed = ["--url", "https://judge.example.org/prefix/", "--rate", "2.5", "--seconds", "30"];
const read = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Options => {
  const asked = readOptions(args, env);
  if (asked.kind !== "run") throw new Error(JSON.stringify(asked));
  return asked.options;
};
const refused = (...args: readonly string[]) => {
  const asked = readOptions(args, {});
  return asked.kind === "wrong" ? asked.sentence : asked.kind;
};

it("are few that must be given", () => {
  expect(read(needed)).toEqual({
    url: "https://judge.example.org/prefix",
    key: null,
    rate: 2.5,
    seconds: 30,
    warmUpSeconds: 0,
    providers: [],
    mode: "queue_if_unavailable",
    characters: 3_000,
    timeoutMs: 60_000,
    followMs: 300_000,
    connections: 1_000,
    limits: {
      p50Ms: null,
      p95Ms: null,
      p99Ms: null,
      p999Ms: null,
      maxMs: null,
      errorsPercent: 0,
      ticketsPercent: null,
    },
    svgFile: null,
    jsonFile: null,
  });
});

it("say all else", () => {
  const words =
    "--warm-up 5 --providers openai,google --mode queue --characters 500 --timeout 2.5 --follow 0 --connections 7 " +
    "--p50 1 --p95 500 --p99 3 --p99.9 4.5 --max 5 --errors 0.1 --tickets 10 --svg a.svg --json b.json";
  expect(read([...needed, ...words.split(" ")])).toMatchObject({
    warmUpSeconds: 5,
    providers: ["openai", "google"],
    mode: "queue",
    characters: 500,
    timeoutMs: 2_500,
    followMs: 0,
    connections: 7,
    limits: {
      p50Ms: 1,
      p95Ms: 500,
      p99Ms: 3,
      p999Ms: 4.5,
      maxMs: 5,
      errorsPercent: 0.1,
      ticketsPercent: 10,
    },
    svgFile: "a.svg",
    jsonFile: "b.json",
  });
});

it("have a word on each in the help", () => {
  expect(readOptions(["--help"], {})).toEqual({ kind: "help" });
  for (const flag of ["--url", "--key", "--p99.9", "--errors", "--follow"]) expect(help).toContain(flag);
});

describe("a key", () => {
  it("comes from the environment, or from a flag, which wins", () => {
    expect(read(needed, { LOAD_API_KEY: "lps_env" }).key).toBe("lps_env");
    expect(read([...needed, "--key", "lps_flag"], { LOAD_API_KEY: "lps_env" }).key).toBe("lps_flag");
  });

  it.each([
    [[...needed, "lps_canary"], "There is a word that belongs to no flag."],
    [[...needed, "--key", "lps_canary", "more"], "There is a word that belongs to no flag."],
    [
      [...needed, "--key", "lps_canary\u00e9"],
      "The key has characters that no key has. It isn't repeated here.",
    ],
    [[...needed, "--kee", "lps_canary"], "There is no flag --kee."],
    [[...needed, "--kee=lps_canary"], "There is no flag --kee."],
    [
      ["--url", "https://user:lps_canary@judge.example.org", "--rate", "1", "--seconds", "1"],
      "--url has credentials in it: a key goes into the environment.",
    ],
    [
      ["--url", "https://judge.example.org?key=lps_canary", "--rate", "1", "--seconds", "1"],
      "--url takes no query and no fragment.",
    ],
    [["--url", "lps_canary", "--rate", "1", "--seconds", "1"], "--url takes an http:// or https:// URL."],
    [
      ["--url", "http://x", "--rate", "lps_canary", "--seconds", "1"],
      "--rate takes a plain number from 0.01 to 100000.",
    ],
  ])("is repeated by no sentence: %j", (args, sentence) => {
    expect(refused(...args)).toBe(sentence);
  });
});

it.each([
  [[], "What is missing: --url, --rate, --seconds."],
  [needed.slice(0, 4), "What is missing: --seconds."],
  [[...needed, "--p95"], "--p95 needs a value."],
  [[...needed, "--p95", "fast"], "--p95 takes a plain number from 0 to 86400000."],
  [[...needed, "--rate", "0"], "--rate takes a plain number from 0.01 to 100000."],
  [[...needed, "--rate", "1e3"], "--rate takes a plain number from 0.01 to 100000."],
  [[...needed, "--errors", "101"], "--errors takes a plain number from 0 to 100."],
  [[...needed, "--connections", "1.5"], "--connections takes a whole number from 1 to 50000."],
  [[...needed, "--characters", "19"], "--characters takes a whole number from 20 to 200000."],
  [[...needed, "--mode", "later"], "--mode is one of queue_if_unavailable, immediate, queue."],
  [
    [...needed, "--providers", "openai, google"],
    "--providers takes providers' names with commas between them, such as openai,anthropic.",
  ],
  [["--url", "ftp://x", "--rate", "1", "--seconds", "1"], "--url takes an http:// or https:// URL."],
  [["--url", "http://x", "--rate", "0.01", "--seconds", "60"], "At that rate nothing arrives in that time."],
  [
    ["--url", "http://x", "--rate", "100000", "--seconds", "51"],
    "That is more than 5000000 comparisons: shorter, or fewer.",
  ],
] as const)("are wrong, and it says how: %j", (args, sentence) => {
  expect(refused(...args)).toBe(sentence);
});
