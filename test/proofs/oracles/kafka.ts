/**
 * A real Kafka, in its newest version: takes what the service tells the bus, is killed and comes back, wants a password over TLS, or has no such topic.
 * What it has taken is read by Kafka's own console consumer, in Java, which knows nothing of the client that the service uses.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Kafka } from "cloudevents";
import { storiesIn, type SunkEvent } from "../../support/event-sink.ts";
import { startNodeService, type NodeService } from "../../support/node-service.ts";
import { startBroker, type Broker, type KafkaRecord } from "./kafka/broker.ts";
import { kafkaJars } from "./kafka/jars.ts";
import type { Check, Oracle } from "./oracle.ts";

export const oracle: Oracle = {
  tools: [
    {
      command: "java",
      versionArgs: ["-version"],
      debianPackage: "default-jre-headless",
      howToGet: "apt-get install default-jre-headless (17 or newer)",
    },
    {
      command: "mvn",
      versionArgs: ["--version"],
      debianPackage: "maven",
      howToGet: "apt-get install maven: it fetches Kafka, once",
    },
    {
      command: "openssl",
      versionArgs: ["version"],
      debianPackage: "openssl",
      howToGet: "apt-get install openssl: it makes the broker's certificate",
    },
  ],
  async ask(check) {
    const folder = mkdtempSync(join(tmpdir(), "oracle-kafka-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    let jars = "";
    const isThere = await check("Kafka is what the list says, byte for byte", async () => {
      jars = await kafkaJars();
    });
    if (!isThere) return;
    let broker: Broker | null = null;
    await check("a broker starts", async () => {
      broker = await startBroker(jars, folder);
      for (const topic of ["plain", "scram", "killed"]) await broker.createTopic(topic);
    });
    if (broker === null) return;
    await askPlain(broker, check);
    await askScram(broker, check);
    await askKilled(broker, check);
    await askWrong(broker, check);
  },
};

const service = (env: Readonly<Record<string, string>>) =>
  startNodeService({ ENVIRONMENT: "test", MOCK_LATENCY_MS: "20", ...env });

async function queue({ compare }: NodeService, count: number): Promise<readonly string[]> {
  return await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const { status, body } = await compare({
        processing_mode: "queue",
        essay_a: `canary essay ${at}`,
        metadata: { pupil: "canary metadata" },
      });
      if (status !== 202) throw new Error(`A ticket was answered with ${status}`);
      return String(body["queue_id"]);
    }),
  );
}

async function untilJudged(asked: NodeService, ids: readonly string[]): Promise<void> {
  for (const id of ids)
    await until(async () => (await asked.request(`/api/v1/results/${id}`)).status === 200, `${id} is judged`);
}

async function until(isSo: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const endsAtMs = performance.now() + 60_000;
  while (!(await isSo())) {
    if (performance.now() > endsAtMs) throw new Error(`Not within a minute: ${what}`);
    await pause(100);
  }
}

/** Every ticket's whole story, and nothing of anybody else. @throws {Error} */
function mustTell(records: readonly KafkaRecord[], ids: readonly string[]): void {
  const events = records.map(({ key, value, headers, partition }) => {
    if (value.includes("canary")) throw new Error(`A text is in it: ${value}`);
    // CloudEvents' own library reads it as its Kafka binding has it.
    const [name = "", ...type] = headers.split(":");
    const message = { headers: { [name]: type.join(":") }, key, value, body: value };
    const { id } = Kafka.toEvent(message) as { readonly id: string };
    const event = JSON.parse(value) as SunkEvent;
    if (event.subject !== key || event.id !== id) throw new Error(`${event.id} has the key ${key}`);
    return { ...event, partition };
  });
  const stories = storiesIn(events);
  const wrong = ids.filter((id) => !/^queued .*completed$/.test(stories.get(id) ?? ""));
  if (wrong.length > 0)
    throw new Error(wrong.map((id) => `${id}: ${stories.get(id) ?? "nothing"}`).join("\n"));
  if (stories.size !== ids.length) throw new Error(`${stories.size} tickets instead of ${ids.length}`);
  const places = new Set(events.map(({ subject, partition }) => `${subject} ${partition}`));
  if (places.size !== ids.length) throw new Error("A ticket is in more than one partition");
}

async function askPlain(broker: Broker, check: Check): Promise<void> {
  const one = await service({ KAFKA_BOOTSTRAP_SERVERS: broker.plain, KAFKA_TOPIC: "plain" });
  let records: readonly KafkaRecord[] = [];
  await check("it has taken every event of every ticket, in order, and no text", async () => {
    const ids = await queue(one, 40);
    await untilJudged(one, ids);
    records = await broker.read("plain", 120);
    mustTell(records, ids);
    await one.stop();
  });
  await check("Java's own producer puts the same keys into the same partitions", async () => {
    await broker.write("plain", [...new Set(records.map(({ key }) => key))]);
    const ours = new Map(records.map(({ key, partition }) => [key, partition]));
    const theirs = (await broker.read("plain", 160)).filter(({ value }) => value === "by Java");
    const differ = theirs.filter(({ key, partition }) => ours.get(key) !== partition);
    if (theirs.length !== ours.size || differ.length > 0)
      throw new Error(`${differ.length} of ${theirs.length} keys lie elsewhere`);
  });
}

function secureEnv({ secure, authorityFile, user }: Broker, password = user.password) {
  return {
    KAFKA_BOOTSTRAP_SERVERS: secure,
    KAFKA_TLS: "true",
    KAFKA_USERNAME: user.name,
    KAFKA_PASSWORD: password,
    NODE_EXTRA_CA_CERTS: authorityFile,
  };
}

async function askScram(broker: Broker, check: Check): Promise<void> {
  await check("over TLS, with SCRAM of either kind, by an authority that Node is told of", async () => {
    const ids: string[] = [];
    const kinds = [
      ["scram-sha-512", broker.secure],
      ["scram-sha-256", broker.secureByName],
    ] as const;
    for (const [mechanism, servers] of kinds) {
      const one = await service({
        ...secureEnv(broker),
        KAFKA_BOOTSTRAP_SERVERS: servers,
        KAFKA_TOPIC: "scram",
        KAFKA_SASL_MECHANISM: mechanism,
      });
      const fresh = await queue(one, 5);
      await untilJudged(one, fresh);
      ids.push(...fresh);
      mustTell(await broker.read("scram", 3 * ids.length), ids);
      await one.stop();
    }
  });
}

async function askKilled(broker: Broker, check: Check): Promise<void> {
  await check("killed with -9 in the middle and started again, it has every event, in order", async () => {
    const one = await service({ KAFKA_BOOTSTRAP_SERVERS: broker.plain, KAFKA_TOPIC: "killed" });
    const ids = [...(await queue(one, 10))];
    const more = queue(one, 30);
    await broker.kill();
    ids.push(...(await more), ...(await queue(one, 10)));
    // Tickets don't care.
    await untilJudged(one, ids);
    await until(() => one.logged("bus_failing").length === 1, "it says that the bus fails");
    await broker.start();
    await until(() => one.logged("bus_back").length === 1, "it says that the bus is back");
    await until(
      async () => !JSON.stringify((await one.request("/healthz")).body["warnings"]).includes("The bus"),
      "its health says nothing of the bus any more",
    );
    mustTell(await broker.read("killed"), ids);
    await one.stop();
  });
}

async function askWrong(broker: Broker, check: Check): Promise<void> {
  const rows = [
    [
      "with a wrong password it takes nothing: that is said once, without the password, and tickets are judged",
      { ...secureEnv(broker, "canary-password"), KAFKA_TOPIC: "plain" },
      "SASL_AUTHENTICATION_FAILED",
    ],
    [
      "a topic that is missing is not made, and is said once",
      { KAFKA_BOOTSTRAP_SERVERS: broker.plain, KAFKA_TOPIC: "missing" },
      "UNKNOWN_TOPIC_OR_PARTITION",
    ],
  ] as const;
  for (const [promise, env, code] of rows)
    await check(promise, async () => {
      const one = await service(env);
      await untilJudged(one, await queue(one, 5));
      // Long enough for a second try.
      await pause(4_000);
      const said = one.logged("bus_failing").map((line) => line["failure_code"]);
      const { body } = await one.request("/healthz");
      await one.stop();
      if (JSON.stringify(said) !== JSON.stringify([code])) throw new Error(`It said ${JSON.stringify(said)}`);
      if (!JSON.stringify(body["warnings"]).includes(`The bus (kafka) has not taken`))
        throw new Error(`Its health says ${JSON.stringify(body["warnings"])}`);
      if (one.stdout().includes("canary")) throw new Error("The password or a text is in the log");
    });
  await check("no topic was made by us", async () => {
    const topics = await broker.topics();
    if (topics.includes("missing")) throw new Error(topics.join(" "));
  });
}
