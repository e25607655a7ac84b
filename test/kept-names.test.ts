/**
 * Names that others rely on: what is bound, stored and alerted on. None is renamed: who writes a name or reads it anew uses the one in
 * `kept-names.json`, and whatever comes new is written down there. What stores hold after a life of the service is compared in
 * `node/recorded.test.ts`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { unstable_readConfig as readConfig } from "wrangler";
import { describe, expect, it } from "vitest";
import { settings } from "../src/settings/settings.ts";
import { raiseSchema } from "../src/node/sqlite/schema.ts";
import { errorTypes } from "../src/wire/error-types.ts";
import { keptNames } from "./support/kept-names.ts";
import { newStoredNames, storedNames } from "./support/stored-names.ts";
import type { RedisFixture, SqliteFixture, WorkerdFixture } from "./migration/fixture.ts";

/** As far as names are in it. */
interface WorkerConfig {
  readonly durable_objects: {
    readonly bindings: readonly { readonly name: string; readonly class_name: string }[];
  };
  readonly migrations: readonly { readonly new_sqlite_classes?: readonly string[] }[];
  readonly queues: {
    readonly producers: readonly { readonly binding: string; readonly queue: string }[];
    readonly consumers: readonly { readonly queue: string; readonly dead_letter_queue?: string }[];
  };
  readonly version_metadata: { readonly binding: string };
}

const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readFileSync(join("src", file), "utf8"));
const source = sources.join("\n");

/** Unique and sorted. */
const listed = (names: Iterable<string>) => [...new Set(names)].toSorted();

describe("is as it was", () => {
  it("every class, binding and queue of the Worker", () => {
    const config: WorkerConfig = readConfig({ config: "wrangler.toml" });
    const { durable_objects, migrations, queues, version_metadata } = config;
    expect({
      classes: listed(migrations.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes)),
      bindings: listed([
        ...durable_objects.bindings.map(({ name, class_name }) => `${name} (${class_name})`),
        ...queues.producers.map(({ binding, queue }) => `${binding} (${queue})`),
        version_metadata.binding,
      ]),
      queues: listed(
        (queues.consumers ?? []).flatMap(({ queue, dead_letter_queue = queue }) => [
          queue,
          dead_letter_queue,
        ]),
      ),
    }).toEqual(keptNames.worker);
  });

  it("every class that the Worker exports", () => {
    const worker = readFileSync("src/cloudflare/worker.ts", "utf8");
    const exported = [...worker.matchAll(/^export \{ (\w+) \} from/gm)].map(([, name]) => String(name));
    expect(listed(exported)).toEqual(keptNames.worker.classes);
  });

  it("every setting", () => {
    expect(listed(Object.keys(settings.shape))).toEqual(keptNames.settings);
  });

  it("every error_type", () => {
    expect(listed(errorTypes)).toEqual(keptNames.errorTypes);
  });

  it("every event of the log", () => {
    const read = (file: string) => readFileSync(join("src", file), "utf8");
    const told = read("telemetry/events.ts") + read("domain/gate/changes.ts");
    const kinds = [...told.matchAll(/\bkind: "(\w+)"|^ +\| "(\w+)";?$/gm)].map(
      ([, one, other]) => one ?? other,
    );
    // They are only counted, or made spans of.
    const silent = ["request_began", "ticket_worked"];
    expect(listed(kinds.map(String).filter((kind) => !silent.includes(kind)))).toEqual(keptNames.logEvents);
  });

  it("nothing is logged but events", () => {
    const writers = readdirSync("src", { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.startsWith("telemetry"))
      .filter((file) =>
        /(?<!Math\.)\blog\(|JSON\.stringify\(\{ level/.test(readFileSync(join("src", file), "utf8")),
      );
    // The one way in which a Worker writes a line.
    expect(writers).toEqual(["cloudflare/environment.ts"]);
  });

  it("every table of the SQLite file", () => {
    const sql = new DatabaseSync(":memory:");
    raiseSchema(sql);
    const columns = sql
      .prepare(
        `SELECT tables.name AS place, columns.name AS name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.type = 'table' ORDER BY place, name`,
      )
      .all();
    const tables = Object.groupBy(columns, ({ place }) => String(place));
    const found = Object.entries(tables).map(([place, rows = []]) => [place, rows.map(({ name }) => name)]);
    const ofNode = Object.entries(keptNames.stored.tables).filter(([place]) => !place.includes("."));
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(ofNode));
  });
});

it("every name in stored JSON is still somewhere in the source, in its own letters", () => {
  const words = new Set(source.match(/\w+/g));
  const names = Object.values(keptNames.stored.json).flatMap((paths) =>
    paths.flatMap((path) => path.split(/[.[\]]+/).filter((name) => name !== "" && name !== "*")),
  );
  expect(listed(names).filter((name) => !words.has(name))).toEqual([]);
});

it.each(["sqlite", "redis", "workerd"])("what was stored in %s before is in the list", (store) => {
  const file = `test/migration/fixtures/fd2ab07/${store}.json`;
  const left = JSON.parse(readFileSync(file, "utf8")) as SqliteFixture | RedisFixture | WorkerdFixture;
  expect(newStoredNames(storedNames(left), keptNames.stored)).toEqual([]);
});
