/** What operators did, in memory. */
import type { Actions, OperatorAction } from "../../src/gateway/ports.ts";

export function memoryActions(): Actions {
  const all: OperatorAction[] = [];
  return {
    note: async (action) => void all.unshift(action),
    latest: async (most) => all.slice(0, most),
  };
}
