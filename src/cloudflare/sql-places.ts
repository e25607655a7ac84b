/** Places in the SQLite of a gate's Durable Object. Every query goes by an index; sums are counted along. */
import { isInFlight, type Place, type Places, type Standing, type Tally } from "../domain/places.ts";

export interface SqlPlaces extends Places {
  /** After a transaction that was rolled back: the sums are counted anew. */
  forgetSums(): void;
}

/** @param onChange is told whenever a place is written or removed */
export function sqlPlaces(sql: SqlStorage, onChange: () => void): SqlPlaces {
  for (const statement of schema) sql.exec(statement);
  let sums: Sums | null = null;

  const rows = (query: string, ...given: SqlStorageValue[]) => sql.exec<Row>(query, ...given).toArray();
  const number = (query: string, ...given: SqlStorageValue[]) =>
    sql.exec<{ value: number | null }>(query, ...given).one().value;

  function find(ticketId: string): Place | null {
    const [row] = rows("SELECT * FROM places WHERE ticket_id = ?", ticketId);
    return row === undefined ? null : placeIn(row);
  }

  function count(before: Place | null, after: Place | null): void {
    sums = add(add(sums ?? counted(), before, -1), after, 1);
    onChange();
  }

  function counted(): Sums {
    return sql
      .exec<Sums & Record<keyof Sums, number>>(
        `SELECT count(*) AS size, total(size_bytes) AS bytes, total(state = 'waiting') AS waiting,
           total(state IN ('dispatched', 'running')) AS inFlight,
           total(suspect AND state IN ('dispatched', 'running')) AS suspectsInFlight
         FROM places`,
      )
      .one();
  }

  return {
    find,
    put(place) {
      count(find(place.ticketId), place);
      sql.exec(`INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, ...row(place));
    },
    remove(ticketId) {
      count(find(ticketId), null);
      sql.exec("DELETE FROM places WHERE ticket_id = ?", ticketId);
    },
    tally(): Tally {
      sums ??= counted();
      const oldestAcceptedAtMs = number("SELECT min(accepted_at) AS value FROM places WHERE state <> 'held'");
      return { ...sums, oldestAcceptedAtMs };
    },
    lapsed: (nowMs, limit) =>
      rows("SELECT * FROM places WHERE until <= ? LIMIT ?", nowMs, limit).map(placeIn),
    ready: ({ nowMs, withoutModels, suspect, forProbe, limit }) =>
      rows(
        `SELECT * FROM places
         WHERE state = 'waiting' AND suspect = ? AND not_before <= ? AND model NOT IN (SELECT value FROM json_each(?))
         ORDER BY ${forProbe ? "probes, turn" : "turn"} LIMIT ?`,
        suspect ? 1 : 0,
        nowMs,
        JSON.stringify(withoutModels),
        limit,
      ).map(placeIn),
    ahead: (place) =>
      number(
        "SELECT count(*) AS value FROM places WHERE state IN ('waiting', 'dispatched') AND turn < ?",
        turnOf(place),
      ) ?? 0,
    firstLapseMs: () => number("SELECT min(until) AS value FROM places WHERE until IS NOT NULL"),
    firstReadyMs(holds, suspects) {
      const moments = (suspects ? [0, 1] : [0])
        .flatMap((suspect) => sql.exec<{ model: string; at: number }>(firstOfEachModel, suspect).toArray())
        .map(({ model, at }) => Math.max(at, holds.find((hold) => hold.model === model)?.untilMs ?? 0));
      return moments.length === 0 ? null : Math.min(...moments);
    },
    firstHeardMs: () => number("SELECT min(heard_at) AS value FROM places WHERE state = 'waiting'"),
    silent: (heardUntilMs, limit) =>
      rows(
        "SELECT * FROM places WHERE state = 'waiting' AND heard_at <= ? ORDER BY heard_at LIMIT ?",
        heardUntilMs,
        limit,
      ).map(placeIn),
    inFlight: () => rows("SELECT * FROM places WHERE until >= 0 AND state <> 'held'").map(placeIn),
    forgetSums() {
      sums = null;
    },
  };
}

/** `turn` sorts as `byTurn` says: suspects, priority, age, id. `until` is of all standings but waiting. */
const schema = [
  `CREATE TABLE IF NOT EXISTS places (
     ticket_id TEXT PRIMARY KEY, priority INTEGER NOT NULL, accepted_at INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
     model TEXT NOT NULL, state TEXT NOT NULL, until INTEGER, permit TEXT, not_before INTEGER NOT NULL,
     suspect INTEGER NOT NULL, probes INTEGER NOT NULL, heard_at INTEGER NOT NULL, turn TEXT NOT NULL
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS by_lapse ON places (until) WHERE until IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS by_turn ON places (suspect, turn) WHERE state = 'waiting'",
  "CREATE INDEX IF NOT EXISTS by_probe ON places (suspect, probes, turn) WHERE state = 'waiting'",
  "CREATE INDEX IF NOT EXISTS by_line ON places (turn) WHERE state IN ('waiting', 'dispatched')",
  "CREATE INDEX IF NOT EXISTS by_ready ON places (suspect, model, not_before) WHERE state = 'waiting'",
  "CREATE INDEX IF NOT EXISTS by_silence ON places (heard_at) WHERE state = 'waiting'",
  "CREATE INDEX IF NOT EXISTS by_age ON places (accepted_at) WHERE state <> 'held'",
];

/** Hops from model to model, so that it costs as many look-ups as there are models, however many places wait. */
const firstOfEachModel = `
  WITH RECURSIVE asked (suspect) AS (VALUES (?)), models (model) AS (
    SELECT (SELECT min(model) FROM places WHERE state = 'waiting' AND suspect = asked.suspect) FROM asked
    UNION ALL
    SELECT (SELECT min(p.model) FROM places AS p
            WHERE p.state = 'waiting' AND p.suspect = asked.suspect AND p.model > models.model)
    FROM models, asked WHERE models.model IS NOT NULL
  )
  SELECT model, (SELECT min(not_before) FROM places AS p
                 WHERE p.state = 'waiting' AND p.suspect = asked.suspect AND p.model = models.model) AS at
  FROM models, asked WHERE model IS NOT NULL`;

type Sums = Omit<Tally, "oldestAcceptedAtMs">;

function add(sums: Sums, place: Place | null, times: 1 | -1): Sums {
  if (place === null) return sums;
  const flies = isInFlight(place) ? times : 0;
  return {
    size: sums.size + times,
    bytes: sums.bytes + times * place.sizeBytes,
    waiting: sums.waiting + (place.standing.state === "waiting" ? times : 0),
    inFlight: sums.inFlight + flies,
    suspectsInFlight: sums.suspectsInFlight + (place.suspect ? flies : 0),
  };
}

type Row = {
  ticket_id: string;
  priority: number;
  accepted_at: number;
  size_bytes: number;
  model: string;
  state: Standing["state"];
  until: number | null;
  permit: string | null;
  not_before: number;
  suspect: number;
  probes: number;
  heard_at: number;
};

/** In the order of the table's columns. */
function row(place: Place): SqlStorageValue[] {
  const { ticketId, priority, acceptedAtMs, sizeBytes, model, standing, notBeforeMs } = place;
  return [
    ticketId,
    priority,
    acceptedAtMs,
    sizeBytes,
    model,
    standing.state,
    standing.state === "waiting" ? null : standing.untilMs,
    standing.state === "running" ? standing.permit : null,
    notBeforeMs,
    place.suspect ? 1 : 0,
    place.probes,
    place.heardAtMs,
    turnOf(place),
  ];
}

function turnOf({ suspect, priority, acceptedAtMs, ticketId }: Place): string {
  return `${suspect ? 0 : 1} ${digits(10 - priority, 2)} ${digits(acceptedAtMs, 15)} ${ticketId}`;
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

function placeIn(row: Row): Place {
  return {
    ticketId: row.ticket_id,
    priority: row.priority,
    acceptedAtMs: row.accepted_at,
    sizeBytes: row.size_bytes,
    model: row.model,
    standing: standingIn(row),
    notBeforeMs: row.not_before,
    suspect: row.suspect === 1,
    probes: row.probes,
    heardAtMs: row.heard_at,
  };
}

function standingIn({ state, until, permit }: Row): Standing {
  const untilMs = until ?? 0;
  switch (state) {
    case "waiting":
      return { state };
    case "held":
    case "dispatched":
      return { state, untilMs };
    case "running":
      return { state, untilMs, permit: permit ?? "" };
  }
}
