import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export interface Guard {
  /** The process to take along. `null`: none at this moment. */
  watch(child: ChildProcess | null): void;
  /** Kills what it watches and removes the folder now. */
  end(): Promise<void>;
}

/**
 * A shell that holds a pipe to this process, and kills what it was told of and removes the folder when the pipe ends: also after a SIGKILL
 * of this process, of which no exit handler hears.
 */
export function guard(folder: string): Guard {
  const shell = spawn("/bin/sh", ["-c", script, folder], {
    stdio: ["pipe", "ignore", "ignore"],
    // A group of its own: a Ctrl-C at the terminal is not for it.
    detached: true,
  });
  shell.stdin.on("error", () => undefined);
  const gone = once(shell, "exit");
  return {
    watch: (child) => void shell.stdin.write(`${child?.pid ?? ""}\n`),
    async end() {
      shell.stdin.end();
      await gone;
    },
  };
}

const script = 'while read -r line; do pid=$line; done; [ -n "$pid" ] && kill -9 "$pid"; rm -rf "$0"';
