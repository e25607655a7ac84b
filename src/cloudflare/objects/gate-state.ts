/** The state of a gate, one row of JSON, kept in memory and written when it has to be. */
import { completeGate, newGate, type GateState } from "../../domain/gate/gate.ts";
import { decodeRecord } from "../../domain/record.ts";

export interface GateRow {
  read(): GateState;
  /** `mustLast`, and while the provider is in trouble: now. Otherwise at most once a second: rows written are what an object costs most for. */
  write(state: GateState, mustLast: boolean): void;
  /** After a transaction that was rolled back: what is stored counts again. */
  forget(): void;
}

const restMs = 1_000;

/**
 * @param later runs `then` after a second; the object stays in memory until then
 * @throws {Error} from `read`, where newer code has written it
 */
export function gateRow(
  sql: SqlStorage,
  nowMs: () => number,
  later: (delayMs: number, then: () => void) => void,
): GateRow {
  sql.exec("CREATE TABLE IF NOT EXISTS core (only INTEGER PRIMARY KEY CHECK (only = 1), json TEXT NOT NULL)");
  let state: GateState | null = null;
  // The first change of a life is written at once.
  let writtenAtMs = -Infinity;
  let isWritten = true;

  function store(value: GateState): void {
    sql.exec("INSERT OR REPLACE INTO core VALUES (1, ?)", JSON.stringify(value));
    writtenAtMs = nowMs();
    isWritten = true;
  }

  return {
    read: () => (state ??= stored(sql)),
    write(changed, mustLast) {
      const isTrouble = changed.vitals.faultsInRow > 0 || (state?.vitals.faultsInRow ?? 0) > 0;
      state = changed;
      if (mustLast || isTrouble || Math.abs(nowMs() - writtenAtMs) >= restMs) return store(changed);
      if (!isWritten) return;
      isWritten = false;
      later(restMs, () => {
        if (!isWritten && state !== null) store(state);
      });
    },
    forget() {
      state = null;
      isWritten = true;
    },
  };
}

function stored(sql: SqlStorage): GateState {
  const [row] = sql.exec<{ json: string }>("SELECT json FROM core").toArray();
  if (row === undefined) return newGate;
  const decoded = decodeRecord<GateState>(JSON.parse(row.json), 1);
  switch (decoded.kind) {
    case "known":
      return completeGate(decoded.value);
    case "newer":
      throw new Error(`newer code has written this gate: version ${decoded.version}`);
    case "unreadable":
      // It knows nothing that the provider would not tell again.
      return newGate;
  }
}
