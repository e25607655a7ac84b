/**
 * The provider of a run, and what else must be noted when it happens, in a thread of its own: the main one stands still at times (it syncs a
 * ledger, searches files), and of the connections that wait then, Node takes one in each turn of its loop.
 */
import { parentPort } from "node:worker_threads";
import type { RecordedRequest } from "../../../tools/fake-upstream/script.ts";
import { startFakeUpstream } from "../../../tools/fake-upstream/server.ts";
import { numberIn } from "./comparison.ts";
import { startCpuWatch } from "./cpu-watch.ts";
import { openEars, type Ears } from "./ears.ts";
import type { Call } from "./evidence.ts";
import { refusal, type Asked, type Told } from "./witness.ts";

const port = parentPort;
if (port === null) throw new Error("It is for a thread of its own");
const tell = (told: Told) => port.postMessage(told);
const ears = openEars();
const cpu = startCpuWatch();
const server = await startFakeUpstream({
  onCall(request) {
    cpu.look();
    tell({ kind: "call", call: callOf(request, ears) });
  },
});

port.on("message", (asked: Asked) => {
  switch (asked.kind) {
    case "watch":
      return cpu.watch(asked.process, asked.group);
    case "look":
      cpu.look();
      return tell({ kind: "looked" });
    case "close":
      return void close();
  }
});
tell({ kind: "listening", url: server.url });

async function close(): Promise<void> {
  await server.close();
  ears.close();
  cpu.stop();
  tell({ kind: "closed", spans: cpu.spans() });
  port?.close();
}

function callOf(request: RecordedRequest, ears: Ears): Call {
  return {
    number: numberIn(request.bodyText) ?? 0,
    process: Number(/fake-(\d+)/.exec(request.headers["authorization"] ?? "")?.[1] ?? 0),
    receivedAtMs: request.receivedAtMs,
    sentFromMs: ears.sentFrom(request.receivedAtMs),
    endedAtMs: request.endedAtMs ?? Date.now(),
    isJudgement: request.outcome === "answered" && !request.aborted,
    isRefusal: request.outcome === refusal && !request.aborted,
    isPage: (request.outcome === "html" || request.outcome === "empty") && !request.aborted,
    isBroken: request.outcome === "cut" && !request.aborted,
    isCut: request.aborted,
  };
}
