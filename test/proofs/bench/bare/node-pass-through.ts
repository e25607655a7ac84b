/** The limit of any gateway on Node: `node:http` in, undici out, bytes unread. `PORT`, `VENDOR_URL`. */
import { createServer } from "node:http";
import { dispatcherTo } from "./dispatch.ts";
import { readBody } from "./read-body.ts";

const ask = dispatcherTo(process.env["VENDOR_URL"] ?? "");

createServer(async (incoming, outgoing) => {
  const { status, body } = await ask(await readBody(incoming));
  outgoing.writeHead(status, { "content-type": "application/json", "content-length": body.length });
  outgoing.end(body);
}).listen(Number(process.env["PORT"]), "127.0.0.1");
