/** A sink for CloudEvents over HTTP, as strict as the standard, which answers as it is told; and who judges what has arrived. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface SunkEvent {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly sequence: string;
  readonly data: { readonly queue_id: string; readonly event_type: string; readonly status: string };
  /** As it came. */
  readonly text: string;
  readonly headers: IncomingMessage["headers"];
}

export interface EventSink {
  readonly url: string;
  /** In the order in which they were answered with 204. */
  readonly events: readonly SunkEvent[];
  /** Requests so far, however they were answered. */
  readonly asked: () => number;
  /** `hang`: says nothing, ever. */
  answer(how: number | "hang"): void;
  close(): Promise<void>;
}

export async function eventSink(): Promise<EventSink> {
  const events: SunkEvent[] = [];
  let how: number | "hang" = 204;
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (how === "hang") return;
      const text = Buffer.concat(chunks).toString();
      if (how === 204) events.push({ ...read(text), text, headers: request.headers });
      response.writeHead(how).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/events`,
    events,
    asked: () => asked,
    answer: (next) => void (how = next),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function read(text: string): Omit<SunkEvent, "text" | "headers"> {
  return JSON.parse(text) as SunkEvent;
}

/**
 * What each ticket's receiver knows, having thrown away what came twice: `queued processing completed`.
 *
 * @throws {Error} where a ticket's events did not come in their order, or one is missing before another
 */
export function storiesIn(
  events: readonly Pick<SunkEvent, "id" | "type" | "subject" | "sequence">[],
): ReadonlyMap<string, string> {
  const seen = new Set<string>();
  const stories = new Map<string, string[]>();
  for (const { id, type, subject, sequence } of events) {
    if (seen.has(id)) continue;
    seen.add(id);
    const story = stories.get(subject) ?? [];
    stories.set(subject, story);
    story.push(String(type.split(".")[2]));
    if (Number(sequence) !== story.length)
      throw new Error(`${id} came as number ${story.length} of its ticket`);
  }
  return new Map([...stories].map(([queueId, story]) => [queueId, story.join(" ")]));
}
