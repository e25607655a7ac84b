/** A real file system of a few megabytes, in memory, that a test fills up. Mounting one takes root. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export interface SmallDisk {
  readonly directory: string;
  /** Until not a byte is left, as another program would. Can be repeated. */
  fill(): void;
  /** Makes room again. */
  empty(): void;
}

/** @returns whether such a disk can be made here; where it can't, a line says what is skipped. @throws {Error} in CI, where it can't */
export function hasSmallDisk(skipped: string): boolean {
  try {
    const at = mkdtempSync(join(tmpdir(), "small-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", at], { stdio: "ignore" });
    execFileSync("umount", [at]);
    rmSync(at, { recursive: true });
    return true;
  } catch (error) {
    if (process.env["CI"]) throw error;
    process.stderr.write(`No file system can be mounted here: ${skipped} is not tested.\n`);
    return false;
  }
}

export function smallDiskForTest(megabytes: number): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), "small-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "tmpfs", directory]);
  onTestFinished(() => {
    execFileSync("umount", ["--lazy", directory]);
    rmSync(directory, { recursive: true, force: true });
  });
  const filler = join(directory, "of-another-program");
  return {
    directory,
    fill() {
      const file = openSync(filler, "a");
      try {
        for (const size of [1_048_576, 4_096, 1]) fillWith(file, Buffer.alloc(size, 1));
      } finally {
        closeSync(file);
      }
    },
    empty: () => rmSync(filler, { force: true }),
  };
}

function fillWith(file: number, block: Buffer): void {
  try {
    while (writeSync(file, block) > 0);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}
