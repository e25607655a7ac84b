/** The limit of a judging gateway on workerd: one Hono route, JSON parsed and built once each way, no checks. */
import { Hono } from "hono";
import { clientBody, vendorBody } from "./judge.ts";

const app = new Hono<{ Bindings: { VENDOR_URL: string } }>();

app.post("/api/v1/comparison", async (c) => {
  const answer = await fetch(c.env.VENDOR_URL, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer fake" },
    body: vendorBody(await c.req.text()),
  });
  return c.body(clientBody(await answer.text()), 200, { "content-type": "application/json" });
});

export default app;
