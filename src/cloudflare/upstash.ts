/** Upstash Redis as secondary store: asked over HTTP, behind the answers or where an object can't be reached. */
import type { Config } from "../settings/config.ts";
import type { TicketCopy } from "../domain/ticket/ticket.ts";
import { mirrorRoot } from "../stores/mirror/mirror-commands.ts";
import { troubleOf } from "../stores/redis/trouble.ts";
import { behindBreaker } from "../stores/mirror/behind-breaker.ts";
import { ticketCopies, type TicketCopies } from "../stores/mirror/ticket-copies.ts";
import { undeliveredIn, type Undelivered } from "../stores/mirror/undelivered.ts";
import { clock } from "./clock.ts";
import { settingsOf, type Environment } from "./environment.ts";
import { upstashOverRest } from "./upstash-rest.ts";

export interface Upstash {
  readonly copies: TicketCopies;
  readonly undelivered: Undelivered;
  /** `null`: it has none, or doesn't answer. Never throws. */
  copyOf(ticketId: string): Promise<TicketCopy | null>;
  /** Asks also while it is left alone. @throws {Error} */
  ping(): Promise<void>;
}

/** All that a request may lose by it, connecting included. */
const limitMs = 300;
/** Who asks how it is waits for longer: a first connection takes its time. */
const pingLimitMs = 2_000;

/** One for all objects of an isolate, so that they know of each other's failures. */
const known = new WeakMap<Environment, Upstash | null>();

/** @returns `null`: there is none here */
export function upstashOf(env: Environment): Upstash | null {
  const found = known.get(env);
  if (found !== undefined) return found;
  const { config, tell } = settingsOf(env);
  const access = config?.upstash ?? null;
  const made =
    access === null
      ? null
      : upstash(access, (error) => {
          const errorName = error instanceof Error ? error.name : typeof error;
          tell({ kind: "upstash_away", errorName, trouble: troubleOf(error) });
        });
  known.set(env, made);
  return made;
}

function upstash(access: NonNullable<Config["upstash"]>, onAway: (error: unknown) => void): Upstash {
  const commands = behindBreaker(upstashOverRest(access, limitMs), () => clock.nowMs(), onAway);
  const behindBoth = upstashOverRest(access, pingLimitMs);
  const copies = ticketCopies(commands);
  return {
    copies,
    undelivered: undeliveredIn(commands),
    copyOf: (ticketId) => copies.read(ticketId, clock.nowMs()).catch(() => null),
    async ping() {
      // A token that may only read, and a database that is full, are told from one that is well.
      await behindBoth.run(["SET", `${mirrorRoot}room`, "1"]);
    },
  };
}
