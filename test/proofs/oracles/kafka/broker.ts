/** A Kafka broker of our own on loopback: plain on one port, SASL over TLS on another. Its folder outlives it, so that it can be killed. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { quietPort } from "../../../support/redis/port.ts";
import { run } from "../../bench/processes.ts";

export interface Broker {
  /** `host:port`. */
  readonly plain: string;
  readonly secure: string;
  /** The same by name. */
  readonly secureByName: string;
  /** Of the authority that only this broker has, in PEM. */
  readonly authorityFile: string;
  readonly user: { readonly name: string; readonly password: string };
  createTopic(topic: string): Promise<void>;
  topics(): Promise<readonly string[]>;
  /** @param count as many as there should be, which spares a wait; absent: all, also what came twice */
  read(topic: string, count?: number): Promise<readonly KafkaRecord[]>;
  /** By Java's own producer. */
  write(topic: string, keys: readonly string[]): Promise<void>;
  kill(): Promise<void>;
  /** On the same folder and ports. */
  start(): Promise<void>;
}

export interface KafkaRecord {
  readonly partition: number;
  readonly headers: string;
  readonly key: string;
  readonly value: string;
}

/** Of each topic. */
const partitions = 3;
/** Far more than it takes on a small machine that does other work. */
const startSeconds = 60;
/** In which nothing comes to a consumer: a broker that was started anew takes its time for the first. */
const idleMs = 12_000;
/** Quick to start rather than quick. */
const java = ["-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/** @param folder for all that it keeps @throws {Error} */
export async function startBroker(jars: string, folder: string): Promise<Broker> {
  const user = { name: "service", password: randomBytes(16).toString("hex") };
  const [plainPort, securePort, controllerPort] = [await quietPort(), await quietPort(), await quietPort()];
  const [plain, secure] = [`127.0.0.1:${plainPort}`, `127.0.0.1:${securePort}`];
  const authorityFile = await certificatesIn(folder);
  const properties = join(folder, "server.properties");
  writeFileSync(properties, propertiesOf({ plain, secure, controllerPort }, folder));
  const classes = ["-cp", join(jars, "*")];
  const tool = (name: string, ...args: readonly string[]) =>
    run({ file: "java", args: [...java, ...classes, name, ...args], env: process.env }, null, startSeconds);
  const clusterId = randomBytes(16).toString("base64url");
  const scram = ["256", "512"].flatMap((bits) => [
    "--add-scram",
    `SCRAM-SHA-${bits}=[name=${user.name},password=${user.password}]`,
  ]);
  await tool("kafka.tools.StorageTool", "format", "-t", clusterId, "-c", properties, ...scram);

  let child: ChildProcess | null = null;
  process.on("exit", () => child?.kill("SIGKILL"));

  async function start(): Promise<void> {
    const broker = spawn("java", [...java, ...classes, "kafka.Kafka", properties], { stdio: "ignore" });
    child = broker;
    const endsAtMs = performance.now() + startSeconds * 1000;
    while (!(await listens(plainPort)) || !(await listens(securePort))) {
      if (broker.exitCode !== null || performance.now() > endsAtMs)
        throw new Error(`The broker did not come up (${broker.exitCode})`);
      await pause(50);
    }
  }

  await start();
  const topicTool = (...args: readonly string[]) =>
    tool("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", plain, ...args);
  return {
    plain,
    secure,
    secureByName: `localhost:${securePort}`,
    authorityFile,
    user,
    createTopic: async (topic) =>
      void (await topicTool("--create", "--topic", topic, "--partitions", String(partitions))),
    topics: async () => (await topicTool("--list")).trim().split("\n"),
    read: async (topic, count) => {
      const shown = ["partition", "headers", "key"].flatMap((what) => [
        "--formatter-property",
        `print.${what}=true`,
      ]);
      const from = ["--bootstrap-server", plain, "--topic", topic, "--from-beginning"];
      const end = count === undefined ? [] : ["--max-messages", String(count)];
      const args = [...from, "--timeout-ms", String(idleMs), ...end, ...shown];
      return recordsIn(await tool("org.apache.kafka.tools.consumer.ConsoleConsumer", ...args));
    },
    async write(topic, keys) {
      const lines = join(folder, "lines");
      writeFileSync(lines, keys.map((key) => `${key}|by Java\n`).join(""));
      const reader = ["parse.key=true", "key.separator=|"].flatMap((what) => ["--reader-property", what]);
      const args = [...java, ...classes, "org.apache.kafka.tools.ConsoleProducer"];
      const to = ["--bootstrap-server", plain, "--topic", topic];
      const producer = spawn("java", [...args, ...to, ...reader], { stdio: ["pipe", "ignore", "ignore"] });
      producer.stdin.end(readFileSync(lines));
      await once(producer, "close");
    },
    async kill() {
      const gone = child;
      if (gone === null) return;
      child = null;
      gone.kill("SIGKILL");
      await once(gone, "close");
    },
    start,
  };
}

/** `Partition:1	content-type:…	KEY	VALUE`. */
function recordsIn(printed: string): readonly KafkaRecord[] {
  return printed
    .split("\n")
    .filter((line) => line.startsWith("Partition:"))
    .map((line) => {
      const [partition = "", headers = "", key = "", ...value] = line.split("\t");
      return { partition: Number(partition.split(":")[1]), headers, key, value: value.join("\t") };
    });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.on("connect", () => end(true)).on("error", () => end(false));
  });
}

/** An authority that nobody else trusts, and what it says of 127.0.0.1. @returns the authority's file */
async function certificatesIn(folder: string): Promise<string> {
  const at = (name: string) => join(folder, name);
  const openssl = (...args: readonly string[]) =>
    run({ file: "openssl", args, env: process.env, cwd: folder }, null, 60);
  const fresh = ["req", "-newkey", "rsa:2048", "-nodes", "-sha256"];
  await openssl(
    ...fresh,
    "-x509",
    "-days",
    "2",
    "-subj",
    "/CN=An authority of our own",
    "-keyout",
    at("authority.key"),
    "-out",
    at("authority.pem"),
  );
  await openssl(...fresh, "-subj", "/CN=broker", "-keyout", at("broker.key"), "-out", at("broker.csr"));
  writeFileSync(at("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
  await openssl(
    "x509",
    "-req",
    "-in",
    at("broker.csr"),
    "-days",
    "2",
    "-sha256",
    "-extfile",
    at("names"),
    "-CA",
    at("authority.pem"),
    "-CAkey",
    at("authority.key"),
    "-CAcreateserial",
    "-out",
    at("broker.crt"),
  );
  const [key, certificate] = ["broker.key", "broker.crt"].map((name) => readFileSync(at(name), "utf8"));
  writeFileSync(at("broker.pem"), `${key}${certificate}`);
  return at("authority.pem");
}

function propertiesOf(
  { plain, secure, controllerPort }: { plain: string; secure: string; controllerPort: number },
  folder: string,
): string {
  const listeners = `PLAINTEXT://${plain},SASL_SSL://${secure}`;
  const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=${listeners},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=${listeners}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=${scram}
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=${scram}
ssl.keystore.type=PEM
ssl.keystore.location=${join(folder, "broker.pem")}
log.dirs=${join(folder, "data")}
# Whoever may not make a topic could do it by sending to one that is not there.
auto.create.topics.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
`;
}
