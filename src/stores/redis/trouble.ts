/** What is the matter with a Redis, by what it says, or by what the system says of the way to it. */
import { noAnswer, StoreAway, type StoreError, type StoreTrouble } from "../../gateway/ports.ts";
import { NotDone } from "../failover/primary-store.ts";

/** By the first word of its errors. */
const byFirstWord: Readonly<Record<string, StoreError>> = {
  WRONGPASS: "wrong_credentials",
  NOAUTH: "wrong_credentials",
  NOPERM: "wrong_credentials",
  READONLY: "read_only",
  MISCONF: "read_only",
  OOM: "full",
};

/** Errors of the system, as Node names them. */
const byCode: Readonly<Record<string, StoreError>> = {
  ECONNREFUSED: "refused",
  ENOTFOUND: "unknown_host",
  EAI_AGAIN: "unknown_host",
  EAI_FAIL: "unknown_host",
  EAI_NODATA: "unknown_host",
  ETIMEDOUT: "timeout",
};

/** Behind the first word `ERR`, which says nothing: sentences that hold nothing of what was asked. */
const sentences: readonly (readonly [beginning: string, StoreError])[] = [
  ["ERR AUTH <password> called without any password configured", "wrong_credentials"],
  ["ERR DB index is out of range", "other"],
  ["ERR SELECT is not allowed in cluster mode", "other"],
  ["ERR max number of clients reached", "other"],
  ["ERR max daily request limit exceeded", "other"],
];

/** The words of a script that may not do all that it does. */
const deniedInScript = "The user executing the script can't run this command or subcommand";

export function troubleOf(error: unknown): StoreTrouble {
  if (error instanceof StoreAway && error.trouble !== null) return error.trouble;
  // Of a signal that is aborted after a time.
  if (error instanceof Error && error.name === "TimeoutError") return noAnswer;
  const code = codeIn(error);
  if (code !== null) return { error: byCode[code] ?? "other", code };
  return troubleSaid(error instanceof Error ? error.message : "");
}

/**
 * May what was asked have happened? Not where Redis says before it begins that there is no room for more, that it may not write, that it can't
 * serve us, or not now. A script that is stopped at a command that it may not run has run those before it.
 */
export function awayBy(cause: unknown, said: string): StoreAway {
  const options = { cause, trouble: troubleOf(cause) };
  if (/^(?:OOM|READONLY|MISCONF|NOREPLICAS) /.test(said)) return new NotDone("refused", said, options);
  if (
    /^(?:LOADING|MASTERDOWN|NOAUTH|NOPERM|BUSY|CLUSTERDOWN|MOVED|CROSSSLOT) (?!ACL failure in script)/.test(
      said,
    )
  )
    return new NotDone("not_connected", said, options);
  return new StoreAway(said, options);
}

/** @param said an error as Redis words it */
export function troubleSaid(said: string): StoreTrouble {
  if (said.includes(deniedInScript) || said.includes("NOPERM"))
    return { error: "wrong_credentials", code: ["NOPERM", ...commandDenied(said)].join(" ") };
  const sentence = sentences.find(([beginning]) => said.startsWith(beginning));
  if (sentence !== undefined) return { error: sentence[1], code: sentence[0] };
  const code = /^-?([A-Z]{2,})\b/.exec(said)?.[1] ?? "UNKNOWN";
  // Its disk is full, not its memory.
  if (code === "MISCONF" && /no space/i.test(said)) return { error: "full", code };
  return { error: byFirstWord[code] ?? "other", code };
}

/** Redis names the command that a user may not run, and no key or channel of what was asked. */
function commandDenied(said: string): readonly string[] {
  const command = /permissions to run the '([a-z|-]+)' command/.exec(said)?.[1];
  return command === undefined ? [] : [command.toUpperCase()];
}

/** Where a name has several addresses, each has its error. */
function codeIn(error: unknown): string | null {
  const all = error instanceof AggregateError ? [error, ...(error.errors as readonly unknown[])] : [error];
  for (const one of all) {
    if (one instanceof Error && "code" in one && typeof one.code === "string") return one.code;
  }
  return null;
}

/** For whoever runs the service. */
export function troubleInWords({ error, code }: StoreTrouble): string {
  switch (error) {
    case "refused":
      return `Nothing listens at the address of Redis (${code}).`;
    case "unknown_host":
      return `The host of Redis is not known here (${code}).`;
    case "wrong_credentials":
      return code.startsWith("NOPERM")
        ? `Redis' user lacks rights that the service needs (${code}): docs/operate.md lists them.`
        : `Redis refuses the credentials in REDIS_URL (${code}).`;
    case "timeout":
      return code === "GREETING" ? strangeInWords : "Redis does not answer in time.";
    case "read_only":
      return `Redis takes no writes (${code}): it is a replica, or can't store.`;
    case "full":
      return `Redis is full (${code}): new tickets wait in SQLite until there is room.`;
    case "other":
      return otherInWords(code);
  }
}

const strangeInWords =
  "What listens at the address of Redis does not speak as REDIS_URL says: is it TLS (rediss://) on a plain port, or the other way round?";

function otherInWords(code: string): string {
  switch (code) {
    case "LOADING":
      return "Redis is still reading its data (LOADING).";
    case "CLUSTERDOWN":
    case "MOVED":
    case "CROSSSLOT":
    case "ERR SELECT is not allowed in cluster mode":
      return `Redis runs as a cluster (${code}): one primary without cluster mode is needed.`;
    case "ERR DB index is out of range":
      return "Redis has no database of the number in REDIS_URL.";
    default:
      return `Redis can't be used (${code}).`;
  }
}
