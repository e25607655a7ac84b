/** What the platform is told about queues and objects: mistakes here lose tickets without a word. */
import { unstable_readConfig as readConfig } from "wrangler";
import { expect, it } from "vitest";

/** What of it is looked at. Wrangler's own type can't be loaded beside Node's. */
interface Settings {
  readonly compatibility_date?: string;
  readonly compatibility_flags?: readonly string[];
  readonly queues: {
    readonly producers?: readonly { readonly queue: string }[];
    readonly consumers?: readonly { readonly queue: string; readonly dead_letter_queue?: string }[];
  };
  readonly durable_objects: { readonly bindings: readonly { readonly class_name: string }[] };
  readonly migrations: readonly {
    readonly new_sqlite_classes?: readonly string[];
    readonly new_classes?: readonly string[];
  }[];
  readonly triggers: { readonly crons?: readonly string[] };
}

const config = readConfig({ config: "wrangler.toml" }) as Settings;
const { producers = [], consumers = [] } = config.queues;

it("has a consumer for every queue, dead letters included: without one Cloudflare deletes", () => {
  const queues = [
    ...producers.map(({ queue }) => queue),
    ...consumers.flatMap(({ dead_letter_queue: dead }) => (dead === undefined ? [] : [dead])),
  ];
  expect(queues).toHaveLength(2);
  expect(consumers.map(({ queue }) => queue).toSorted()).toEqual(queues.toSorted());
});

it("leaves nothing about a consumer to defaults, which differ between here and there", () => {
  for (const consumer of consumers) {
    expect(consumer).toMatchObject({ max_batch_size: 5, max_batch_timeout: 1, max_retries: 100 });
  }
});

it("gives tickets that no worker could take to the dead-letter queue", () => {
  expect(consumers.find(({ queue }) => queue === producers[0]?.queue)?.dead_letter_queue).toBe(
    "llm-provider-service-tickets-dead",
  );
});

it("keeps every class of objects in SQLite", () => {
  const classes = config.durable_objects.bindings.map(({ class_name }) => class_name);
  const migrated = config.migrations.flatMap(({ new_sqlite_classes }) => new_sqlite_classes ?? []);
  expect(migrated.toSorted()).toEqual(classes.toSorted());
  expect(config.migrations.flatMap(({ new_classes }) => new_classes ?? [])).toEqual([]);
});

it("looks after the gates each minute", () => {
  expect(config.triggers.crons).toEqual(["* * * * *"]);
});

it("runs where an object's unfinished work keeps it in memory, and `deleteAll` takes its alarm along", () => {
  expect((config.compatibility_date ?? "") >= "2026-10-01").toBe(true);
});

it("sends to hosts of its own zone by their front door, as anybody would", () => {
  expect(config.compatibility_flags).toContain("global_fetch_strictly_public");
});
