/** Who notes what happens when it happens: the provider of a run and the books of the CPU, in a thread of their own (`witness-thread.ts`). */
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { Call } from "./evidence.ts";
import type { CpuSpan } from "./starvation.ts";

/** The fault by which the provider refuses: such a request can never succeed. */
export const refusal = "contextTooLong";

export interface Witness {
  /** Of the provider. */
  readonly url: string;
  /** From now on. @param group the process group that is the service. @param process its number in the run */
  watch(process: number, group: number): void;
  /** Resolves when the books have been read after this moment. */
  look(): Promise<void>;
  /** When all that was noted has been told. */
  close(): Promise<readonly CpuSpan[]>;
}

/** What the thread is asked. */
export type Asked =
  | { readonly kind: "watch"; readonly process: number; readonly group: number }
  | { readonly kind: "look" }
  | { readonly kind: "close" };

/** What it tells. Each `look` is answered once, in their order. */
export type Told =
  | { readonly kind: "listening"; readonly url: string }
  | { readonly kind: "call"; readonly call: Call }
  | { readonly kind: "looked" }
  | { readonly kind: "closed"; readonly spans: readonly CpuSpan[] };

/** @param onCall hears of each call when it is over */
export async function startWitness(onCall: (call: Call) => void): Promise<Witness> {
  const thread = new Worker(fileURLToPath(new URL("./witness-thread.ts", import.meta.url).href));
  const looking: (() => void)[] = [];
  const listening = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<readonly CpuSpan[]>();
  const ask = (asked: Asked) => thread.postMessage(asked);
  thread.on("message", (told: Told) => {
    switch (told.kind) {
      case "listening":
        return listening.resolve(told.url);
      case "call":
        return onCall(told.call);
      case "looked":
        return looking.shift()?.();
      case "closed":
        return closed.resolve(told.spans);
    }
  });
  // Nobody may be waiting for the end yet; then the rejection of the beginning tells.
  closed.promise.catch(() => undefined);
  thread.on("error", (error) => {
    listening.reject(error);
    closed.reject(error);
  });
  const url = await listening.promise;
  return {
    url,
    watch: (process, group) => ask({ kind: "watch", process, group }),
    look() {
      ask({ kind: "look" });
      return new Promise((resolve) => looking.push(resolve));
    },
    close() {
      ask({ kind: "close" });
      return closed.promise;
    },
  };
}
