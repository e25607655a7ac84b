/** Who is told of the ends of tickets in a run (`receiver-process.ts`), as the run has it. */
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ask } from "./answers.ts";
import type { FedEvent, Receipt } from "./evidence.ts";

export interface Receiver {
  /** With which the service tells it. */
  readonly settings: Readonly<Record<string, string>>;
  /** Where the service is now; `null`: it is down. */
  pointAt(origin: string | null): void;
  /** Until it has heard of each of these, or of no more for so long. */
  hear(queueIds: ReadonlySet<string>, patienceMs: number): Promise<void>;
  /** @returns all that it has read */
  close(): Promise<readonly Receipt[]>;
}

/** A delivery that a killed process had begun is tried again when its lease is over; one that has failed for a second time, a minute later. */
export const toldMs = 150_000;

export async function startReceiver(ledgerFile: string): Promise<Receiver> {
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  const child = fork(fileURLToPath(new URL("receiver-process.ts", import.meta.url).href), [
    ledgerFile,
    secret,
  ]);
  const taken = new Set<string>();
  const listening = once(child, "message");
  const [{ port }] = (await listening) as [{ readonly port: number }];
  child.on("message", (message: { readonly taken: string }) => void taken.add(message.taken));

  return {
    settings: {
      WEBHOOK_URLS: `local/receiver=http://127.0.0.1:${port}/ends`,
      WEBHOOK_SECRETS: `local/receiver=${secret}`,
    },
    pointAt: (origin) => void child.send({ origin }),
    async hear(queueIds, patienceMs) {
      let least = Number.POSITIVE_INFINITY;
      let deadline = performance.now() + patienceMs;
      while (performance.now() < deadline) {
        const left = [...queueIds].filter((queueId) => !taken.has(queueId)).length;
        if (left === 0) return;
        if (left < least) deadline = performance.now() + patienceMs;
        least = Math.min(least, left);
        await pause(200);
      }
    },
    async close() {
      const ended = once(child, "exit");
      child.disconnect();
      await ended;
      const lines = existsSync(ledgerFile) ? readFileSync(ledgerFile, "utf8").split("\n") : [];
      return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Receipt);
    },
  };
}

/**
 * The feed of ended tickets, read to its end. On Workers an end enters it a little after it is stored.
 *
 * @param queueIds whose ends must be in it; where they are not within the patience, the judge will say what is missing
 */
export async function readFeed(
  origin: string,
  queueIds: ReadonlySet<string>,
  patienceMs: number,
): Promise<FedEvent[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const events = await readOnce(origin);
    const fed = new Set(events.map(({ queueId }) => queueId));
    if ([...queueIds].every((queueId) => fed.has(queueId)) || performance.now() > deadline) return events;
    await pause(1_000);
  }
}

async function readOnce(origin: string): Promise<FedEvent[]> {
  const events: FedEvent[] = [];
  let after = "";
  for (;;) {
    const { body } = await ask(`${origin}/api/v1/events?limit=100${after}`);
    const page = body as {
      readonly events?: readonly Fed[];
      readonly cursor?: string;
      readonly more?: boolean;
    };
    for (const { id, type, data } of page.events ?? []) {
      events.push({ eventId: id, type, queueId: data.queue_id, text: JSON.stringify(data) });
    }
    if (page.more !== true) return events;
    after = `&after=${page.cursor}`;
  }
}

interface Fed {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly queue_id: string };
}
