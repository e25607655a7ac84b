/**
 * Builds the Worker as a deploy does, and fails when it is larger than it may be. Prints who takes how much of it, and what its start costs: of
 * the start, a figure of this machine at this moment, only a ratio to another build's in the same minute says anything.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** What the rules of 2026-11-30 took (whose fault, whose refusal, whose verdict, the door) is in it; 190 KB is the most for what is planned. */
const bytesMax = 190 * 1024;
/** The quickest start of so many is told. */
const starts = 3;

function wrangler(...args: string[]): void {
  execFileSync("wrangler", args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
  });
}

const read = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));

/** Of esbuild. */
interface Metafile {
  readonly outputs: Readonly<
    Record<string, { readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }>
  >;
}

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string } }[];
  readonly samples: readonly number[];
  /** In microseconds. */
  readonly timeDeltas: readonly number[];
}

/** A package, or a room of `src`. */
function ownerOf(file: string): string {
  const packaged = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1];
  return packaged ?? /src\/[^/]+/.exec(file)?.[0] ?? file;
}

function sharesOf({ outputs }: Metafile): readonly (readonly [owner: string, bytes: number])[] {
  const shares = new Map<string, number>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const owner = ownerOf(file);
      shares.set(owner, (shares.get(owner) ?? 0) + bytesInOutput);
    }
  }
  return [...shares].toSorted(([, a], [, b]) => b - a);
}

function busyMs({ nodes, samples, timeDeltas }: Profile): number {
  const idle = new Set(
    nodes.filter(({ callFrame }) => callFrame.functionName === "(idle)").map(({ id }) => id),
  );
  return samples.reduce((sum, id, at) => sum + (idle.has(id) ? 0 : (timeDeltas[at] ?? 0)), 0) / 1_000;
}

function startMs(): number {
  const profile = "dist/start.cpuprofile";
  wrangler("check", "startup", "--outfile", profile);
  return busyMs(read(profile) as Profile);
}

wrangler("deploy", "--dry-run", "--outdir", "dist", "--metafile", "dist/meta.json");
for (const [owner, bytes] of sharesOf(read("dist/meta.json") as Metafile)) {
  if (bytes >= 1_024) console.log(`${(bytes / 1_024).toFixed(1).padStart(7)} KB minified: ${owner}`);
}
const quickestMs = Math.min(...Array.from({ length: starts }, startMs));
console.log(`Its start takes ${quickestMs.toFixed(0)} ms of CPU on this machine, the quickest of ${starts}.`);
const bytes = gzipSync(readFileSync("dist/worker.js"), { level: 9 }).length;
console.log(
  `The Worker's bundle: ${(bytes / 1024).toFixed(1)} KB gzipped, of ${bytesMax / 1024} KB allowed.`,
);
if (bytes > bytesMax) process.exit(1);
