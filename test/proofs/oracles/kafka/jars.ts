/** The files of which Kafka is made: fetched once by Maven, from wherever this machine's Maven fetches, and held against a list of their hashes. */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../bench/processes.ts";

const source = import.meta.dirname;
/** Far more than 45 MB take, with Maven's own parts beside them. */
const fetchSeconds = 600;
const plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy-dependencies";

/** @returns the folder that holds the jars, and nothing else. @throws {Error} where one of them is not what the list says, or is not in it */
export async function kafkaJars(): Promise<string> {
  const list = readFileSync(join(source, "jars.sha256"), "utf8");
  const folder = join(tmpdir(), `llm-provider-service-kafka-${sha256(Buffer.from(list)).slice(0, 16)}`);
  if (!existsSync(folder)) await fetchInto(folder);
  const found = readdirSync(folder).map((name) => `${sha256(readFileSync(join(folder, name)))}  ${name}`);
  const listed = list.trim().split("\n");
  const differ = [
    ...listed.filter((line) => !found.includes(line)).map((line) => `missing: ${line}`),
    ...found.filter((line) => !listed.includes(line)).map((line) => `not listed: ${line}`),
  ];
  if (differ.length > 0) {
    // Fetched anew the next time.
    rmSync(folder, { recursive: true, force: true });
    throw new Error(differ.join("\n"));
  }
  return folder;
}

/** There is nothing, or all of it: two may fetch at once, and one may be ended. */
async function fetchInto(folder: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "kafka-jars-"));
  try {
    cpSync(join(source, "pom.xml"), join(work, "pom.xml"));
    mkdirSync(join(work, "jars"));
    const args = [
      "-q",
      "-B",
      `-Dmaven.repo.local=${join(work, "repository")}`,
      plugin,
      `-DoutputDirectory=${join(work, "jars")}`,
      "-DincludeScope=runtime",
    ];
    await run({ file: "mvn", args, env: process.env, cwd: work }, null, fetchSeconds);
    if (!existsSync(folder)) renameSync(join(work, "jars"), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
