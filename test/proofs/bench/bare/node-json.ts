/** The limit of a judging gateway on Node: one Hono route, JSON parsed and built once each way, no checks. `PORT`, `VENDOR_URL`. */
import { serve, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { dispatcherTo } from "./dispatch.ts";
import { clientBody, vendorBody } from "./judge.ts";
import { readBody } from "./read-body.ts";

const ask = dispatcherTo(process.env["VENDOR_URL"] ?? "");
const app = new Hono<{ Bindings: HttpBindings }>();

app.post("/api/v1/comparison", async (c) => {
  const answer = await ask(vendorBody((await readBody(c.env.incoming)).toString()));
  return c.body(clientBody(answer.body.toString()), 200, { "content-type": "application/json" });
});

serve({ fetch: app.fetch, port: Number(process.env["PORT"]), hostname: "127.0.0.1" });
