/** The gates of all providers in this process, and who sends tickets from them to its workers. */
import type { DatabaseSync } from "node:sqlite";
import { providerNames, type ProviderName } from "../../domain/judging/comparison.ts";
import { completeGate, newGate, type GateState, type GateLimits } from "../../domain/gate/gate.ts";
import { isInFlight, type Places } from "../../domain/gate/places.ts";
import { decodeRecord } from "../../domain/record.ts";
import type { Clock } from "../../gateway/ports.ts";
import { memoryPlaces } from "../../engine/memory-places.ts";
import type { GroupCommit } from "./group-commit.ts";
import { createSqliteGate, type SqliteGate } from "./gate.ts";
import { createStoredGateState } from "./gate-state.ts";

export interface SqliteGatesParts {
  readonly sql: DatabaseSync;
  readonly commits: GroupCommit;
  readonly limits: GateLimits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
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
  const { sql, commits, clock } = parts;
  const select = sql.prepare("SELECT core FROM gates WHERE provider = ?");
  const put = sql.prepare(
    "INSERT INTO gates (provider, core) VALUES (?, ?) ON CONFLICT (provider) DO UPDATE SET core = excluded.core",
  );
  /** Of all providers: a process that dies, dies for all of them. */
  const suspectsInFlight = new Set<string>();
  let suspectsSeen = 0;
  let isOpen = false;
  let changed = new Set<SqliteGate>();
  /** The first of the alarms that the gates want, in one look at some of them. */
  let dueMs: number | null = null;

  const gates = new Map(
    providerNames.map((provider) => {
      const state = createStoredGateState(
        read(provider),
        (present) => commits.write(() => put.run(provider, JSON.stringify(present()))),
        clock,
      );
      const gate: SqliteGate = createSqliteGate({
        state,
        places: withSuspectsOfAll(memoryPlaces(), suspectsInFlight),
        limits: parts.limits,
        clock,
        random: parts.random,
        newId: parts.newId,
        owner: {
          send: (ids) => ids.forEach((ticketId) => parts.send(ticketId, gate)),
          askAfter: (ids) => ids.forEach((ticketId) => parts.onSilent(ticketId, gate)),
          setAlarm(atMs) {
            dueMs = Math.min(dueMs ?? Infinity, atMs);
          },
        },
        onChange: () => lookSoon(gate),
      });
      return [provider, { gate, state }] as const;
    }),
  );
  const all = Array.from(gates.values(), ({ gate }) => gate);

  /** A newer or unreadable one is given up: what it knows is learned again in a few calls. */
  function read(provider: ProviderName): GateState {
    const row = select.get(provider);
    if (row === undefined) return newGate;
    const state = decodeRecord<GateState>(JSON.parse(String(row["core"])), 1);
    return state.kind === "known" ? completeGate(state.value) : newGate;
  }

  /** Once for all that changes in one go. */
  function lookSoon(gate: SqliteGate): void {
    if (!isOpen) return;
    if (changed.size === 0) {
      queueMicrotask(() => {
        const mayHaveRoom = suspectsInFlight.size === suspectsSeen ? changed : all;
        const nextMs = lookAt(mayHaveRoom);
        if (nextMs !== null) parts.onDue(nextMs);
      });
    }
    changed.add(gate);
  }

  function lookAt(some: Iterable<SqliteGate>): number | null {
    const looked = [...some];
    changed = new Set();
    if (!isOpen) return null;
    dueMs = null;
    for (const gate of looked) gate.look();
    suspectsSeen = suspectsInFlight.size;
    return dueMs;
  }

  return {
    of(provider) {
      const found = gates.get(provider);
      if (found === undefined) throw new Error(`there is no provider ${provider}`);
      return found.gate;
    },
    open() {
      isOpen = true;
    },
    shut() {
      isOpen = false;
    },
    look: () => lookAt(all),
    async flush() {
      await Promise.all(Array.from(gates.values(), ({ state }) => state.flush()));
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
