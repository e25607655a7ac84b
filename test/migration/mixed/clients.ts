/** The clients of a mixed run: each request goes to either process, and what they are told is remembered. */
import { setTimeout as pause } from "node:timers/promises";
import { ask, type Reply } from "../../proofs/kill-cycles/answers.ts";
import { markedComparison, speaksOf } from "../../proofs/kill-cycles/comparison.ts";
import { dice } from "../../proofs/kill-cycles/random.ts";

export interface Asked {
  /** Of the comparison. */
  readonly number: number;
  /** Who was asked: 0 the older process, 1 the newer. */
  readonly process: number;
  /** 0: there was no answer. */
  readonly httpStatus: number;
  readonly errorType: string | null;
  /** `null`: it is no ticket. */
  readonly queueId: string | null;
  /** Whether a judgement is about this comparison; `null`: there is none. */
  readonly isItsOwn: boolean | null;
}

export interface Clients {
  readonly asked: readonly Asked[];
  /** The same key was answered otherwise by the other process. */
  readonly unlike: readonly string[];
  stop(): Promise<void>;
}

const count = 6;
/** Between two requests of one client, in the mean. */
const pauseMs = 150;
const modes = ["queue", "queue", "queue_if_unavailable", "immediate"] as const;

export function startClients(origins: readonly string[], seed: number): Clients {
  const asked: Asked[] = [];
  const unlike: string[] = [];
  let latest = 0;
  const stopping = new AbortController();

  async function client(name: number): Promise<void> {
    const chance = dice(seed, `client ${name}`);
    while (!stopping.signal.aborted) {
      const { number, body } = markedComparison(++latest, chance);
      const process = Math.floor(chance.between(0, 2));
      const key = chance.chance(0.3) ? `key of ${number}` : null;
      const init = request({ ...body, processing_mode: chance.pick(modes) }, key);
      const first = await ask(`${origins[process]}/api/v1/comparison`, init);
      asked.push(told(number, process, first));
      if (key !== null) await askTheOther(number, 1 - process, first, init);
      await pause(chance.between(0, 2 * pauseMs));
    }
  }

  /** A key that was not freed leads to the same, whoever is asked. */
  async function askTheOther(
    number: number,
    process: number,
    first: Reply,
    init: RequestInit,
  ): Promise<void> {
    if (first.httpStatus !== 200 && first.httpStatus !== 202) return;
    const again = await ask(`${origins[process]}/api/v1/comparison`, init);
    const isSame =
      again.httpStatus === first.httpStatus &&
      (first.httpStatus === 200
        ? again.text === first.text
        : again.body["queue_id"] === first.body["queue_id"]);
    if (!isSame)
      unlike.push(`${number}: ${first.httpStatus} ${first.text} is ${again.httpStatus} ${again.text}`);
  }

  const running = Array.from({ length: count }, (_, name) => client(name));
  return {
    asked,
    unlike,
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

function told(number: number, process: number, { httpStatus, body }: Reply): Asked {
  const { error_type: errorType, queue_id: queueId, justification } = body;
  return {
    number,
    process,
    httpStatus,
    errorType: typeof errorType === "string" ? errorType : null,
    queueId: typeof queueId === "string" ? queueId : null,
    isItsOwn: typeof justification === "string" ? speaksOf(justification, number) : null,
  };
}

function request(body: object, key: string | null): RequestInit {
  const headers = { "content-type": "application/json", ...(key !== null && { "idempotency-key": key }) };
  return { method: "POST", headers, body: JSON.stringify(body) };
}
