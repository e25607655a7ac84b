/** The kinds of settings there are, each with the edges that such a setting has. */
import type { Config } from "../../src/settings/config.ts";

/** What a setting is held to by `settings.test.ts`. */
export interface Row {
  readonly name: string;
  /** Where its value is in the config. */
  readonly read: (config: Config) => unknown;
  readonly byDefault: unknown;
  readonly takes: readonly (readonly [text: string, value: unknown])[];
  readonly refuses: readonly string[];
  readonly allowed: string;
  readonly isSecret?: boolean;
  /** What keeps the rules between settings quiet about it. */
  readonly beside?: Readonly<Record<string, string>>;
}

type Read = Row["read"];

const noNumbers = [
  "-1",
  "+1",
  "1e0",
  "0x1",
  "1 1",
  "1.",
  ".5",
  "1,5",
  "one",
  "Infinity",
  "NaN",
  "9".repeat(400),
];

export function choice(name: string, read: Read, byDefault: string, values: readonly string[]): Row {
  const takes = values.map((value) => [value, value] as const);
  return {
    name,
    read,
    byDefault,
    takes,
    refuses: ["other", ...values.map((value) => value.toUpperCase())],
    allowed: `one of ${values.join(", ")}`,
  };
}

export function flag(name: string, read: Read, byDefault: boolean): Row {
  const yes = ["true", "TRUE", "1"].map((text) => [text, true] as const);
  const no = ["false", "False", "0"].map((text) => [text, false] as const);
  return {
    name,
    read,
    byDefault,
    takes: [...yes, ...no],
    refuses: ["yes", "on", "2", "truest", "01", "10"],
    allowed: "true, false, 1 or 0",
  };
}

export function whole(
  name: string,
  read: Read,
  byDefault: number,
  [from, to]: readonly [number, number],
): Row {
  return {
    name,
    read,
    byDefault,
    takes: [
      [`${from}`, from],
      [`00${from}`, from],
      [`${to}`, to],
    ],
    refuses: [`${from - 1}`, `${to + 1}`, "1.5", "1.0", ...noNumbers],
    allowed: `a whole number from ${from} to ${to}`,
  };
}

type Bound = readonly [text: string, value: number];

export function number(
  name: string,
  read: Read,
  byDefault: number,
  from: Bound,
  to: Bound,
  beyond: readonly string[],
): Row {
  return {
    name,
    read,
    byDefault,
    takes: [from, to],
    refuses: [...beyond, ...noNumbers],
    allowed: `a number from ${from[0]} to ${to[0]}`,
  };
}

/** May be below 0. */
export function logits(name: string, read: Read): Row {
  return {
    name,
    read,
    byDefault: 0,
    takes: [
      ["-10", -10],
      ["10", 10],
      ["-0.25", -0.25],
    ],
    refuses: ["-10.1", "10.001", "--1", ...noNumbers.filter((text) => text !== "-1")],
    allowed: "a number from -10 to 10",
  };
}

/** Given in seconds, from 0.01; read in milliseconds. */
export function seconds(name: string, read: Read, byDefault: number, most: number): Row {
  return number(
    name,
    read,
    byDefault * 1_000,
    ["0.01", 10],
    [`${most}`, most * 1_000],
    ["0.0099", `${most}.001`],
  );
}

/** Given in hours; read in milliseconds. */
export function hours(name: string, read: Read, byDefault: number): Row {
  return number(
    name,
    read,
    byDefault * 3_600_000,
    ["0.0001", 360],
    ["480", 1_728_000_000],
    ["0.000099", "480.0001"],
  );
}

export function share(name: string, read: Read, byDefault: number, most: number): Row {
  const takes: readonly Bound[] = [
    ["0.0002", 0.0002],
    [`${most}`, most],
  ];
  return {
    name,
    read,
    byDefault,
    takes,
    refuses: ["0", "0.0", "1.0001", "80%", ...noNumbers],
    allowed: "a number above 0 and at most 1",
  };
}

export function vendor(
  name: "anthropic" | "openai" | "google" | "openrouter",
  baseUrl: string,
): readonly Row[] {
  const prefix = name.toUpperCase();
  return [
    {
      name: `${prefix}_API_KEY`,
      read: (config) => config.providers[name].apiKey,
      byDefault: null,
      takes: ["s", "k".repeat(1000)].map((key) => [key, key]),
      refuses: ["sk x", "sk\nx", "sk\u0000x", "sk\u007f", "sk\u00e9", "k".repeat(1001)],
      allowed: "1 to 1000 printable ASCII characters without blanks",
      isSecret: true,
    },
    flag(`${prefix}_ENABLED`, (config) => config.providers[name].enabled, true),
    {
      name: `${prefix}_DEFAULT_MODEL`,
      read: (config) => config.providers[name].defaultModel,
      byDefault: null,
      takes: ["vendor/model-4.1:free", "!~", "m".repeat(200)].map((model) => [model, model]),
      refuses: ["two words", "m".repeat(201), "gpt‑6", "\ud83d", "\u007f"],
      allowed: "a model's id: 1 to 200 printable ASCII characters without blanks",
    },
    {
      name: `${prefix}_BASE_URL`,
      read: (config) => config.providers[name].baseUrl,
      byDefault: baseUrl,
      takes: [
        ["http://127.0.0.1:9000", "http://127.0.0.1:9000"],
        ["https://llm.example/v1//", "https://llm.example/v1"],
        ["HTTPS://LLM.example/V1", "https://llm.example/V1"],
      ],
      refuses: [
        "llm.example",
        "ftp://llm.example",
        "https://",
        "https://llm.example:99999",
        "https://llm .example",
      ],
      allowed: "an http:// or https:// URL without credentials, query or fragment",
    },
    liveCalls(name),
  ];
}

export function liveCalls(name: keyof Config["liveConcurrency"]): Row {
  return whole(
    `${name.toUpperCase()}_LIVE_CONCURRENCY`,
    (config) => config.liveConcurrency[name],
    256,
    [1, 100_000],
  );
}
