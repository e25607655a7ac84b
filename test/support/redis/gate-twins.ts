/** One gate twice: as its source runs, over plain memory, and compiled, in a Redis. */
import type { Blame, Counts } from "../../../src/domain/gate/breaker.ts";
import { newGate, type GateState } from "../../../src/domain/gate/gate.ts";
import type { TenantLine } from "../../../src/domain/gate/fair-order.ts";
import { isInFlight, type Place } from "../../../src/domain/gate/places.ts";
import { createGateKeeper } from "../../../src/engine/gate-keeper.ts";
import { createScriptRunner } from "../../../src/stores/redis/script-runner.ts";
import type { Schedule } from "../../../src/stores/redis/script/calls.ts";
import { bareGate } from "./bare-gate.ts";
import { bareScript } from "./bare-script.ts";
import { root } from "../../../src/stores/redis/redis.ts";
import { plainPlaces } from "../plain-places.ts";
import type { RedisClient } from "./client.ts";
import { askGate, stepLimits, type GateStep } from "./gate-steps.ts";

export interface Now {
  readonly ms: number;
  readonly random: number;
}

/** What was answered, when to look again, and whether that was news. */
export interface Answered {
  readonly verb: string;
  readonly reply: unknown;
  readonly wakeAtMs: number | null;
  readonly isWake: boolean;
}

/** All that it has of itself, once lists and what is nothing look the same on both sides. */
export interface Remains {
  readonly state: unknown;
  readonly places: unknown;
  /** Who is in which list, and the sums. */
  readonly beside: unknown;
}

export function sourceGate() {
  let now: Now = { ms: 0, random: 0 };
  let state: GateState = newGate;
  let said: number | null = null;
  const table = plainPlaces();
  const all = new Map<string, Place>();
  const keeper = createGateKeeper({
    places: {
      ...table,
      put(place) {
        all.set(place.ticketId, place);
        table.put(place);
      },
      remove(ticketId) {
        all.delete(ticketId);
        table.remove(ticketId);
      },
      endWaits(nowMs, model) {
        table.endWaits(nowMs, model);
        for (const id of all.keys()) {
          const place = table.find(id);
          if (place !== null) all.set(id, place);
        }
      },
      // In Redis nobody is asked after.
      firstHeardMs: () => null,
      silent: () => [],
    },
    limits: stepLimits,
    readState: () => state,
    writeState: (next) => {
      state = asInRedis(next) as GateState;
    },
    atomically: (work) => work(),
    nowMs: () => now.ms,
    random: () => now.random,
  });
  const askable = {
    ...keeper,
    started: () => keeper.started(false),
    dispatch: () => keeper.look().send,
  };

  return {
    state: () => state,
    ask(command: GateStep["command"], at: Now): Answered {
      now = at;
      const reply = inOrder(asInRedis(askGate(askable, command, at.ms)));
      const { wakeAtMs } = keeper.look(0);
      const isWake = wakeAtMs !== said;
      said = wakeAtMs;
      return { verb: command.verb, reply, wakeAtMs, isWake };
    },
    remains: (): Remains => ({
      state: bare(inOrder(state)),
      places: bare(Object.fromEntries(all)),
      beside: besides([...all.values()], table.lines(null), inOrderOf(table), table.virtualTime()),
    }),
  };
}

/** @param moment where calls are gathered until they are sent together; without it each goes alone, at once */
export function compiledGate(looker: RedisClient, moment?: (() => void)[]) {
  let now: Now = { ms: 0, random: 0 };
  const schedules: Schedule[] = [];
  const script = createScriptRunner({
    redis: bareScript(looker),
    limits: stepLimits,
    clock: { nowMs: () => now.ms, monotonicMs: () => now.ms, after: () => () => {} },
    random: () => now.random,
    // In the order of the calls, for that is how Redis answers.
    onSchedule: (_provider, schedule) => void schedules.push(schedule),
    ...(moment && { soon: (send: () => void) => void moment.push(send) }),
    ownsTime: true,
  });
  const gate = bareGate(script, "mock");
  const asked: { readonly verb: string; readonly reply: unknown }[] = [];

  return {
    /** All are answered together. */
    ask(command: GateStep["command"], at: Now): void {
      now = at;
      asked.push({ verb: command.verb, reply: askGate(gate, command, at.ms) });
    },
    async answered(): Promise<readonly Answered[]> {
      const replies = await Promise.all(asked.map(({ reply }) => reply));
      return asked.map(({ verb }, index) => {
        const { wakeAtMs = null, listeners = null } = schedules[index] ?? {};
        return { verb, reply: inOrder(replies[index]), wakeAtMs, isWake: listeners !== null };
      });
    },
    async remains(): Promise<Remains> {
      const keyOf = (name: string) => `${root}gate:mock:${name}`;
      const state = JSON.parse(String((await looker.command("GET", keyOf("core"))) ?? "{}")) as GateState;
      const rows = pairs(await looker.command("HGETALL", keyOf("places")));
      const places = rows.map(([id, row]) => [id, unpacked(JSON.parse(row) as Place)] as const);
      const sums = pairs(await looker.command("HGETALL", keyOf("sums")));
      return {
        state: bare(inOrder(state.version === 1 ? unpackedState(state) : newGate)),
        places: bare(Object.fromEntries(places)),
        beside: {
          sums: Object.fromEntries([...noSums, ...sums.map(([name, sum]) => [name, Number(sum)] as const)]),
          suspects: await members("SMEMBERS", `${root}gate:suspects`),
          lineOfSuspects: await members("ZRANGE", keyOf("line:suspects"), "0", "-1"),
          line: await members("ZRANGE", keyOf("line"), "0", "-1"),
          lines: linesIn(pairs(await looker.command("HGETALL", keyOf("lines")))),
          order: ((await looker.command("ZRANGE", keyOf("lines:order"), "0", "-1")) as string[]).map((name) =>
            name.slice(17),
          ),
          ends: await members("ZRANGE", keyOf("ends"), "0", "-1"),
          ages: await members("ZRANGE", keyOf("ages"), "0", "-1"),
          waits: await waiting("waits"),
          turns: await waiting("turns"),
        },
      };
    },
  };

  /** Of each model that is said to be waited for. */
  async function waiting(by: "waits" | "turns"): Promise<readonly string[]> {
    const models = (await looker.command("HKEYS", `${root}gate:mock:models`)) as string[];
    const rows = await Promise.all(
      models.map(async (model) => {
        const ids = await looker.command(
          "ZRANGE",
          `${root}gate:mock:${by}:${model}`,
          "0",
          "-1",
          "WITHSCORES",
        );
        return pairs(ids).map(([id, score]) => `${groupName(model)} ${id} ${score}`);
      }),
    );
    return rows.flat().toSorted();
  }

  async function members(...command: string[]): Promise<readonly string[]> {
    return ((await looker.command(...command)) as string[]).toSorted();
  }
}

const noSums = [
  "size",
  "bytes",
  "waiting",
  "in_flight",
  "lines_size",
  "lines_bytes",
  "lines_waiting",
  "virtual_time",
].map((name) => [name, 0] as const);

function inOrderOf(table: ReturnType<typeof plainPlaces>): readonly string[] {
  const tenants: string[] = [];
  table.eachLine(({ tenant }) => tenants.push(tenant) > 0);
  return tenants;
}

function linesIn(rows: readonly (readonly [string, string])[]): readonly string[] {
  return rows
    .map(([tenant, packed]) => {
      const row = JSON.parse(packed) as unknown[];
      const models = (row[6] === "" ? [] : row[6]) as string[] | undefined;
      return `${tenant} ${JSON.stringify([...row.slice(0, 6), models?.toSorted()])}`;
    })
    .toSorted();
}

function besides(
  places: readonly Place[],
  lines: readonly TenantLine[],
  order: readonly string[],
  virtualTime: number,
) {
  const count = (isMeant: (place: Place) => boolean) => places.filter(isMeant).length;
  const idsOf = (isMeant: (place: Place) => boolean) =>
    places
      .filter(isMeant)
      .map(({ ticketId }) => ticketId)
      .toSorted();
  const isInLine = ({ standing }: Place) => standing.state === "waiting" || standing.state === "dispatched";
  const waiting = places.filter(({ standing, suspect }) => standing.state === "waiting" && !suspect);
  const modelsOf = (tenant: string) =>
    [
      ...new Set(
        waiting.filter((place) => place.tenant === tenant).map(({ model }) => JSON.stringify(model)),
      ),
    ].toSorted();
  return {
    sums: {
      size: places.length,
      bytes: places.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      waiting: count(({ standing }) => standing.state === "waiting"),
      in_flight: count(isInFlight),
      lines_size: places.length,
      lines_bytes: places.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      lines_waiting: count(({ standing }) => standing.state === "waiting"),
      virtual_time: virtualTime,
    },
    suspects: idsOf((place) => place.suspect && isInFlight(place)),
    lineOfSuspects: idsOf((place) => place.suspect && isInLine(place)),
    // Older code's, which nobody here writes.
    line: [],
    lines: lines
      .map(({ tenant, size, bytes, tokens, waiting, startTag, sinceMs }) => {
        return `${tenant} ${JSON.stringify([size, bytes, tokens, waiting, startTag, sinceMs, modelsOf(tenant)])}`;
      })
      .toSorted(),
    order,
    ends: idsOf(({ standing }) => standing.state !== "waiting"),
    ages: idsOf(() => true),
    waits: waiting.map((place) => `${nameOf(place)} ${place.ticketId} ${place.notBeforeMs}`).toSorted(),
    turns: waiting
      .map(
        (place) => `${nameOf(place)} ${place.ticketId} ${(10 - place.priority) * 1e13 + place.acceptedAtMs}`,
      )
      .toSorted(),
  };
}

const nameOf = ({ model, tenant }: Place) => (tenant === "" ? model : `${model} ${tenant}`);

/** A group's name in Redis: its model as JSON, and its tenant where that is known. */
function groupName(name: string): string {
  const [, model = '""', tenant = ""] = /^(".*")(?: (\w+))?$/su.exec(name) ?? [];
  const plain = JSON.parse(model) as string;
  return tenant === "" ? plain : `${plain} ${tenant}`;
}

/** Models as they are called outside Redis. What is empty there is no list. */
function unpackedState(state: GateState): GateState {
  const listed = <Row>(rows: readonly Row[]) => (Array.isArray(rows) ? (rows as readonly Row[]) : []);
  const plain = (model: string) => (model === "" ? model : (JSON.parse(model) as string));
  const { breaker } = state;
  const counts = <Counted extends Counts>(counted: Counted): Counted =>
    counted.byModel === undefined
      ? counted
      : {
          ...counted,
          byModel: {
            ...counted.byModel,
            answered: counted.byModel.answered && plain(counted.byModel.answered),
            well: counted.byModel.well.replaceAll(/^[^ \n]+/gm, plain),
            ill: listed(counted.byModel.ill).map((party) => ({ ...party, n: plain(party.n) })),
          },
        };
  const named = (blame: Blame) =>
    blame.model === undefined ? blame : { ...blame, model: plain(blame.model) };
  const blamed = (given: Exclude<GateState["breaker"], { state: "closed" }>) => ({
    ...given,
    ...(given.blame === undefined ? {} : { blame: named(given.blame) }),
    ...(given.doubt === undefined ? {} : { doubt: named(given.doubt) }),
    ...(given.others === undefined ? {} : { others: counts(given.others) }),
  });
  return {
    ...state,
    breaker: breaker.state === "closed" ? counts(breaker) : blamed(breaker),
    holds: listed(state.holds).map(unpacked),
    paces: listed(state.paces).map(unpacked),
    probed: listed(state.probed).map(unpacked),
    records: listed(state.records).map((record) => {
      const end = record.indexOf(" ");
      return plain(record.slice(0, end)) + record.slice(end);
    }),
  };
}

function unpacked<Row extends { readonly model: string }>(row: Row): Row {
  return { ...row, model: JSON.parse(row.model) as string };
}

/** JSON in Redis keeps 14 digits of a number. */
function asInRedis(value: unknown): unknown {
  return value === undefined
    ? undefined
    : JSON.parse(JSON.stringify(value), (_key, inner: unknown) =>
        typeof inner === "number" ? Number(inner.toPrecision(14)) : inner,
      );
}

/** Holds that end at one moment: Lua sorts them as it likes. */
function inOrder(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("snapshot" in value) return { ...value, snapshot: inOrder(value.snapshot) };
  if (!("holds" in value)) return value;
  const holds = value.holds as GateState["holds"];
  const ordered = holds.toSorted((a, b) => b.untilMs - a.untilMs || (a.model < b.model ? -1 : 1));
  return { ...value, holds: ordered };
}

/** Without what is null, or an empty list. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([name, inner]) => [name, bare(inner)] as const);
  return Object.fromEntries(fields.filter(([, inner]) => !isNothing(inner)));
}

function isNothing(value: unknown): boolean {
  return value === null || (typeof value === "object" && Object.keys(value).length === 0);
}

function pairs(flat: unknown): readonly (readonly [string, string])[] {
  const texts = flat as readonly string[];
  return texts.flatMap((text, index) => (index % 2 === 0 ? [[text, texts[index + 1] ?? ""] as const] : []));
}
