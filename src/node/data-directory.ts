/** The directory of the data, made ready before anything in it is opened: ours, and for nobody else on this machine. */
import { accessSync, chmodSync, constants, mkdirSync, readdirSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "../domain/result.ts";

/** What the service keeps there, with what SQLite puts beside its files. */
const ours = /^llm-provider-service\./;

/**
 * Makes the directory where there is none, and takes from everybody else what they may do with the files.
 *
 * @param uid of this process; `undefined`: the system has none
 * @returns warnings; or why there can be no start, as a sentence for whoever runs the service
 */
export function openDataDirectory(
  directory: string,
  uid = process.geteuid?.(),
): Result<readonly string[], string> {
  const refuse = (why: string) => err(`The data in ${directory} can't be used. ${why}`);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const found = statSync(directory);
    const why = whyNotIn(directory, found, uid);
    if (why !== null) return refuse(why);
    for (const name of readdirSync(directory).filter((name) => ours.test(name))) {
      const path = join(directory, name);
      const file = statSync(path);
      if (uid !== undefined && file.uid !== uid) {
        return refuse(
          `${name} belongs to another user (uid ${file.uid}), and the service runs as uid ${uid}. ${howTo(directory, uid)}`,
        );
      }
      if ((file.mode & 0o177) !== 0) chmodSync(path, 0o600);
    }
    return ok(warningsAbout(directory, found));
  } catch (error) {
    if (codeOf(error) === "EEXIST") return refuse("It is there, and is no directory.");
    return refuse(`${error instanceof Error ? error.message : String(error)}.`);
  }
}

/** @returns why files can't be read and written in it; `null`: they can */
function whyNotIn(directory: string, { uid: owner, mode }: Stats, uid: number | undefined): string | null {
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    if (codeOf(error) === "EROFS") return "Its file system is mounted read-only.";
    return `The directory belongs to uid ${owner} (mode ${modeOf(mode)}), and the service, which runs as uid ${uid}, may not read and write in it. ${howTo(directory, uid)}`;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : null;
}

function howTo(directory: string, uid: number | undefined): string {
  return `Run it as their owner, or give them to this user: chown -R ${uid} ${directory}`;
}

function warningsAbout(directory: string, { mode }: Stats): readonly string[] {
  const mayEnter = (mode & 0o011) !== 0;
  const mayChange = (mode & 0o022) !== 0;
  if (!mayEnter && !mayChange) return [];
  const can = mayChange
    ? "take files out of it and put others in"
    : "see what files there are, though not read them";
  return [
    `other users of this machine can enter DATA_DIR (${directory}, mode ${modeOf(mode)}) and ${can}: chmod 700 keeps them out`,
  ];
}

function modeOf(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}
