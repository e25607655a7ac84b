/** The settings of webhooks and of the bus, each by itself (`settings.test.ts`). */
import { choice, flag, whole, type Row } from "./setting-rows.ts";

const secretOf = (bytes: number, letter: string) =>
  `whsec_${Buffer.from(letter.repeat(bytes)).toString("base64")}`;
const shortest = secretOf(24, "a");
const longest = secretOf(64, "b");
const hint = "(npm run webhook -- TENANT/NAME URL prints one)";

const noUrls = [
  "hooks.example",
  "ftp://hooks.example",
  "https://",
  "https://hooks.example:99999",
  "https://user@hooks.example",
  "https://user:canary@hooks.example",
  "https://hooks.example/#canary",
  "https://hooks.example/#",
  String.raw`https:\\hooks.example`,
  String.raw`https://hooks.example\@evil.example`,
  "https://256.256.256.256/",
  `https://hooks.example/${"p".repeat(2_000)}`,
];

const noEntries = [
  "https://hooks.example",
  "main=https://hooks.example",
  "maths/=https://hooks.example",
  "/main=https://hooks.example",
  "maths/a/b=https://hooks.example",
  `${"t".repeat(65)}/main=https://hooks.example`,
  `maths/${"n".repeat(65)}=https://hooks.example`,
  "maths/two words=https://hooks.example",
  "maths/main=",
  ...noUrls.map((url) => `maths/main=${url}`),
];

const quiet = {
  WEBHOOK_URLS: "quiet/one=https://quiet.example",
  WEBHOOK_CALLBACK_PREFIXES: "quiet/two=https://quiet.example",
  WEBHOOK_SECRETS: `quiet/one=${secretOf(32, "q")} quiet/two=${secretOf(32, "r")}`,
};

function urlRow(name: "WEBHOOK_URLS" | "WEBHOOK_CALLBACK_PREFIXES", list: "endpoints" | "prefixes"): Row {
  const mayAsk = list === "endpoints";
  const entry = mayAsk ? "quiet/one" : "quiet/two";
  const without = mayAsk ? "user, password or fragment" : "user, password, query or fragment";
  const takes: readonly (readonly [text: string, url: string])[] = [
    ["https://Hooks.example", "https://hooks.example/"],
    ["https://hooks.example/a/=/@me", "https://hooks.example/a/=/@me"],
    ["http://127.1:9000/hook", "http://127.0.0.1:9000/hook"],
    ["http://localhost/a/../b", "http://localhost/b"],
    ["https://bücher.example:443/x", "https://xn--bcher-kva.example/x"],
    ...(mayAsk ? [["https://hooks.example/a?key=1", "https://hooks.example/a?key=1"] as const] : []),
  ];
  return {
    name,
    read: (config) => config.webhooks[list].map(({ tenant, name, url }) => `${tenant}/${name} ${url}`),
    byDefault: [],
    takes: takes.map(([text, url]) => [`${entry}=${text}`, [`${entry} ${url}`]]),
    refuses: [...noEntries, ...(mayAsk ? [] : ["maths/main=https://hooks.example/?key=canary"])],
    allowed: `entries "tenant/name=URL" separated by blanks, an https:// or http:// URL without ${without} ${hint}; entry 1 is not one`,
    isSecret: true,
    beside: quiet,
  };
}

const brokers = { KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:9092" };
const credentials = { ...brokers, KAFKA_USERNAME: "quiet", KAFKA_PASSWORD: "quiet" };

function credentialRow(name: "KAFKA_USERNAME" | "KAFKA_PASSWORD", key: "username" | "password"): Row {
  return {
    name,
    read: (config) => config.bus.kafka?.[key],
    byDefault: undefined,
    takes: ["p", "two words = 2", "~".repeat(255)].map((text) => [text, text]),
    refuses: ["~".repeat(256), "pä", "p\u0000", "p\np", "p\u007f"],
    allowed: "1 to 255 printable ASCII characters",
    isSecret: true,
    beside: credentials,
  };
}

const mechanisms = ["scram-sha-512", "scram-sha-256", "plain"];

export const pushRows: readonly Row[] = [
  urlRow("WEBHOOK_URLS", "endpoints"),
  urlRow("WEBHOOK_CALLBACK_PREFIXES", "prefixes"),
  {
    name: "WEBHOOK_SECRETS",
    read: ({ webhooks }) => [...webhooks.endpoints, ...webhooks.prefixes].map(({ secrets }) => secrets),
    byDefault: [],
    takes: [
      [`quiet/one=${shortest} quiet/two=${longest}`, [[shortest], [longest]]],
      // New first, as they are written.
      [
        `quiet/one=${longest}\n\tquiet/two=${secretOf(25, "c")}  quiet/one=${shortest}`,
        [[longest, shortest], [secretOf(25, "c")]],
      ],
    ],
    refuses: [
      shortest,
      `one=${shortest}`,
      `quiet/one=${shortest.slice("whsec_".length)}`,
      `quiet/one=whsk_${shortest.slice("whsec_".length)}`,
      "quiet/one=whsec_",
      `quiet/one=${secretOf(23, "a")}`,
      `quiet/one=${secretOf(65, "a")}`,
      `quiet/one=${shortest.slice(0, -1)}`,
      `quiet/one=${shortest},quiet/two=${longest}`,
      // Without its padding, with a bit set that says nothing, and as URLs have it.
      `quiet/one=${secretOf(25, "a").replaceAll("=", "")}`,
      `quiet/one=${secretOf(25, "a").replace("YQ==", "YR==")}`,
      `quiet/one=${secretOf(24, "\u00ff").slice(0, 38).replaceAll("/", "_")}`,
    ],
    allowed: `entries "tenant/name=whsec_…" separated by blanks, 24 to 64 bytes in base64 behind whsec_ ${hint}; entry 1 is not one`,
    isSecret: true,
    beside: quiet,
  },
  flag("WEBHOOK_INCLUDE_RESULT", (config) => config.webhooks.includeResult, false),
  whole("WEBHOOK_MAX_PENDING", (config) => config.webhooks.maxPending, 100_000, [1, 10_000_000]),
  flag("WEBHOOK_ALLOW_PRIVATE", (config) => config.webhooks.allowPrivate, false),
  {
    name: "KAFKA_BOOTSTRAP_SERVERS",
    read: (config) => config.bus.kafka?.bootstrapServers,
    byDefault: undefined,
    takes: [
      ["kafka:1", ["kafka:1"]],
      [
        "kafka-1.example:9092 , 10.0.0.1:65535,[::1]:9092",
        ["kafka-1.example:9092", "10.0.0.1:65535", "[::1]:9092"],
      ],
    ],
    refuses: [
      "kafka",
      "kafka:",
      ":9092",
      "kafka:0",
      "kafka:65536",
      "kafka:9092/",
      "two words:1",
      "::1:9092",
      ",kafka:1",
    ],
    allowed: '"host:port" of brokers, separated by commas; entry 1 is not one',
  },
  {
    name: "KAFKA_TOPIC",
    read: (config) => config.bus.kafka?.topic,
    byDefault: undefined,
    takes: ["t", "A.b_c-9", "t".repeat(249)].map((topic) => [topic, topic]),
    refuses: [".", "..", "t".repeat(250), "two words", "tickets/all"],
    allowed: "a topic's name: 1 to 249 letters, digits and . _ -",
    beside: brokers,
  },
  credentialRow("KAFKA_USERNAME", "username"),
  credentialRow("KAFKA_PASSWORD", "password"),
  {
    ...choice("KAFKA_SASL_MECHANISM", (config) => config.bus.kafka?.mechanism, "", mechanisms),
    byDefault: undefined,
    beside: credentials,
  },
  {
    ...flag("KAFKA_TLS", (config) => config.bus.kafka?.tls, false),
    byDefault: undefined,
    beside: brokers,
  },
  {
    name: "EVENTS_URL",
    read: (config) => config.bus.http?.url,
    byDefault: undefined,
    takes: [
      ["https://events.example", "https://events.example/"],
      ["HTTPS://Events.example/In?key=1", "https://events.example/In?key=1"],
      ["http://[::1]:9000/in", "http://[::1]:9000/in"],
    ],
    refuses: noUrls,
    allowed: "an https:// or http:// URL without user, password or fragment",
    isSecret: true,
  },
  {
    name: "EVENTS_TOKEN",
    read: (config) => config.bus.http?.token,
    byDefault: undefined,
    takes: ["t", "t".repeat(1000)].map((token) => [token, token]),
    refuses: ["two words", "tok\nen", "t\u00e9", "t".repeat(1001)],
    allowed: "1 to 1000 printable ASCII characters without blanks",
    isSecret: true,
    beside: { EVENTS_URL: "https://quiet.example" },
  },
];
