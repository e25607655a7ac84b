/** The committed list of names that are not renamed. */
import list from "../kept-names.json" with { type: "json" };
import type { StoredNames } from "./stored-names.ts";

interface KeptNames {
  readonly worker: {
    readonly classes: readonly string[];
    readonly bindings: readonly string[];
    readonly queues: readonly string[];
  };
  readonly settings: readonly string[];
  readonly errorTypes: readonly string[];
  readonly logEvents: readonly string[];
  readonly stored: StoredNames;
}

export const keptNames: KeptNames = list;
