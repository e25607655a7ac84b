/**
 * What old stores promise to whoever comes back for what is in them, whichever code runs over them now: the same over every store, asked over
 * HTTP and of what is stored. The fixtures are moved in time: `ageMs` is how long ago the old code was killed.
 */
import { describe, expect, it } from "vitest";
import type { Step } from "../../tools/fake-upstream/script.ts";
import { namesIn, noncePattern, type Manifest, type OldTicket } from "./fixture.ts";
import { differencesOf, hasEnded, isSpooled } from "./sameness.ts";
import {
  askAgain,
  askNow,
  breakerOf,
  callsTo,
  judgedIn,
  providersIn,
  type Body,
  type OldWorld,
} from "./world.ts";

export interface OldStoreUnderTest {
  readonly name: string;
  readonly manifest: Manifest;
  /** The present code over the fixture; gone after the test. The vendors follow the steps from its first moment on. */
  open(ageMs: number, steps: readonly Step[]): Promise<OldWorld>;
  /** Nobody else can have what the dead process held, so a start may give it back before its lease is over. */
  readonly ownerIsDead: boolean;
  /** How calls go that nobody should see the end of. */
  readonly silent: Step;
}

const well: Step = { echo: noncePattern, times: "forever" };

/** Every lease, backoff, hold and breaker's time of a fixture is over then, and no ticket's time. */
const longMs = 20 * 60_000;
/** Leases are over: of a call or a keyed request, 60 s and 15. */
const leaseMs = 80_000;
const dayMs = 24 * 3_600_000;
const limitMs = 90_000;
/** Whoever may be called for is called for long before. */
const lookMs = 2_500;
const betweenLooksMs = 250;

export function testMigration({ name, manifest, open, ownerIsDead, silent }: OldStoreUnderTest): void {
  const { tickets, keys } = manifest;
  const isFirst = manifest.commit.startsWith("1df0c65");
  const tenant = manifest.tenants[0]?.name ?? "";
  const ended = tickets.filter(hasEnded);
  const unfinished = tickets.filter((ticket) => !hasEnded(ticket));

  describe(`what ${manifest.commit.slice(0, 7)} has left in ${name}`, { timeout: limitMs }, () => {
    it("is a ticket in every state, for models with and without an enforced schema, and a key in every state", () => {
      const has = (kind: string, ...models: readonly string[]) =>
        tickets.some(({ name }) => models.some((model) => name === `${kind}-${model}`));
      const kinds = [
        "expired-refused",
        "completed",
        "failed-refused",
        "backoff",
        "processing",
        "refused",
        "fresh",
      ];
      expect(kinds.filter((kind) => !has(kind, "schema") || !has(kind, "words", "json"))).toEqual([]);
      expect(new Set(tickets.map(({ was }) => was))).toEqual(
        new Set(["queued", "processing", "completed", "failed", "expired"]),
      );
      expect(new Set(keys.map(({ was }) => was))).toEqual(new Set(["open", "answered", "ticketed"]));
    });

    it("is read as before: every ticket's status and results, by its own tenant alone", async () => {
      expect(await differencesOf(await open(0, [silent]), tickets)).toEqual([]);
    });

    it("is carried on when the vendors are well: every unfinished ticket is judged, once", async () => {
      const world = await open(longMs, [well]);
      await untilAllAre(world, unfinished, "completed");
      const byVendors = unfinished.filter(({ name }) => !name.endsWith("-mock"));
      const spokenOf = byVendors.map(async ({ tenant, id }) => {
        const { body } = await world.ask(tenant, `/api/v1/results/${id}`);
        return namesIn(String(body["justification"])).join();
      });
      expect(await Promise.all(spokenOf)).toEqual(byVendors.map(({ name }) => name));
      const judged = await judgedIn(world);
      const asked = byVendors.filter((ticket) => !isSpooled(ticket) || judged.has(ticket.name));
      expect(Object.fromEntries(judged)).toEqual(Object.fromEntries(asked.map(({ name }) => [name, 1])));
      expect((await providersIn(world, tenant)).map(({ queue }) => queue.size)).toEqual([0, 0, 0, 0, 0]);
      expect(await differencesOf(world, ended)).toEqual([]);
      expect(await hasErased(world)).toBe(true);
    });

    it("answers a key with the judgement that it gave, or with its ticket, and 422 to another comparison", async () => {
      const world = await open(0, [well]);
      const closed = keys.filter(({ was }) => was !== "open");
      const again = await Promise.all(closed.map((key) => askAgain(world, key)));
      const said = ({ code, text }: { code: number; text: string }) => (code === 200 ? text : idIn(text));
      expect(again.map(({ status, text }) => [status, said({ code: status, text })])).toEqual(
        closed.map(({ answer }) => [answer?.code, answer && said(answer)]),
      );
      // A key that was given back may be used for anything.
      const taken = ownerIsDead ? closed : keys;
      const others = await Promise.all(taken.map((key) => askAgain(world, key, { essay_a: "Another." })));
      expect(others.map(({ status }) => status)).toEqual(taken.map(() => 422));
    });

    it("keeps a breaker open, and nobody is called through it", async () => {
      const world = await open(0, [silent]);
      expect(await breakerOf(world, tenant, "openai")).toBe("open");
      const { status, body } = await askNow(world, tenant, { provider_override: "openai" });
      expect([status, body["error_type"]]).toEqual([503, "CIRCUIT_BREAKER_OPEN"]);
      await world.live(lookMs);
      expect(await callsTo(world, "openai")).toEqual([]);
      expect(await breakerOf(world, tenant, "openai")).toBe("open");
    });

    it("keeps a breaker half open, with one probe at a time", async () => {
      const world = await open(0, [silent]);
      await world.live(lookMs);
      expect(await breakerOf(world, tenant, "anthropic")).toBe("half_open");
      expect((await callsTo(world, "anthropic")).length).toBeLessThanOrEqual(1);
    });

    it("leaves the model alone that answered 429, and no other", async () => {
      const world = await open(0, [{ ...well, vendor: "google" }, silent]);
      const ask = (model_override: string) =>
        askNow(world, tenant, { provider_override: "google", model_override });
      expect((await ask("gemini-3.8-flash")).body["error_type"]).toBe("RATE_LIMIT");
      expect((await ask("gemini-3.1-pro-preview")).status).toBe(200);
      await world.live(lookMs);
      const models = (await callsTo(world, "google")).map(({ model }) => model);
      expect(models).not.toContain("gemini-3.8-flash");
    });

    it("knows refused credentials: one ticket asks, the others wait, and a live call fails at once", async () => {
      const refused: Step = { fault: "credentialsRefused", vendor: "openrouter", times: "forever" };
      const world = await open(0, [refused, silent]);
      await untilSomebodyCalls(world, "openrouter");
      await world.live(lookMs);
      expect(await callsTo(world, "openrouter")).toHaveLength(1);
      const behind = unfinished.filter(({ name }) => name.startsWith("fresh-"));
      const seen = await Promise.all(
        behind.map(({ tenant, id }) => world.ask(tenant, `/api/v1/status/${id}`)),
      );
      expect(seen.map(({ body }) => [body["status"], body["error_type"]])).toEqual(
        behind.map(() => ["queued", "INVALID_API_KEY"]),
      );
      const live = await askNow(world, tenant, { provider_override: "openrouter" });
      expect([live.status, live.body["error_type"]]).toEqual([502, "INVALID_API_KEY"]);
    });

    // What these are about newer code stores as the first did, and their tests take a while.
    if (!isFirst) return;

    it("is counted on: what each tenant has used today", async () => {
      const world = await open(0, [silent]);
      for (const { name } of manifest.tenants) {
        const { body } = await world.ask(name, "/api/v1/providers");
        expect(body["total_requests_today"]).toBe(manifest.providers[name]?.["total_requests_today"]);
        expect(body["total_cost_today"]).toBeCloseTo(
          Number(manifest.providers[name]?.["total_cost_today"]),
          9,
        );
      }
    });

    it("is asked upstream as it was accepted, whatever the settings say now", async () => {
      const world = await open(longMs, [well]);
      const own = unfinished.filter(({ name }) => name === "open-fresh");
      await untilAllAre(world, own, "completed");
      const calls = await callsTo(world, "openai");
      const [call] = calls.filter(({ bodyText }) => namesIn(bodyText).includes("open-fresh"));
      expect(call?.bodyText).toContain(String.raw`Judge as an owl would. \"Both\" is no answer.`);
      expect(call?.bodyText).toMatch(/"max_\w+":1234\b/);
      expect(call?.model).toBe("gpt-6.1-terra");
    });

    it("keeps a key whose request was cut off for its lease, unless its owner is known to be dead", async () => {
      const world = await open(0, [well]);
      const open409 = await Promise.all(openOnes().map((key) => askAgain(world, key)));
      const allowed = ownerIsDead ? [200, 409] : [409];
      expect(open409.map(({ status }) => status).filter((status) => !allowed.includes(status))).toEqual([]);
    });

    it("gives that key away when its lease is over, once", async () => {
      const world = await open(leaseMs, [well]);
      const [key] = openOnes();
      if (key === undefined) throw new Error("There is no open key.");
      const first = await askAgain(world, key);
      expect([first.status, namesIn(first.text)]).toEqual([200, [key.name]]);
      expect((await askAgain(world, key)).text).toBe(first.text);
      expect((await judgedIn(world)).get(key.name)).toBe(1);
    });

    it("is over in its time though nobody was there: what waited is expired, what had ended is forgotten", async () => {
      const world = await open(dayMs + 60_000, [silent]);
      const waited = unfinished.filter((ticket) => !isSpooled(ticket));
      await untilAllAre(world, waited, "expired");
      const results = await Promise.all(
        waited.map(({ tenant, id }) => world.ask(tenant, `/api/v1/results/${id}`)),
      );
      expect(results.map(({ status, body }) => [status, body["error_type"]])).toEqual(
        waited.map(() => [410, "REQUEST_EXPIRED"]),
      );
      const gone = ended.map(async ({ tenant, id, name }) => {
        const { status } = await world.ask(tenant, `/api/v1/status/${id}`);
        // An id that was given while Redis was away may be in another process' file.
        return status === 404 || (status === 503 && id.charAt(14) === "8") ? null : `${name}: ${status}`;
      });
      expect((await Promise.all(gone)).filter((line) => line !== null)).toEqual([]);
      expect(await world.lane.requests("judgement")).toEqual([]);
      expect(await hasErased(world)).toBe(true);
    });
  });

  function openOnes() {
    return keys.filter(({ was }) => was === "open");
  }
}

const idIn = (text: string) => (JSON.parse(text) as Body)["queue_id"];

/** @throws {Error} that names those which are not, when it took too long */
async function untilAllAre(world: OldWorld, tickets: readonly OldTicket[], wanted: string): Promise<void> {
  const endsAtMs = Date.now() + limitMs - 20_000;
  for (let left = tickets; left.length > 0;) {
    const seen = await Promise.all(
      left.map(async (ticket) => {
        const { status, body } = await world.ask(ticket.tenant, `/api/v1/status/${ticket.id}`);
        return { ticket, is: status === 200 ? String(body["status"]) : String(status), body };
      }),
    );
    const others = seen.filter(({ is }) => is !== wanted);
    if (Date.now() > endsAtMs) {
      const lines = others.map(
        ({ ticket, is, body }) => `${ticket.name}: ${is} ${String(body["error_type"])}`,
      );
      throw new Error(`They are not ${wanted}:\n${lines.join("\n")}`);
    }
    left = others.map(({ ticket }) => ticket);
    if (left.length > 0) await world.live(betweenLooksMs);
  }
}

async function untilSomebodyCalls(world: OldWorld, vendor: string): Promise<void> {
  for (let looks = 0; looks < 80 && (await callsTo(world, vendor)).length === 0; looks++) {
    await world.live(betweenLooksMs);
  }
}

/** Texts that are erased a little after the end are waited for. */
async function hasErased(world: OldWorld): Promise<boolean> {
  for (let looks = 0; looks < 40; looks++) {
    if (!(await world.stored()).includes("The river floods every spring.")) return true;
    await world.live(betweenLooksMs);
  }
  return false;
}
