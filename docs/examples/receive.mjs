import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set(); // in a database, where it is to outlive this process

createServer(async (request, response) => {
  try {
    // The bytes as they came: JSON that was parsed and written again may differ.
    const event = webhook.verify((await buffer(request)).toString(), request.headers);
    const id = request.headers["webhook-id"];
    if (!seen.has(id)) {
      seen.add(id);
      console.log(event.type, event.data.queue_id ?? "");
    }
    response.writeHead(204).end();
  } catch {
    response.writeHead(400).end();
  }
}).listen(process.argv[2] ?? 9000, "127.0.0.1");
