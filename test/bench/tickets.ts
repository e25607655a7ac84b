/** A client of the service under test: gives it an exact number of tickets and sees them come to their end. */
import { Pool } from "undici";
import { authorization } from "./candidates.ts";
import { isTicket, ticketBody } from "./payload.ts";

/** Has this many comparisons kept. @throws {Error} where one is not */
export async function keepTickets(origin: string, count: number, connections = 64): Promise<void> {
  const pool = new Pool(origin, { connections: Math.ceil(connections) });
  let begun = 0;
  const lane = async () => {
    while (begun++ < count) {
      const { statusCode, body } = await pool.request({
        path: "/api/v1/comparison",
        method: "POST",
        headers: { "content-type": "application/json", authorization },
        body: ticketBody,
      });
      const text = await body.text();
      if (statusCode !== 202 || !isTicket(text)) throw new Error(`${statusCode}: ${text.slice(0, 300)}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.ceil(connections) }, lane));
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
