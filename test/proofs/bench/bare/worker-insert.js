/**
 * The limit of what keeps a comparison in a Durable Object of its own: its body in one row, an alarm beside it, and nothing else. Plain
 * JavaScript, because the types of Workers would bring their globals into everything here that runs on Node.
 */
import { DurableObject } from "cloudflare:workers";

const alarmMs = 4 * 3_600_000;

export class Row extends DurableObject {
  async keep(body) {
    const { sql } = this.ctx.storage;
    sql.exec("CREATE TABLE kept (only INTEGER PRIMARY KEY, body TEXT NOT NULL)");
    sql.exec("INSERT INTO kept VALUES (1, ?)", body);
    await this.ctx.storage.setAlarm(Date.now() + alarmMs);
  }

  alarm() {}
}

// oxlint-disable-next-line import/no-default-export -- how a Worker is found
export default {
  async fetch(request, { ROWS }) {
    // What only asks whether anybody is there keeps nothing.
    if (request.method !== "POST") return new Response();
    await ROWS.get(ROWS.idFromName(crypto.randomUUID())).keep(await request.text());
    return new Response(null, { status: 202 });
  },
};
