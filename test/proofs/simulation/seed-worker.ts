/** Lives through its share of the seeds, and tells of each. */
import { parentPort, workerData } from "node:worker_threads";
import { bugs } from "./bugs.ts";
import type { Errand } from "./pool.ts";
import { realParts } from "./seams.ts";
import { simulate } from "./simulate.ts";

const { seeds, bug } = workerData as Errand;
const planted = bugs.find(({ name }) => name === bug);
for (const seed of seeds) {
  parentPort?.postMessage(await simulate(seed, { seams: planted?.plant() ?? realParts }));
}
