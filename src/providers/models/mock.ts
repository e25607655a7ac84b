import type { Model } from "../catalog.ts";
import { price } from "./price.ts";

/** The judge that is no vendor. Its price is known, and is 0: no call of it leaves the process. */
export const mockModels: readonly Model[] = [
  {
    provider: "mock",
    id: "mock-judge-1",
    known: true,
    temperature: "always",
    efforts: ["none", "low", "medium", "high"],
    structure: "schema",
    thinkingOff: null,
    prices: [price("1970-01-01", [0, 0, 0], "a mock call costs nothing")],
    shutdownOn: null,
  },
];
