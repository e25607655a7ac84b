/**
 * What all isolates of the Worker have counted, as one Durable Object. Isolates send what they counted since they sent last; here it is summed in
 * memory, and stored before anybody is shown it. So what was shown once never falls: an object that dies has lost only what nobody has seen,
 * and Prometheus would take a counter that falls for one that began anew, and add all of it once more.
 */
import { DurableObject } from "cloudflare:workers";
import { decodeRecord } from "../../domain/record.ts";
import {
  addDifferences,
  differencesOf,
  newSums,
  type Difference,
  type Sums,
} from "../../telemetry/metrics/sums.ts";
import {
  newRecent,
  noteDifferences,
  noteFailures,
  type FailedAttempt,
  type Recent,
} from "../../telemetry/recent.ts";
import { clock } from "../clock.ts";
import { logFault, type Environment } from "../environment.ts";

/** Without a reader it is stored so often. */
const storeEveryMs = 30_000;
/** So long a push is known should it come again: an isolate tries for some seconds. */
const rememberedMs = 600_000;

interface StoredCounts {
  readonly version: 1;
  readonly counted: readonly Difference[];
  readonly isolates: readonly Heard[];
  /** Absent from older code. */
  readonly recent?: Recent;
}

/** The last push of an isolate that was counted. */
interface Heard {
  readonly isolate: string;
  readonly push: number;
  readonly atMs: number;
}

export class MetricsObject extends DurableObject<Environment> {
  readonly #sums: Sums = newSums();
  #recent = newRecent();
  #heard = new Map<string, Heard>();
  #isStored = true;
  #isTimed = false;

  constructor(ctx: DurableObjectState, env: Environment) {
    super(ctx, env);
    const { sql } = ctx.storage;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS counts (one INTEGER PRIMARY KEY CHECK (one = 1), record TEXT NOT NULL)",
    );
    const [row] = sql.exec<{ record: string }>("SELECT record FROM counts").toArray();
    if (row === undefined) return;
    const read = decodeRecord<StoredCounts>(JSON.parse(row.record), 1);
    // What newer code has stored begins anew here: it can't be read.
    if (read.kind !== "known") return;
    addDifferences(this.#sums, read.value.counted);
    this.#recent = read.value.recent ?? this.#recent;
    this.#heard = new Map(read.value.isolates.map((heard) => [heard.isolate, heard]));
  }

  /** Sent again under its number, it counts once. @param push numbers what this isolate sends, rising */
  add(
    isolate: string,
    push: number,
    differences: readonly Difference[],
    /** Absent from older isolates. */
    failures: readonly FailedAttempt[] = [],
  ): void {
    const atMs = clock.nowMs();
    if (push <= (this.#heard.get(isolate)?.push ?? -1)) return;
    this.#heard.delete(isolate);
    this.#heard.set(isolate, { isolate, push, atMs });
    // In the order in which they were heard of.
    for (const [name, heard] of this.#heard) {
      if (atMs - heard.atMs < rememberedMs) break;
      this.#heard.delete(name);
    }
    addDifferences(this.#sums, differences);
    noteDifferences(this.#recent, differences, atMs);
    noteFailures(this.#recent, failures);
    this.#isStored = false;
    this.#storeLater();
  }

  /** All that was ever counted. The answer leaves when it is stored: the platform holds it until then. */
  read(): readonly Difference[] {
    this.#store();
    return differencesOf(this.#sums);
  }

  /** What has happened lately. Nothing of it is promised: what was not stored yet may be lost. */
  recent(): Recent {
    return this.#recent;
  }

  #store(): void {
    if (this.#isStored) return;
    const record: StoredCounts = {
      version: 1,
      counted: differencesOf(this.#sums),
      isolates: [...this.#heard.values()],
      recent: this.#recent,
    };
    this.ctx.storage.sql.exec("INSERT OR REPLACE INTO counts VALUES (1, ?)", JSON.stringify(record));
    this.#isStored = true;
  }

  #storeLater(): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    setTimeout(() => {
      this.#isTimed = false;
      try {
        this.#store();
      } catch (error) {
        logFault(this.env, "metrics_not_stored", error);
      }
    }, storeEveryMs);
  }
}
