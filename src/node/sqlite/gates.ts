/** The gates of all providers in this process, and who sends tickets from them to its workers. */
import type { DatabaseSync } from "node:sqlite";
import { providerNames, type ProviderName } from "../../domain/judging/comparison.ts";
import { completeGate, newGate, type GateState, type GateLimits } from "../../domain/gate/gate.ts";
import { isInFlight, type Places } from "../../domain/gate/places.ts";
import { decodeRecord } from "../../domain/record.ts";
import type { Clock } from "../../gateway/ports.ts";
import type { Tell } from "../../telemetry/events.ts";
import { memoryPlaces } from "../../engine/memory-places.ts";
import type { GroupCommit } from "./group-commit.ts";
import { createSqliteGate, type SqliteGate } from "./gate.ts";
import { createStoredGateState, type StoredGateState } from "./gate-state.ts";

export interface SqliteGatesParts {
  readonly sql: DatabaseSync;
  readonly commits: GroupCommit;
  readonly limits: GateLimits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly tell: Tell;
  /** Brings a ticket to a worker. */
  readonly send: (ticketId: string, gate: SqliteGate) => void;
  /** A ticket that a gate knows has long said nothing. */
  readonly onSilent: (ticketId: string, gate: SqliteGate) => void;
  /** `look` is to be called then. */
  readonly onDue: (atMs: number) => void;
}

export interface SqliteGates {
  of(provider: ProviderName): SqliteGate;
  /** From now on tickets are sent. */
  open(): void;
  /** No more are sent. */
  shut(): void;
  /** Sends what may go. @returns when to look again, should nothing change before; `null`: no need */
  look(): number | null;
  /** Stores what is not stored yet, if it can. */
  flush(): Promise<void>;
}

export function sqliteGates(parts: SqliteGatesParts): SqliteGates {
  const stateOf = storedStates(parts);
  /** Of all providers: a process that dies, dies for all of them. */
  const suspectsInFlight = new Set<string>();
  const looks = createLooks({
    all: () => all,
    suspectsInFlight: () => suspectsInFlight.size,
    onDue: parts.onDue,
  });

  const gates = new Map(
    providerNames.map((provider) => {
      const state = stateOf(provider);
      const gate: SqliteGate = createSqliteGate({
        state,
        places: withSuspectsOfAll(memoryPlaces(), suspectsInFlight),
        limits: parts.limits,
        clock: parts.clock,
        random: parts.random,
        newId: parts.newId,
        owner: {
          send: (ids) => ids.forEach((ticketId) => parts.send(ticketId, gate)),
          askAfter: (ids) => ids.forEach((ticketId) => parts.onSilent(ticketId, gate)),
          setAlarm: looks.setAlarm,
        },
        onChange: () => looks.soon(gate),
        onChanges: (changes) => changes.forEach((change) => parts.tell({ ...change, provider })),
      });
      return [provider, { gate, state }] as const;
    }),
  );
  const all = Array.from(gates.values(), ({ gate }) => gate);

  return {
    of(provider) {
      const found = gates.get(provider);
      if (found === undefined) throw new Error(`there is no provider ${provider}`);
      return found.gate;
    },
    open: looks.open,
    shut: looks.shut,
    look: () => looks.at(all),
    async flush() {
      await Promise.all(Array.from(gates.values(), ({ state }) => state.flush()));
    },
  };
}

/** The table `gates` (docs/storage.md). */
function storedStates({
  sql,
  commits,
  clock,
}: Pick<SqliteGatesParts, "sql" | "commits" | "clock">): (provider: ProviderName) => StoredGateState {
  const select = sql.prepare("SELECT core FROM gates WHERE provider = ?");
  const put = sql.prepare(
    "INSERT INTO gates (provider, core) VALUES (?, ?) ON CONFLICT (provider) DO UPDATE SET core = excluded.core",
  );

  /** A newer or unreadable one is given up: what it knows is learned again in a few calls. */
  function read(provider: ProviderName): GateState {
    const row = select.get(provider);
    if (row === undefined) return newGate;
    const state = decodeRecord<GateState>(JSON.parse(String(row["core"])), 1);
    return state.kind === "known" ? completeGate(state.value) : newGate;
  }

  return (provider) =>
    createStoredGateState(
      read(provider),
      (present) => commits.write(() => put.run(provider, JSON.stringify(present()))),
      clock,
    );
}

interface LooksParts {
  readonly all: () => readonly SqliteGate[];
  /** How many there are, at whatever gates. */
  readonly suspectsInFlight: () => number;
  readonly onDue: SqliteGatesParts["onDue"];
}

/** When gates look whom they may send. Not before `open`, nor after `shut`. */
function createLooks({ all, suspectsInFlight, onDue }: LooksParts) {
  let isOpen = false;
  let suspectsSeen = 0;
  let changed = new Set<SqliteGate>();
  /** The first of the alarms that the gates want, in one look at some of them. */
  let dueMs: number | null = null;

  /** @returns the first of the alarms that they want; `null`: none does */
  function at(some: Iterable<SqliteGate>): number | null {
    const looked = [...some];
    changed = new Set();
    if (!isOpen) return null;
    dueMs = null;
    for (const gate of looked) gate.look();
    suspectsSeen = suspectsInFlight();
    return dueMs;
  }

  return {
    at,
    /** Once for all that changes in one go. A suspect that has come or gone may concern every gate. */
    soon(gate: SqliteGate): void {
      if (!isOpen) return;
      if (changed.size === 0) {
        queueMicrotask(() => {
          const nextMs = at(suspectsInFlight() === suspectsSeen ? changed : all());
          if (nextMs !== null) onDue(nextMs);
        });
      }
      changed.add(gate);
    },
    setAlarm(atMs: number): void {
      dueMs = Math.min(dueMs ?? Infinity, atMs);
    },
    open(): void {
      isOpen = true;
    },
    shut(): void {
      isOpen = false;
    },
  };
}

function withSuspectsOfAll(places: Places, inFlight: Set<string>): Places {
  return {
    ...places,
    put(place) {
      places.put(place);
      if (place.suspect && isInFlight(place)) inFlight.add(place.ticketId);
      else inFlight.delete(place.ticketId);
    },
    remove(ticketId) {
      places.remove(ticketId);
      inFlight.delete(ticketId);
    },
    load: () => ({ ...places.load(), suspectsInFlight: inFlight.size }),
  };
}
