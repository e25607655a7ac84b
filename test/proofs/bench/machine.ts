import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { Options } from "./options.ts";
import { chatBody, comparisonBody, responsesAnswer } from "./payload.ts";
import { othersCore, pinned, serviceCore } from "./processes.ts";

/** When, where and how a run was made, as Markdown lines: figures without these say nothing. */
export function machineLines(options: Options): string[] {
  return [
    `${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; ` +
      `Node ${process.versions.node}, ${["workerd", "hono", "undici"].map((name) => `${name} ${versionOf(name)}`).join(", ")}.`,
    pinned
      ? `The service alone on core ${serviceCore}; upstream and load generator on core ${othersCore}.`
      : "Not pinned to cores (no `taskset`, or fewer than two cores): trust these figures less.",
    `A comparison of ${kilobytes(comparisonBody)} kB (Portkey: ${kilobytes(chatBody)} kB), an answer of ${kilobytes(responsesAnswer)} kB; ` +
      `medians of ${options.rounds} round${options.rounds === 1 ? "" : "s"} (least–most), windows of ${options.seconds} s. ` +
      "Logging is on; standard output goes to /dev/null.",
  ];
}

function kilobytes(text: string): string {
  return (Buffer.byteLength(text) / 1000).toFixed(1);
}

function versionOf(name: string): string {
  const file = join(import.meta.dirname, "../../../node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}
