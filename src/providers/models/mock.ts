import { type Model, price, usual } from "./model.ts";

/** The judge that is no vendor. Its price is known, and is 0: no call of it leaves the process. */
export const mockModels: readonly Model[] = [
  {
    ...usual,
    provider: "mock",
    id: "mock-judge-1",
    temperature: "always",
    efforts: ["none", ...usual.efforts],
    prices: [price("1970-01-01", [0, 0, 0], "a mock call costs nothing")],
  },
];
