/** A client of the service under test: gives it an exact number of tickets and sees them come to their end. */
import { Pool } from "undici";
import { authorization } from "./candidates.ts";
import { isTicket, numberedBody, ticketBody } from "./payload.ts";

/** Has this many comparisons kept. @throws {Error} where one is not */
export async function keepTickets(origin: string, count: number, connections = 64): Promise<void> {
  let begun = 0;
  await withClient(origin, Math.ceil(connections), async (pool) => {
    while (begun++ < count) await keep(pool, ticketBody);
  });
}

/** Has comparisons with the numbers from 1 kept, one after the other. @returns their tickets' ids. @throws {Error} where one is not kept */
export async function keepInTurn(origin: string, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  await withClient(origin, 1, async (pool) => {
    for (let number = 1; number <= count; number++) {
      const { queue_id: id } = JSON.parse(await keep(pool, numberedBody(number, "queue"))) as {
        readonly queue_id: string;
      };
      ids.push(id);
    }
  });
  return ids;
}

/** With an upstream that is down. @param faults as many as open it. @throws {Error} where it isn't open then */
export async function openBreaker(origin: string, faults: number): Promise<void> {
  await withClient(origin, 1, async (pool) => {
    for (let fault = 0; fault < faults; fault++) {
      const { status, text } = await post(pool, numberedBody(0, "immediate"));
      if (status !== 503) throw new Error(`${status}: ${text.slice(0, 300)}`);
    }
  });
  await until("the breaker opens", async () => (await openAiOn(origin)).state !== "closed", 5);
}

/** What the service says of each ticket. */
export async function statusesOf(origin: string, ids: readonly string[]): Promise<readonly string[]> {
  const statuses: string[] = [];
  let next = 0;
  await withClient(origin, 8, async (pool) => {
    for (let index = next++; index < ids.length; index = next++) {
      const path = `/api/v1/status/${ids[index]}`;
      const { body } = await pool.request({ path, method: "GET", headers: { authorization } });
      statuses[index] = String(((await body.json()) as { readonly status?: string }).status);
    }
  });
  return statuses;
}

/** @returns the answer to a comparison that was kept */
async function keep(pool: Pool, comparison: string): Promise<string> {
  const { status, text } = await post(pool, comparison);
  if (status !== 202 || !isTicket(text)) throw new Error(`${status}: ${text.slice(0, 300)}`);
  return text;
}

async function post(pool: Pool, comparison: string) {
  const { statusCode, body } = await pool.request({
    path: "/api/v1/comparison",
    method: "POST",
    headers: { "content-type": "application/json", authorization },
    body: comparison,
  });
  return { status: statusCode, text: await body.text() };
}

/** The same work in so many lanes, each of which has a connection. */
async function withClient(
  origin: string,
  connections: number,
  lane: (pool: Pool) => Promise<void>,
): Promise<void> {
  const pool = new Pool(origin, { connections });
  try {
    await Promise.all(Array.from({ length: connections }, () => lane(pool)));
  } finally {
    await pool.close();
  }
}

/** What the providers page says of the one that is asked. */
export async function openAiOn(
  origin: string,
): Promise<{ readonly state: string; readonly waiting: number }> {
  const answer = await fetch(`${origin}/api/v1/providers`, { headers: { authorization } });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
  const { providers } = (await answer.json()) as {
    readonly providers: readonly {
      readonly name: string;
      readonly circuit_breaker_state: string;
      readonly queue: { readonly size: number };
    }[];
  };
  const found = providers.find(({ name }) => name === "openai");
  if (found === undefined) throw new Error("no openai on the providers page");
  return { state: found.circuit_breaker_state, waiting: found.queue.size };
}

/** Asks every few milliseconds until the answer is yes. @throws {Error} after the limit */
export async function until(what: string, isIt: () => Promise<boolean>, limitSeconds: number): Promise<void> {
  const endsAtMs = performance.now() + limitSeconds * 1000;
  while (!(await isIt())) {
    if (performance.now() > endsAtMs) throw new Error(`${what}: not within ${limitSeconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
