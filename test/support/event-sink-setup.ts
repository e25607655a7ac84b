/** A sink for tests in workerd, which can start no server themselves: worked over HTTP too. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { eventSink } from "./event-sink.ts";

declare module "vitest" {
  interface ProvidedContext {
    eventSinkUrl: string;
    /** `POST /204` (or another status, or `hang`): what the sink answers from now on. `GET /`: what it has taken, and how often it was asked. */
    eventSinkControlUrl: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const sink = await eventSink();
  const control = createServer((request, response) => {
    const how = (request.url ?? "/").slice(1);
    if (request.method === "POST") sink.answer(how === "hang" ? "hang" : Number(how));
    response.end(JSON.stringify({ events: sink.events, asked: sink.asked() }));
  });
  control.listen(0, "127.0.0.1");
  await once(control, "listening");
  const { port } = control.address() as AddressInfo;
  project.provide("eventSinkUrl", sink.url);
  project.provide("eventSinkControlUrl", `http://127.0.0.1:${port}`);
  return async () => {
    control.closeAllConnections();
    control.close();
    await sink.close();
  };
}
