import { buildWorker, wranglerConfig } from "./workerd.ts";
import { ticketBody } from "./payload.ts";
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
const folder = mkdtempSync("/tmp/dbg-");
const config = await wranglerConfig(folder, "insert", join(import.meta.dirname, "bare/worker-insert.js"), {
      durable_objects: { bindings: [{ name: "ROWS", class_name: "Row" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["Row"] }],
    });
const command = (await buildWorker(config, join(folder,"b"), {}))(18998);
const child = spawn(command.file, command.args, { cwd: command.cwd, stdio: "inherit" });
await new Promise(r => setTimeout(r, 1500));
for (let i = 0; i < 6; i++) {
  const t = performance.now();
  const a = await fetch("http://127.0.0.1:18998/", { method: "POST", body: ticketBody });
  console.log(a.status, performance.now() - t);
}
let n=0; const t0=performance.now();
await Promise.all(Array.from({length:16}, async()=>{ while(performance.now()-t0<3000){ const a = await fetch("http://127.0.0.1:18998/", { method: "POST", body: ticketBody }); await a.text(); n++;} }));
console.log("n", n, performance.now()-t0);
child.kill("SIGKILL");
process.exit();
