/** Places in the SQLite of a gate's Durable Object. Every query goes by an index; sums are counted along. */
import { defaultMaxTokens, tokensOf } from "../../domain/gate/fair-order.ts";
import {
  blockedUntilMs,
  isInFlight,
  type Group,
  type Place,
  type Places,
  type PlaceState,
  type QueueLoad,
} from "../../domain/gate/places.ts";
import { linesSchema, sqlLines, type OwnSums, type SqlLines } from "./gate-lines.ts";

import type { ListPosition } from "../../gateway/ports.ts";

export interface SqlPlaces extends Places {
  /** After a transaction that was rolled back: the sums are counted anew. */
  forgetSums(): void;
  /** A tenant's, the newest first. */
  ticketsOf(tenant: string | null, most: number): readonly ListPosition[];
}

export function sqlPlaces(sql: SqlStorage): SqlPlaces {
  for (const statement of schema) sql.exec(statement);
  const ask = askOf(sql);
  const lines = linesIn(sql);
  return {
    ...table(sql, ask, lines),
    ...withdrawals(sql, ask),
    ...turns(sql, ask),
    ...shares(ask, lines),
    ...moments(ask),
    ticketsOf: (tenant, most) =>
      (tenant === null
        ? ask.rows("SELECT * FROM places ORDER BY accepted_at DESC LIMIT ?", most)
        : ask.rows(
            `SELECT * FROM places WHERE ${tenantColumn} = ? ORDER BY accepted_at DESC LIMIT ?`,
            tenant,
            most,
          )
      ).map(({ ticketId: id, acceptedAtMs }) => ({ id, acceptedAtMs })),
  };
}

/** Summed up when they are first asked for. */
interface Lines {
  known(): SqlLines;
  forget(): void;
}

function linesIn(sql: SqlStorage): Lines {
  let lines: SqlLines | null = null;
  return {
    known: () => (lines ??= sqlLines(sql, sql.exec<OwnSums>(sumsByTenant).toArray())),
    forget() {
      lines = null;
    },
  };
}

interface AskSql {
  rows(query: string, ...given: SqlStorageValue[]): readonly Place[];
  number(query: string, ...given: SqlStorageValue[]): number | null;
  isAny(query: string, ...given: SqlStorageValue[]): boolean;
  /** Of suspects or of the others: each group, and when the first of it is over its backoff. */
  groups(suspect: number): readonly (Group & { readonly at: number })[];
}

function askOf(sql: SqlStorage): AskSql {
  return {
    rows: (query, ...given) =>
      sql
        .exec<Row>(query, ...given)
        .toArray()
        .map(placeIn),
    number: (query, ...given) => sql.exec<{ value: number | null }>(query, ...given).one().value,
    isAny: (query, ...given) => sql.exec(query, ...given).toArray().length > 0,
    groups: (suspect) =>
      sql
        .exec<{ name: string; at: number }>(firstOfEachGroup, suspect)
        .toArray()
        .map(({ name, at }) => {
          const end = name.lastIndexOf("\n");
          return { model: name.slice(0, end), tenant: name.slice(end + 1), at };
        }),
  };
}

function table(
  sql: SqlStorage,
  { rows, number }: AskSql,
  lines: Lines,
): Pick<SqlPlaces, "find" | "put" | "remove" | "load" | "forgetSums"> {
  let sums: Sums | null = null;

  const find = (ticketId: string): Place | null =>
    rows("SELECT * FROM places WHERE ticket_id = ?", ticketId)[0] ?? null;

  function count(before: Place | null, after: Place | null): void {
    sums = add(add(sums ?? counted(), before, -1), after, 1);
    lines.known().count(before, after);
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
    load(): QueueLoad {
      sums ??= counted();
      // As its index says.
      const oldestAcceptedAtMs = number("SELECT min(accepted_at) AS value FROM places WHERE state <> 'held'");
      return { ...sums, oldestAcceptedAtMs };
    },
    forgetSums() {
      sums = null;
      lines.forget();
    },
  };
}

function withdrawals(sql: SqlStorage, { isAny }: AskSql): Pick<Places, "withdrawn" | "wasWithdrawn"> {
  return {
    withdrawn({ ticketId, acceptedAtMs }, nowMs, untilMs) {
      sql.exec("DELETE FROM withdrawn WHERE until <= ?", nowMs);
      sql.exec("INSERT OR REPLACE INTO withdrawn VALUES (?, ?, ?)", ticketId, acceptedAtMs, untilMs);
    },
    wasWithdrawn: ({ ticketId, acceptedAtMs }, nowMs) =>
      isAny(
        "SELECT 1 FROM withdrawn WHERE ticket_id = ? AND accepted_at = ? AND until > ?",
        ticketId,
        acceptedAtMs,
        nowMs,
      ),
  };
}

function turns(
  sql: SqlStorage,
  { rows, isAny, groups }: AskSql,
): Pick<Places, "ready" | "groups" | "hasWaiting" | "endWaits" | "inFlight" | "all"> {
  return {
    ready: ({ nowMs, blocked, tenant, model, suspect, forProbe, limit }) =>
      rows(
        `SELECT * FROM places
         WHERE state = 'waiting' AND ${tenantColumn} = ? AND not_before <= ?
           ${forProbe ? `AND suspect = ${suspect ? 1 : 0}` : `AND turn ${suspect ? "<" : ">="} '1'`}
           ${model === null ? "" : "AND model = ?"}
           ${
             blocked.length === 0
               ? ""
               : `AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE value ->> 'model' = model
                    AND coalesce(value ->> 'tenant', ${tenantColumn}) = ${tenantColumn})`
           }
         ORDER BY ${forProbe ? "probes, turn" : "turn"} LIMIT ?`,
        tenant,
        nowMs,
        ...(model === null ? [] : [model]),
        ...(blocked.length === 0
          ? []
          : [JSON.stringify(blocked.map(({ model, tenant }) => ({ model, tenant })))]),
        limit,
      ),
    groups: (nowMs, model, suspect) =>
      groups(suspect ? 1 : 0).flatMap(({ at, ...group }) =>
        at <= nowMs && (model === null || group.model === model) ? [group] : [],
      ),
    hasWaiting: ({ model, tenant }) =>
      isAny(
        `SELECT 1 FROM places WHERE state = 'waiting' AND suspect = 0 AND ${groupColumn} = ? LIMIT 1`,
        `${model}\n${tenant}`,
      ),
    endWaits(nowMs, model) {
      sql.exec(
        `UPDATE places SET not_before = ? WHERE state = 'waiting' AND not_before > ? ${model === null ? "" : "AND model = ?"}`,
        nowMs,
        nowMs,
        ...(model === null ? [] : [model]),
      );
    },
    inFlight: () => rows("SELECT * FROM places WHERE until >= 0"),
    all: () => rows("SELECT * FROM places"),
  };
}

function shares(
  { number }: AskSql,
  lines: Lines,
): Pick<Places, "ownBefore" | "lines" | "lineCount" | "eachLine" | "linesBefore" | "putTag" | "virtualTime"> {
  return {
    ownBefore: (place) =>
      number(
        `SELECT count(*) AS value FROM places
         WHERE state = 'waiting' AND ${tenantColumn} = ? AND turn < ?`,
        place.tenant,
        turnOf(place),
      ) ?? 0,
    lines: (tenants) => lines.known().of(tenants),
    lineCount: () => lines.known().size(),
    eachLine: (isWanted) => lines.known().each(isWanted),
    linesBefore: (tenant) => lines.known().before(tenant),
    putTag: (tenant, startTag, sinceMs, virtualTime) =>
      lines.known().putTag(tenant, startTag, sinceMs, virtualTime),
    virtualTime: () => lines.known().virtualTime(),
  };
}

function moments({
  rows,
  number,
  groups,
}: AskSql): Pick<Places, "lapsed" | "firstLapseMs" | "firstReadyMs" | "firstHeardMs" | "silent"> {
  return {
    lapsed: (nowMs, limit) => rows("SELECT * FROM places WHERE until <= ? LIMIT ?", nowMs, limit),
    firstLapseMs: () => number("SELECT min(until) AS value FROM places WHERE until IS NOT NULL"),
    firstReadyMs(blocked, suspects) {
      const firsts = (suspects ? [0, 1] : [0])
        .flatMap(groups)
        .map(({ at, ...group }) => Math.max(at, blockedUntilMs(group, blocked)));
      return firsts.length === 0 ? null : Math.min(...firsts);
    },
    firstHeardMs: () => number("SELECT min(heard_at) AS value FROM places WHERE state = 'waiting'"),
    silent: (heardUntilMs, limit) =>
      rows(
        "SELECT * FROM places WHERE state = 'waiting' AND heard_at <= ? ORDER BY heard_at LIMIT ?",
        heardUntilMs,
        limit,
      ),
  };
}

/**
 * Of the text in `turn`, behind the ticket's id: the tenant's hash and the comparison's, sixteen signs each, and the tokens. A column more would
 * be one too many for the code of before, should it come back: it inserts rows of thirteen. In rows that it has written these may be missing.
 */
const tenantColumn = "trim(substr(turn, 23 + length(ticket_id), 16))";
/** Model and tenant; no key of a model holds a line feed. */
const groupColumn = `(model || char(10) || ${tenantColumn})`;
const idAt = 21;
const hashLength = 16;

/** Once in an object's life. */
const sumsByTenant = `
  SELECT tenant, count(*) AS size, total(size_bytes) AS bytes, total(state = 'waiting') AS waiting,
    min(accepted_at) AS oldest,
    total(CASE WHEN tokens > 0 THEN tokens ELSE (size_bytes + ${defaultMaxTokens} + 3) / 4 END) AS tokens
  FROM (SELECT *, ${tenantColumn} AS tenant, CAST(substr(turn, 57 + length(ticket_id)) AS INTEGER) AS tokens FROM places)
  GROUP BY tenant`;

/** `turn` sorts as `byTurn` says: suspects, priority, age, id. `until` is of all states but waiting. */
const schema = [
  `CREATE TABLE IF NOT EXISTS places (
     ticket_id TEXT PRIMARY KEY, priority INTEGER NOT NULL, accepted_at INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
     model TEXT NOT NULL, state TEXT NOT NULL, until INTEGER, permit TEXT, not_before INTEGER NOT NULL,
     suspect INTEGER NOT NULL, probes INTEGER NOT NULL, heard_at INTEGER NOT NULL, turn TEXT NOT NULL
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS by_lapse ON places (until) WHERE until IS NOT NULL",
  ...["by_ready", "by_turn", "by_probe", "by_line"].map((name) => `DROP INDEX IF EXISTS ${name}`),
  `CREATE INDEX IF NOT EXISTS by_own_turn ON places (${tenantColumn}, turn) WHERE state = 'waiting'`,
  `CREATE INDEX IF NOT EXISTS by_own_probe ON places (${tenantColumn}, suspect, probes, turn) WHERE state = 'waiting'`,
  `CREATE INDEX IF NOT EXISTS by_group ON places (suspect, ${groupColumn}, not_before) WHERE state = 'waiting'`,
  "CREATE INDEX IF NOT EXISTS by_silence ON places (heard_at) WHERE state = 'waiting'",
  "CREATE INDEX IF NOT EXISTS by_age ON places (accepted_at) WHERE state <> 'held'",
  // Room that older code kept for a ticket which was not stored yet. Tickets are admitted with their places now.
  "DELETE FROM places WHERE until >= 0 AND state = 'held'",
  `CREATE TABLE IF NOT EXISTS withdrawn (
     ticket_id TEXT NOT NULL, accepted_at INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (ticket_id, accepted_at)
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS by_end_of_withdrawal ON withdrawn (until)",
  linesSchema,
];

/** Hops from group to group, so that it costs as many look-ups as there are groups, however many places wait. */
const firstOfEachGroup = `
  WITH RECURSIVE asked (suspect) AS (VALUES (?)), groups (name) AS (
    SELECT (SELECT min(${groupColumn}) FROM places WHERE state = 'waiting' AND suspect = asked.suspect) FROM asked
    UNION ALL
    SELECT (SELECT min(${groupColumn}) FROM places
            WHERE state = 'waiting' AND suspect = asked.suspect AND ${groupColumn} > groups.name)
    FROM groups, asked WHERE groups.name IS NOT NULL
  )
  SELECT name, (SELECT min(not_before) FROM places
                WHERE state = 'waiting' AND suspect = asked.suspect AND ${groupColumn} = groups.name) AS at
  FROM groups, asked WHERE name IS NOT NULL`;

type Sums = Omit<QueueLoad, "oldestAcceptedAtMs">;

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
  state: PlaceState["state"];
  until: number | null;
  permit: string | null;
  not_before: number;
  suspect: number;
  probes: number;
  heard_at: number;
  turn: string;
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

function turnOf({ suspect, priority, acceptedAtMs, ticketId, ...place }: Place): string {
  const turn = `${suspect ? 0 : 1} ${digits(10 - priority, 2)} ${digits(acceptedAtMs, 15)} ${ticketId}`;
  return `${turn} ${place.tenant.padEnd(hashLength)} ${place.comparison.padEnd(hashLength)} ${place.tokens}`;
}

/** What stands behind the id in `turn`. */
function restIn({ ticket_id: id, turn, size_bytes: sizeBytes }: Row) {
  const at = idAt + id.length + 1;
  const comparisonAt = at + hashLength + 1;
  const tokens = Number(turn.slice(comparisonAt + hashLength));
  return {
    tenant: turn.slice(at, comparisonAt).trim(),
    comparison: turn.slice(comparisonAt, comparisonAt + hashLength).trim(),
    tokens: tokens > 0 ? tokens : tokensOf(sizeBytes, defaultMaxTokens),
  };
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
    ...restIn(row),
    standing: placeStateIn(row),
    notBeforeMs: row.not_before,
    suspect: row.suspect === 1,
    probes: row.probes,
    heardAtMs: row.heard_at,
  };
}

function placeStateIn({ state, until, permit }: Row): PlaceState {
  const untilMs = until ?? 0;
  switch (state) {
    case "waiting":
      return { state };
    case "dispatched":
      return { state, untilMs };
    case "running":
      return { state, untilMs, permit: permit ?? "" };
  }
}
