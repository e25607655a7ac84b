/** What the stores held at a moment, as JSON, and what its code had answered until then. Plain values: read on Node and inside workerd. */

/** One SQLite database: what made its tables, and their rows by table. Internal tables of SQLite and workerd are left out. */
export interface Rows {
  readonly schema: readonly string[];
  readonly tables: Readonly<Record<string, readonly Row[]>>;
}

export type Row = Readonly<Record<string, Value>>;

/** A BLOB is UTF-8 in all our tables. */
export type Value = string | number | null | { readonly utf8: string };

/** One key of Redis, with what makes it again. */
export type RedisKey = { readonly key: string; readonly expiresAtMs: number | null } & (
  | { readonly type: "string"; readonly value: string }
  /** Field and value in turn. */
  | { readonly type: "hash"; readonly value: readonly string[] }
  | { readonly type: "list" | "set"; readonly value: readonly string[] }
  /** Member and score in turn. */
  | { readonly type: "zset"; readonly value: readonly string[] }
);

/** One Durable Object. `name`: what `idFromName` was given. */
export interface StoredObject extends Rows {
  readonly class: string;
  readonly name: string;
  /** `null`: none was set. */
  readonly alarmMs: number | null;
}

export interface SqliteFixture {
  readonly madeAtMs: number;
  readonly file: Rows;
}

export interface RedisFixture {
  readonly madeAtMs: number;
  readonly keys: readonly RedisKey[];
  /** The file of the one process that used it: what it kept while Redis was away. */
  readonly file: Rows;
}

export interface WorkerdFixture {
  readonly madeAtMs: number;
  readonly objects: readonly StoredObject[];
}

/** What was asked of the old code, and what it had answered when it was killed. */
export interface Manifest {
  /** Of the code that wrote the fixture. */
  readonly commit: string;
  readonly madeAtMs: number;
  /** Beside addresses and vendors' keys. */
  readonly settings: Readonly<Record<string, string>>;
  readonly tenants: readonly Tenant[];
  readonly tickets: readonly OldTicket[];
  readonly keys: readonly OldKey[];
  /** Bodies of `GET /api/v1/providers`, by tenant. */
  readonly providers: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface Tenant {
  readonly name: string;
  /** What its requests carry. */
  readonly key: string;
}

type Ending = "completed" | "failed" | "expired";

export interface OldTicket {
  /** Unique; its texts hold `nonce-` and this name. */
  readonly name: string;
  readonly tenant: string;
  readonly id: string;
  readonly was: "queued" | "processing" | Ending;
  readonly request: Readonly<Record<string, unknown>>;
  readonly status: OldAnswer;
  readonly results: OldAnswer;
}

export interface OldKey {
  readonly name: string;
  readonly tenant: string;
  /** The header. */
  readonly key: string;
  readonly was: "open" | "answered" | "ticketed";
  readonly request: Readonly<Record<string, unknown>>;
  /** `null`: it was killed before it answered. */
  readonly answer: OldAnswer | null;
}

export interface OldAnswer {
  readonly code: number;
  /** As it was sent. */
  readonly text: string;
}

/** Finds in a call upstream, or in a judgement, which ticket or key it is about. */
export const noncePattern = "nonce-[a-z0-9-]+";

export const nonceOf = (name: string) => `nonce-${name}`;

/** Names in a text. */
export function namesIn(text: string): readonly string[] {
  return (text.match(new RegExp(noncePattern, "g")) ?? []).map((nonce) => nonce.slice("nonce-".length));
}
