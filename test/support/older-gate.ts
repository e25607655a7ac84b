/** A gate as code of 2026-11-30 has stored it, before its parties were counted in texts: of tenants 1 to 3 and models m, n and o. */
import type { Breaker } from "../../src/domain/gate/breaker.ts";
import { newGate } from "../../src/domain/gate/gate.ts";
import type { OlderGate } from "../../src/domain/gate/older-gates.ts";

export const storedMs = Date.UTC(2026, 10, 30, 12);

/** @param named how a model is called there */
export function gateWithModels(named = (model: string) => model): OlderGate {
  const { records: _, ...others } = newGate;
  const breaker = {
    state: "closed",
    epoch: 0,
    faultsInRow: 2,
    window: [{ second: 1_796_040_000, calls: 4, faults: 2 }],
    tenants: {
      span: 898_020_000,
      answered: "1111111111111111",
      all: [
        { n: "1111111111111111", c: [0, 0, 0, 0, 2], f: [0, 0, 0, 0, 0], s: 0, b: 0, o: 0 },
        { n: "3333333333333333", c: [0, 0, 0, 0, 2], f: [0, 0, 0, 0, 2], s: 2, b: 2, o: 2 },
      ],
    },
    models: {
      span: 898_020_000,
      answered: named("m"),
      all: [
        { n: named("m"), c: [0, 0, 0, 0, 2], f: [0, 0, 0, 0, 0], s: 0, b: 0, o: 0 },
        { n: named("o"), c: [0, 0, 0, 0, 2], f: [0, 0, 0, 0, 2], s: 2, b: 2, o: 2 },
      ],
    },
  } as const satisfies Breaker & { readonly tenants: unknown; readonly models: unknown };
  return {
    ...others,
    breaker,
    models: [
      `${named("o")}   11`,
      `${named("m")} cccccccccccccccc:2m3l3a0gk,aaaaaaaaaaaaaaaa:2m3l3a000 2m3l3a0gk 00`,
      `${named("n")} bbbbbbbbbbbbbbbb:2m3l3a00a 2m3l3a00a 01`,
    ],
  };
}
