/** Which essay the judge reads first, and that the answer is in the caller's names all the same. */
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeTicket, type Ticket } from "../../src/domain/ticket/ticket.ts";
import { goodBody, type Answered } from "../support/answers.ts";
import { justification, said, verdict } from "../support/scripted-transport.ts";
import { testService, type TestService } from "../support/service.ts";

const key = { headers: { "idempotency-key": "key-1" } };
const swapped = { presentation: "swapped" };
const exchangedBody = { essay_a: goodBody.essay_b, essay_b: goodBody.essay_a };

/** What the mouth of the judge said, who read the caller's second essay first, in the caller's names. */
const inTheCallersNames = {
  winner: "Essay B",
  justification: justification.replace("Essay A", "Essay B"),
  shown_first: "Essay B",
  metadata: {
    normalizations: ["labels_exchanged"],
    justification_as_shown: justification,
    presentation: "swapped",
  },
};

const bodies = ({ vendor }: TestService) => vendor.calls.map(({ body }) => body);
const metadataOf = ({ body }: Answered) => body["metadata"] as Readonly<Record<string, unknown>>;

async function resultOf(service: TestService, changes: object): Promise<Answered> {
  const { status, body } = await service.compare({ ...changes, processing_mode: "queue" });
  expect(status).toBe(202);
  await service.clock.advance(0);
  return service.request(`/api/v1/results/${String(body["queue_id"])}`);
}

describe("a swapped comparison", () => {
  it("is sent as the caller's own with the essays exchanged, byte for byte, whatever they are", async () => {
    const texts = fc
      .string({ minLength: 1, maxLength: 60 })
      .filter((text) => !/^(PK|%PDF|\{\\rtf|UEsDB|JVBER)/.test(text));
    const prompts = fc.constantFrom(
      "Which?",
      "First {essay_b}, then {essay_a}: which?",
      "Is {essay_a} better?",
    );
    const service = testService();
    await fc.assert(
      fc.asyncProperty(texts, texts, prompts, async (essay_a, essay_b, user_prompt) => {
        const asked = { essay_a, essay_b, user_prompt };
        await service.compare({ ...asked, ...swapped });
        await service.compare({ ...asked, essay_a: essay_b, essay_b: essay_a });
        const [one, other] = bodies(service).slice(-2);
        expect(one).toBe(other);
        // And once more is as given.
        await service.compare({ ...asked, essay_a: essay_b, essay_b: essay_a, ...swapped });
        await service.compare(asked);
        const [twice, given] = bodies(service).slice(-2);
        expect(twice).toBe(given);
      }),
      { numRuns: 60 },
    );
  });

  it("is answered in the caller's names: live, under a key, and as a ticket", async () => {
    const service = testService({ steps: () => verdict() });
    const live = await service.compare(swapped);
    const keyed = await service.compare(swapped, key);
    const result = await resultOf(service, swapped);
    for (const { body } of [live, keyed, result]) expect(body).toMatchObject(inTheCallersNames);
    expect((await service.compare(swapped, key)).text).toBe(keyed.text);
    expect(new Set(bodies(service)).size).toBe(1);
  });

  it("says so in its status from the beginning, and of one as given what that is", async () => {
    const service = testService();
    for (const [changes, first] of [
      [swapped, "Essay B"],
      [{}, "Essay A"],
    ] as const) {
      const { body } = await service.compare({ ...changes, processing_mode: "queue" });
      const status = () => service.request(String(body["status_url"]));
      expect((await status()).body).toMatchObject({ status: "queued", shown_first: first });
      await service.clock.advance(0);
      expect((await status()).body).toMatchObject({ status: "completed", shown_first: first });
    }
  });

  it("has the hash of what was sent, and the same pair's hash as in the other order", async () => {
    const service = testService();
    const given = metadataOf(await service.compare());
    const other = metadataOf(await service.compare(swapped));
    const exchanged = metadataOf(await service.compare(exchangedBody));
    expect(other["prompt_sha256"]).toBe(exchanged["prompt_sha256"]);
    expect(other["prompt_sha256"]).not.toBe(given["prompt_sha256"]);
    expect(new Set([given, other, exchanged].map((metadata) => metadata["pair_sha256"])).size).toBe(1);
    // It is that of the order in which the essay with the lesser hash comes first.
    const [a, b] = [goodBody.essay_a, goodBody.essay_b].map((text) =>
      createHash("sha256").update(text).digest("hex"),
    );
    expect(given["pair_sha256"]).toBe((String(a) < String(b) ? given : other)["prompt_sha256"]);
    const another = metadataOf(await service.compare({ essay_b: "Dogs bark!" }));
    expect(another["pair_sha256"]).not.toBe(given["pair_sha256"]);
  });

  it("keeps what was normalized before, and says where it is not sure of a name", async () => {
    const words = {
      boundary: "%boundary%",
      justification: "Essay A wins; B wanders.",
      winner: "a",
      confidence: 9,
    };
    const { compare } = testService({ steps: [said(JSON.stringify(words))] });
    expect((await compare(swapped)).body).toMatchObject({
      winner: "Essay B",
      justification: "Essay B wins; B wanders.",
      metadata: { normalizations: ["confidence_clamped", "labels_exchanged", "labels_uncertain"] },
    });
  });

  it("tells metrics of the place in which the winner was shown", async () => {
    const service = testService({ steps: () => verdict() });
    await service.compare(swapped);
    await service.compare();
    const { text } = await service.request("/metrics");
    expect(text).toContain(
      'llm_provider_verdicts_total{provider="openai",model="gpt-6.1-terra",shown="first"} 2',
    );
    expect(text).not.toMatch(/verdicts_total\{[^}]*shown="second"\} [1-9]/);
    expect(text).toContain('kind="labels_exchanged"} 1');
  });
});

describe("as given, which is so unless told", () => {
  it.each([
    {},
    { presentation: null },
    { presentation: "as_given", presentation_key: "k", presentation_index: 3 },
  ])("nothing is exchanged: %j", async (changes) => {
    const service = testService({ steps: () => verdict() });
    const { body } = await service.compare(changes, key);
    expect(body).toMatchObject({ winner: "Essay A", justification, shown_first: "Essay A" });
    expect(body["metadata"]).toMatchObject({ normalizations: [], presentation: "as_given" });
    expect(body["metadata"]).not.toHaveProperty("justification_as_shown");
    // The same request, in other words.
    expect((await service.compare({}, key)).text).toBe((await service.compare(changes, key)).text);
  });
});

describe("in a series", () => {
  const first = async (service: TestService, changes: object) =>
    (await service.compare(changes)).body["shown_first"];
  const pair = { essay_a: "Alpha", essay_b: "Beta" };

  it("the published example shows Alpha first, and as the second judgement of its pair Beta", async () => {
    const service = testService();
    const counterbalanced = { ...pair, presentation: "counterbalanced", presentation_key: "series-1" };
    expect(await first(service, { ...pair, presentation: "random", presentation_key: "series-1" })).toBe(
      "Essay A",
    );
    expect(await first(service, counterbalanced)).toBe("Essay A");
    expect(await first(service, { ...counterbalanced, presentation_index: 1 })).toBe("Essay B");
    expect(await first(service, { ...counterbalanced, presentation_index: 2 })).toBe("Essay A");
    // The same essay, whichever is called A.
    const other = { ...counterbalanced, essay_a: "Beta", essay_b: "Alpha" };
    expect(await first(service, other)).toBe("Essay B");
  });

  it("an order by chance is drawn once for each comparison, and stays that of its ticket", async () => {
    let draw = 0.499;
    const service = testService({ random: () => draw, steps: () => verdict() });
    const random = { presentation: "random" };
    expect(await first(service, random)).toBe("Essay B");
    draw = 0.5;
    expect(await first(service, random)).toBe("Essay A");
    draw = 0;
    expect((await resultOf(service, random)).body).toMatchObject({
      winner: "Essay B",
      shown_first: "Essay B",
    });
    const sent = bodies(service);
    expect([sent[0] === sent[2], sent[0] === sent[1]]).toEqual([true, false]);
  });
});

describe("what is refused", () => {
  it.each([
    [{ presentation: "reversed" }, "presentation"],
    [{ presentation_key: "k".repeat(201) }, "presentation_key"],
    [{ presentation_index: -1 }, "presentation_index"],
    [{ presentation_index: 0.5 }, "presentation_index"],
    [{ presentation_index: "1" }, "presentation_index"],
  ])("%j", async (changes, path) => {
    const { status, body } = await testService().compare(changes);
    expect(status).toBe(400);
    expect((body["issues"] as { path: string }[]).map((issue) => issue.path)).toEqual([path]);
  });

  it.each([
    [{ presentation: "swapped" }],
    [{ presentation: "random", presentation_key: "k" }],
    [{ presentation: "counterbalanced", presentation_index: 1 }],
  ])("another order under a key that was used: %j", async (changes) => {
    const { compare } = testService();
    await compare({}, key);
    expect((await compare(changes, key)).status).toBe(422);
  });
});

describe("code that knows nothing of orders", () => {
  /** As `decodeTicket` of a release that knows versions 1 and 2. */
  const olderReads = ({ version }: Ticket) => version <= 2;

  it("leaves alone a ticket that waits in the other order, and reads it when it has ended", async () => {
    const service = testService({ steps: () => verdict() });
    const stored = service.stores.stored as Map<string, Ticket>;
    const only = () => [...stored.values()][0] as Ticket;
    const { body } = await service.compare({ ...swapped, processing_mode: "queue" });
    expect(olderReads(only())).toBe(false);
    await service.clock.advance(0);
    const ticket = only();
    expect(olderReads(ticket)).toBe(true);
    // What it shows is right: the winner is in the caller's names.
    expect(ticket.state).toMatchObject({ status: "completed", result: { judgement: { winner: "Essay B" } } });
    expect(decodeTicket(JSON.parse(JSON.stringify(ticket)))).toEqual({ kind: "known", value: ticket });
    expect((await service.request(String(body["results_url"]))).body).toMatchObject(inTheCallersNames);
  });

  it("reads every other ticket, whatever its pair is called", async () => {
    const service = testService();
    await service.compare({
      processing_mode: "queue",
      presentation: "random",
      presentation_key: "series-1",
      essay_a: "Alpha",
      essay_b: "Beta",
    });
    expect([...(service.stores.stored as Map<string, Ticket>).values()].map(olderReads)).toEqual([true]);
  });

  it("has left tickets that are read: as given, without a pair's hash", async () => {
    const service = testService({ steps: () => verdict() });
    const stored = service.stores.stored as Map<string, Ticket>;
    const { body } = await service.compare({ processing_mode: "queue" });
    const [id = "", ticket] = [...stored][0] ?? [];
    if (ticket === undefined) throw new Error("none was kept");
    const { pairSha256: _, ...about } = ticket.about;
    stored.set(id, { ...ticket, about });
    await service.clock.advance(0);
    const result = await service.request(String(body["results_url"]));
    expect(result.body).toMatchObject({ winner: "Essay A", shown_first: "Essay A" });
    expect(metadataOf(result)).not.toHaveProperty("pair_sha256");
  });
});
