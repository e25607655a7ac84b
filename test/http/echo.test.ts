/** What of a request comes back with its answer: the correlation id, the trace, the caller's metadata. */
import { describe, expect, it } from "vitest";
import { goodBody, post } from "../support/answers.ts";
import { testService } from "../support/service.ts";

const metadataOf = (answered: { body: Record<string, unknown> }) =>
  answered.body["metadata"] as Record<string, unknown>;

describe("the correlation id", () => {
  const correlation_id = "B9F5A1DE-5f02-4b6e-8f6a-2a9a0d4cbb2f";

  it("is the caller's, in body, header and log", async () => {
    const { compare, logged } = testService();
    const { body, headers } = await compare({ correlation_id });
    expect([body["correlation_id"], headers.get("x-correlation-id")]).toEqual([
      correlation_id,
      correlation_id,
    ]);
    expect(logged().map((line) => line["correlation_id"])).toEqual([correlation_id, correlation_id]);
  });

  it.each([
    ["of the validation", { essay_a: "" }, 400],
    ["of our stores", { processing_mode: "queue" }, 503],
    ["of the provider's absence", { llm_config_overrides: { provider_override: "google" } }, 400],
  ])("stays the caller's in errors %s", async (_, changes, status) => {
    const { compare, durable } = testService();
    durable.away("tickets");
    const answered = await compare({ correlation_id, ...changes });
    expect(answered.status).toBe(status);
    expect(answered.body["correlation_id"]).toBe(correlation_id);
  });

  it("stays the caller's in errors of the vendor and in ours", async () => {
    for (const steps of [[{ throws: new Error("a bug") }], [{ status: 401, text: "{}" }]]) {
      const { body } = await testService({ steps }).compare({ correlation_id });
      expect(body["correlation_id"]).toBe(correlation_id);
    }
  });

  it("is a new one each time where the caller has none, or none that is a UUID", async () => {
    const { compare } = testService();
    const ids = [];
    for (const id of [undefined, null, "not-a-uuid", 7])
      ids.push((await compare({ correlation_id: id })).body["correlation_id"]);
    expect(new Set(ids).size).toBe(4);
  });
});

describe("the caller's metadata", () => {
  it("comes back untouched: order of keys, odd keys, any depth, any script", async () => {
    const raw =
      '{"z":1,"a":{"__proto__":{"x":[null,true,-0.5,"\\u2028"]},"constructor":"c"},"__proto__":{"polluted":1},"toJSON":"t","ключ":"é😀","":[],"hasOwnProperty":0}';
    const { request } = testService();
    const { __proto__: _, ...rest } = goodBody as typeof goodBody & { __proto__: unknown };
    const text = JSON.stringify(rest).replace(/\}$/, `,"metadata":${raw}}`);
    const answered = await request("/api/v1/comparison", post(text));
    expect(answered.status).toBe(200);
    // In its text, since that is what a client gets: a parser might hide what `__proto__` became.
    expect(answered.text).toContain(JSON.stringify(JSON.parse(raw)).slice(1, -1));
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("wins over keys of ours with the same name", async () => {
    const mine = {
      attempts: "mine",
      prompt_sha256: null,
      requested_model: [],
      normalizations: 0,
      dropped_parameters: {},
      ignored_fields: "none",
    };
    expect(metadataOf(await testService().compare({ metadata: mine }))).toEqual(mine);
  });

  it("takes no part in the hash: same comparison, same hash; another comparison, another", async () => {
    const { compare } = testService();
    const hash = async (changes: object) => metadataOf(await compare(changes))["prompt_sha256"];
    const first = await hash({});
    expect(await hash({ metadata: { a: 1 }, user_id: "u", priority: 3 })).toBe(first);
    expect(await hash({ essay_a: goodBody.essay_b, essay_b: goodBody.essay_a })).not.toBe(first);
    expect(await hash({ llm_config_overrides: { temperature_override: 1 } })).not.toBe(first);
  });
});

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

it.each([
  [`00-${traceId}-00f067aa0ba902b7-01`, traceId],
  // A later version may say more.
  [`cc-${traceId}-00f067aa0ba902b7-01-what-the-future-brings`, traceId],
  [`00-${traceId}-00f067aa0ba902b7-01-more`, null],
  [`00-${traceId}-00f067aa0ba902b7-01x`, null],
  [`ff-${traceId}-00f067aa0ba902b7-01`, null],
  [`00-${"0".repeat(32)}-00f067aa0ba902b7-01`, null],
  [`00-${traceId}-${"0".repeat(16)}-01`, null],
  [`00-${traceId.toUpperCase()}-00f067aa0ba902b7-01`, null],
  ["", null],
])("reads the trace id out of the traceparent %j as the W3C has it", async (traceparent, expected) => {
  const { body } = await testService().compare({}, { headers: { traceparent } });
  expect(body["trace_id"]).toBe(expected);
});
