import { ourWorker, authorization } from "./candidates.ts";
import { buildWorker, wranglerConfig } from "./workerd.ts";
import { ticketBody } from "./payload.ts";
import { startService } from "./measure.ts";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { cpuNanoseconds } from "./usage.ts";
const folder = mkdtempSync("/tmp/dbg-");
const ours = await ourWorker("http://127.0.0.1:1", join(folder,"o"), { QUEUE_MAX_SIZE: "100000", QUEUE_MAX_MEMORY_MB:"10000" });
const config = await wranglerConfig(folder, "insert", join(import.meta.dirname, "bare/worker-insert.js"), {
      durable_objects: { bindings: [{ name: "ROWS", class_name: "Row" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["Row"] }],
    });
const bare = await buildWorker(config, join(folder,"b"), {});
const a = await startService(ours), b = await startService(bare);
for (let r=0;r<5;r++) for (const [name,s] of [["ours",a],["bare",b]] as const) {
  const c0=cpuNanoseconds(s.pid);
  let n=0; const t0=performance.now();
  await Promise.all(Array.from({length:Number(process.argv[2])}, async()=>{ while(performance.now()-t0<1500){ const x = await fetch(s.origin+"/api/v1/comparison", { method: "POST", headers: { authorization, "content-type": "application/json" }, body: ticketBody }); await x.text(); if(x.status!==202) console.log(x.status); n++;} }));
  const el=performance.now()-t0;
  console.log(name, (n/el*1000).toFixed(0)+"/s", "cpu ms each", ((cpuNanoseconds(s.pid)-c0)/1e6/n).toFixed(2));
}
a.stop(); b.stop(); process.exit();
