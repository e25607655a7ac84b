import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { Reply } from "../../src/gateway/ports.ts";

const child = join(import.meta.dirname, "../support/mock-golden-child.ts");

async function printedWith(seed: number): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [child, String(seed)]);
  return stdout;
}

/** A line for each reply, short enough to be read beside the list below. */
function lines(printed: string): string[] {
  const { replies, delaysMs } = JSON.parse(printed) as { replies: Reply[]; delaysMs: number[] };
  return replies.map((reply, at) => {
    const { status, outcome, usage, requestId } = reply;
    const { winner, confidence, justification } = outcome.ok
      ? (JSON.parse(outcome.value.text) as Record<string, string | number>)
      : { winner: "-", confidence: "-", justification: "-" };
    const tokens =
      usage === null ? "-" : `${usage.promptTokens}+${usage.completionTokens}(${usage.reasoningTokens})`;
    const delay = delaysMs[at]?.toFixed(3);
    return [requestId, delay, status, winner, confidence, tokens, String(justification).slice(-30)].join(
      " | ",
    );
  });
}

it("judges the same in every process, today and after every change", async () => {
  const [one, other] = await Promise.all([printedWith(42), printedWith(42)]);
  expect(other).toBe(one);
  expect(lines(one)).toEqual(golden);
});

it("judges otherwise with another seed", async () => {
  expect(lines(await printedWith(43))).not.toEqual(golden);
});

/** Pinned: demonstrations and recorded experiments count on it. A change here is a change that users notice. */
const golden = [
  "mock-37d9785c | 118.109 | 200 | Essay A | 4.9 | 106+159(84) | k goes by marks in the essays.",
  "mock-5c9131aa | 136.075 | 503 | - | - | - | -",
  "mock-144543ac | 100.740 | 200 | Essay A | 4.8 | 106+80(39) |  Essay A, and not for Essay B.",
  "mock-38bfca0d | 130.650 | 200 | Essay B | 2.6 | 106+151(76) | k goes by marks in the essays.",
  "mock-7fdce569 | 130.795 | 200 | Essay B | 4 | 106+83(34) | her seed may decide otherwise.",
  "mock-21f60151 | 127.528 | 200 | Essay B | 4.4 | 106+122(47) | k goes by marks in the essays.",
  "mock-daaa14e6 | 149.568 | 200 | Essay A | 4.1 | 106+109(68) |  Essay A, and not for Essay B.",
  "mock-7a255ce8 | 141.901 | 200 | Essay B | 1 | 106+93(53) |  Essay B, and not for Essay A.",
  "mock-6341e44a | 140.106 | 200 | Essay B | 1.5 | 106+145(70) | k goes by marks in the essays.",
  "mock-e3bcfb7f | 136.059 | 429 | - | - | - | -",
  "mock-c73467da | 131.081 | 200 | Essay B | 2.9 | 106+100(51) | her seed may decide otherwise.",
  "mock-ff87141c | 129.873 | 200 | Essay B | 3.8 | 106+130(81) | her seed may decide otherwise.",
];
