/** After the last start. */
import { setTimeout as pause } from "node:timers/promises";
import { ask, look } from "./answers.ts";
import { isEnd } from "./rules.ts";

/** Until every ticket has ended, also those whose 202 nobody saw, or none has for too long: then the judge will say what is left. */
export async function drain(origin: string, open: Set<string>, patienceMs: number): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  let deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    for (const queueId of open) {
      const { httpStatus, ticket } = await look(origin, queueId);
      if (httpStatus !== 404 && !(ticket && isEnd(ticket.status))) break;
      open.delete(queueId);
    }
    const waiting = await queueSize(origin);
    if (open.size === 0 && waiting === 0) return;
    const left = open.size + (waiting ?? least);
    if (left < least) deadline = performance.now() + patienceMs;
    least = Math.min(least, left);
    await pause(200);
  }
}

async function queueSize(origin: string): Promise<number | null> {
  const reply = await ask(`${origin}/api/v1/providers`);
  const providers = reply.body["providers"];
  if (!Array.isArray(providers)) return null;
  const sizes = providers.map((provider: { queue?: { size?: number } }) => provider.queue?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}
