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
    return [requestId, delay, status, winner, confidence, tokens, String(justification).slice(0, 30)].join(
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
  "mock-37d9785c | 118.109 | 200 | Essay A | 4.9 | 106+133(62) | Essay A is the more convincing",
  "mock-5c9131aa | 136.075 | 503 | - | - | - | -",
  "mock-144543ac | 100.740 | 200 | Essay A | 4.8 | 106+141(81) | Essay A makes the stronger cas",
  "mock-38bfca0d | 130.650 | 200 | Essay B | 2.6 | 106+114(40) | Essay B is the more convincing",
  "mock-7fdce569 | 130.795 | 200 | Essay B | 4 | 106+150(78) | Essay B answers the question m",
  "mock-21f60151 | 127.528 | 200 | Essay B | 4.4 | 106+118(44) | Essay B is the more convincing",
  "mock-daaa14e6 | 149.568 | 200 | Essay A | 4.1 | 106+152(69) | Essay A makes the stronger cas",
  "mock-7a255ce8 | 141.901 | 200 | Essay B | 1 | 106+96(31) | Essay B makes the stronger cas",
  "mock-6341e44a | 140.106 | 200 | Essay B | 1.5 | 106+135(74) | Essay B is the more convincing",
  "mock-e3bcfb7f | 136.059 | 429 | - | - | - | -",
  "mock-c73467da | 131.081 | 200 | Essay B | 2.9 | 106+165(83) | Essay B answers the question m",
  "mock-ff87141c | 129.873 | 200 | Essay B | 3.8 | 106+119(57) | Essay B answers the question m",
];
