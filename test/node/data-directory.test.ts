/** Whose the data are on a machine that others use too: a real second user tries. */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { openDataDirectory } from "../../src/node/data-directory.ts";
import { fakeLane } from "../../tools/fake-upstream/client.ts";
import { runNodeService, startNodeService } from "../support/node-service.ts";

vi.setConfig({ testTimeout: 120_000 });

/** nobody, of a group without anybody. */
const other = 65_534;
const asOther = ["setpriv", `--reuid=${other}`, `--regid=${other}`, "--clear-groups", "--"] as const;
const command = [...asOther, process.execPath, "src/node/main.ts"] as const;
/** Only root may become somebody else; and the other must be able to read this checkout. */
const hasOther = spawnSync(asOther[0], [...asOther.slice(1), "test", "-r", "src/node/main.ts"]).status === 0;

/** Others can reach it, unlike the system's own temporary ones. */
function directoryWith(mode: number): string {
  const parent = mkdtempSync(join(tmpdir(), "data-directory-"));
  chmodSync(parent, 0o755);
  const directory = join(parent, "data");
  mkdirSync(directory);
  chmodSync(directory, mode);
  return directory;
}

const modes = (directory: string) =>
  Object.fromEntries(
    readdirSync(directory).map((name) => [name, (statSync(join(directory, name)).mode & 0o777).toString(8)]),
  );

const files = [".lock", ".sqlite", ".sqlite-shm", ".sqlite-wal"].map((end) => `llm-provider-service${end}`);
const allOurs = Object.fromEntries(files.map((name) => [name, "600"]));

/** What another user is told who tries to read a file. */
const readByOther = (path: string) =>
  spawnSync(asOther[0], [...asOther.slice(1), "cat", path], { encoding: "utf8" });

describe.concurrent("the files of the data", () => {
  it("are their owner's alone, though the directory is open to all, of which the start and the health warn", async () => {
    const DATA_DIR = directoryWith(0o755);
    const service = await startNodeService({ DATA_DIR });
    await service.compare({ processing_mode: "queue" });
    expect(modes(DATA_DIR)).toMatchObject(allOurs);
    const warning = `other users of this machine can enter DATA_DIR (${DATA_DIR}, mode 0755) and see what files there are, though not read them: chmod 700 keeps them out`;
    expect(service.logged("started")[0]?.["warnings"]).toContain(warning);
    expect((await service.request("/healthz")).body["warnings"]).toContain(warning);
    await service.stop();
    const service2 = await startNodeService({ DATA_DIR: join(DATA_DIR, "deep", "data") });
    expect(service2.logged("started")[0]?.["warnings"]).toEqual([]);
    expect((statSync(join(DATA_DIR, "deep")).mode & 0o777).toString(8)).toBe("700");
    await service2.stop();
  });

  it.skipIf(!hasOther)(
    "can't be read by another user, nor held, also where an older version left them open",
    async () => {
      const DATA_DIR = directoryWith(0o755);
      const first = await startNodeService({ DATA_DIR });
      await first.stop();
      for (const name of readdirSync(DATA_DIR)) chmodSync(join(DATA_DIR, name), 0o644);
      const service = await startNodeService({ DATA_DIR });
      await service.compare({ processing_mode: "queue" });
      expect(modes(DATA_DIR)).toMatchObject(allOurs);
      for (const name of readdirSync(DATA_DIR)) {
        const { status, stderr } = readByOther(join(DATA_DIR, name));
        expect([status, stderr]).toEqual([1, expect.stringContaining("Permission denied")]);
      }
      await service.stop();
    },
  );

  it("recorded calls are their owner's alone too", async () => {
    const cwd = directoryWith(0o755);
    const lane = fakeLane(inject("fakeUpstreamUrl"), "data-directory");
    const env = { OPENAI_API_KEY: "k", OPENAI_BASE_URL: lane.baseUrls.openai, RECORD_LLM_RESPONSES: "true" };
    const service = await startNodeService(env, { cwd });
    expect((await service.compare()).status).toBe(200);
    await service.stop();
    expect(modes(cwd)).toEqual({ llm_response_logs: "700" });
    expect(Object.values(modes(join(cwd, "llm_response_logs")))).toEqual(["600"]);
  });
});

describe.skipIf(!hasOther).concurrent("data of another user", () => {
  it("in a directory that can't be written to: it refuses to start, and says whose it is", async () => {
    const DATA_DIR = directoryWith(0o755);
    const { code, stdout, stderr } = await runNodeService({ DATA_DIR }, { command });
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(
      `The data in ${DATA_DIR} can't be used. The directory belongs to uid 0 (mode 0755), and the service, which runs as uid ${other}, may not read and write in it. Run it as their owner, or give them to this user: chown -R ${other} ${DATA_DIR}\n`,
    );
  });

  it("in a directory that all may write to: it refuses to start, and leaves them as they are", async () => {
    const DATA_DIR = directoryWith(0o777);
    await (await startNodeService({ DATA_DIR })).stop();
    const before = modes(DATA_DIR);
    const { code, stderr } = await runNodeService({ DATA_DIR }, { command });
    expect(code).toBe(1);
    expect(stderr).toContain(`belongs to another user (uid 0), and the service runs as uid ${other}.`);
    expect(modes(DATA_DIR)).toEqual(before);
  });

  it("are not taken by root either, whose files their owner could not use afterwards", async () => {
    const DATA_DIR = directoryWith(0o700);
    chownSync(DATA_DIR, other, other);
    const theirs = await startNodeService({ DATA_DIR }, { command });
    expect((await theirs.compare({ processing_mode: "queue" })).status).toBe(202);
    await theirs.stop();
    const { code, stderr } = await runNodeService({ DATA_DIR });
    expect(code).toBe(1);
    expect(stderr).toContain(`belongs to another user (uid ${other}), and the service runs as uid 0.`);
    await (await startNodeService({ DATA_DIR }, { command })).stop();
  });
});

it("says that a file system is mounted read-only, and advises nobody to give it away", () => {
  const directory = directoryWith(0o700);
  const isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", directory]).status === 0;
  onTestFinished(() => void (isMounted && spawnSync("umount", ["--lazy", directory])));
  const error = `The data in ${directory} can't be used. Its file system is mounted read-only.`;
  expect(openDataDirectory(directory)).toEqual(isMounted ? { ok: false, error } : { ok: true, value: [] });
});

it("says that what stands in its place is no directory", () => {
  const file = join(directoryWith(0o700), "a file");
  writeFileSync(file, "");
  const error = `The data in ${file} can't be used. It is there, and is no directory.`;
  expect(openDataDirectory(file)).toEqual({ ok: false, error });
});

it("warns of a directory in which others can put files of theirs", () => {
  const directory = directoryWith(0o777);
  writeFileSync(join(directory, "somebody's"), "");
  chmodSync(join(directory, "somebody's"), 0o644);
  expect(openDataDirectory(directory)).toEqual({
    ok: true,
    value: [expect.stringContaining("mode 0777) and take files out of it")],
  });
  expect(modes(directory)).toEqual({ "somebody's": "644" });
});

it.each([0o700, 0o740, 0o704])("has nothing to say of mode %o, which nobody else can enter", (mode) => {
  expect(openDataDirectory(directoryWith(mode))).toEqual({ ok: true, value: [] });
});
