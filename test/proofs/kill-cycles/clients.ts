/** The clients of a run: they send comparisons, ask again under their keys, look at their tickets, and remember what they were told. */
import { setTimeout as pause } from "node:timers/promises";
import { ask, look, textOrNull } from "./answers.ts";
import { markedComparison, type MarkedComparison } from "./comparison.ts";
import type { Answered, Broken, Look } from "./evidence.ts";
import type { Ledger } from "./ledger.ts";
import { dice, type Dice } from "./random.ts";

export interface Clients {
  /** Where the service is now, at each of its processes alike; nowhere: it is down, and nobody asks until it is up again. */
  pointAt(origins: Origins): void;
  /** Sends as many comparisons close together, each under a key and to be queued. Resolves when the last one is on its way. */
  burst(count: number): Promise<void>;
  /** No new comparisons. Resolves when the last request is over. */
  stop(): Promise<void>;
  /** Asks again under each key that has had no answer yet, until all have one or none has had one for so long. */
  claimKeys(origins: Origins, patienceMs: number): Promise<void>;
  readonly answers: readonly Answered[];
  readonly broken: readonly Broken[];
  readonly looks: readonly Look[];
  unansweredKeys(): string[];
}

/** By the number of the process; a hole where it is down. */
export type Origins = readonly (string | undefined)[];

/** A process that is up. */
interface Target {
  readonly process: number;
  readonly origin: string;
}

interface Keyed {
  readonly comparison: MarkedComparison;
  readonly init: RequestInit;
  readonly key: string;
  isAnswered: boolean;
}

/** Short beside what it takes to make a ticket, so that at any moment one or another is half made. */
const burstGapMs = 3;

/** Keys that are claimed at once in the end. */
const atOnce = 8;

const modes = ["queue", "queue", "queue_if_unavailable"] as const;

/** @param pauseMs the mean between two requests of a client */
export function startClients(count: number, pauseMs: number, seed: number, ledger: Ledger): Clients {
  const answers: Answered[] = [];
  const broken: Broken[] = [];
  const looks: Look[] = [];
  const keyed: Keyed[] = [];
  const isSeenEnded = new Set<string>();
  const processChance = dice(seed, "processes");
  let targets: readonly Target[] = [];
  const stopping = new AbortController();
  let latest = 0;

  /** @returns whether the answer was a final one. One that frees the key is not: the next one may be another */
  async function send(to: Target, comparison: MarkedComparison, init: RequestInit, key: string | null) {
    const { number } = comparison;
    const fromMs = Date.now();
    const reply = await ask(`${to.origin}/api/v1/comparison`, init);
    const { httpStatus: status, text, body } = reply;
    if (status === 0) {
      broken.push({ number, process: to.process, fromMs, toMs: Date.now(), error: text });
      return false;
    }
    const queueId = textOrNull(body["queue_id"]);
    if (status === 202 && queueId !== null) {
      const expiresAtMs = Date.parse(String(body["expires_at"]));
      ledger.note({ number, key, queueId, fromMs, toMs: Date.now(), expiresAtMs });
      return true;
    }
    const errorType = textOrNull(body["error_type"]);
    answers.push({
      number,
      fromMs,
      toMs: Date.now(),
      key,
      status,
      errorType,
      justification: textOrNull(body["justification"]),
      body: text,
    });
    return status === 200;
  }

  async function sendKeyed(to: Target, one: Keyed): Promise<void> {
    if (await send(to, one.comparison, one.init, one.key)) one.isAnswered = true;
  }

  async function client(name: number): Promise<void> {
    const chance = dice(seed, `client ${name}`);
    while (!stopping.signal.aborted) {
      await pause(chance.between(0, 2 * pauseMs));
      const to = processChance.pick(targets);
      if (to === undefined) continue;
      const again = chance.chance(0.15) ? chance.pick(keyed) : undefined;
      if (again !== undefined) {
        await sendKeyed(to, again);
        continue;
      }
      const mode = chance.pick(modes) ?? "queue";
      if (chance.chance(0.4)) {
        await sendKeyed(to, newKeyed(mode, chance));
        continue;
      }
      const comparison = markedComparison(++latest, chance);
      await send(to, comparison, request({ ...comparison.body, processing_mode: mode }, null), null);
    }
  }

  function newKeyed(mode: string, chance: Dice): Keyed {
    const comparison = markedComparison(++latest, chance);
    const key = `key of ${comparison.number}`;
    const init = request({ ...comparison.body, processing_mode: mode }, key);
    const one = { comparison, init, key, isAnswered: false };
    keyed.push(one);
    return one;
  }

  /** An end is noted once: it must be the same after the drain. */
  async function observer(): Promise<void> {
    const chance = dice(seed, "observer");
    while (!stopping.signal.aborted) {
      await pause(20);
      const entry = chance.pick(ledger.entries);
      const at = processChance.pick(targets);
      if (at === undefined || entry === undefined || isSeenEnded.has(entry.queueId)) continue;
      const seen = await look(at.origin, entry.queueId);
      const status = seen.ticket?.status;
      if (seen.httpStatus === 0 || status === "queued" || status === "processing") continue;
      looks.push(seen);
      if (status !== undefined) isSeenEnded.add(entry.queueId);
    }
  }

  const loops = [...Array.from({ length: count }, (_, name) => client(name)), observer()];
  const burstChance = dice(seed, "bursts");
  const unanswered = () => keyed.filter(({ isAnswered }) => !isAnswered);
  return {
    answers,
    broken,
    looks,
    pointAt: (origins) => void (targets = targetsOf(origins)),
    async burst(count) {
      for (let sent = 0; sent < count; sent++) {
        const to = processChance.pick(targets);
        if (to === undefined) return;
        loops.push(sendKeyed(to, newKeyed("queue", burstChance)));
        await pause(burstGapMs);
      }
    },
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
    async claimKeys(origins, patienceMs) {
      const all = targetsOf(origins);
      let deadline = performance.now() + patienceMs;
      while (unanswered().length > 0 && performance.now() < deadline) {
        const open = unanswered();
        for (let from = 0; from < open.length; from += atOnce) {
          const claim = (one: Keyed) => {
            const to = processChance.pick(all);
            return to === undefined ? undefined : sendKeyed(to, one);
          };
          await Promise.all(open.slice(from, from + atOnce).map(claim));
        }
        if (unanswered().length < open.length) deadline = performance.now() + patienceMs;
        await pause(500);
      }
    },
    unansweredKeys: () => unanswered().map(({ key }) => key),
  };
}

function targetsOf(origins: Origins): Target[] {
  return origins.flatMap((origin, process) => (origin === undefined ? [] : [{ process, origin }]));
}

function request(body: Readonly<Record<string, unknown>>, key: string | null): RequestInit {
  const headers = { "content-type": "application/json", ...(key !== null && { "idempotency-key": key }) };
  return { method: "POST", headers, body: JSON.stringify(body) };
}
