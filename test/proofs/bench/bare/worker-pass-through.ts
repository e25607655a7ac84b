/** The limit of any gateway on workerd: one Hono route that streams the body through `fetch`. */
import { Hono } from "hono";

const app = new Hono<{ Bindings: { VENDOR_URL: string } }>();

app.post("/v1/responses", (c) =>
  fetch(c.env.VENDOR_URL, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer fake" },
    body: c.req.raw.body,
  }),
);

export default app;
