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
    const { compare, stores } = testService();
    stores.away("tickets");
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
  it.each([
    '{"z":1,"a":{"x":[null,true,-0.5,"\\u2028"],"constructor":"c"},"toJSON":"t","ключ":"é😀","":[],"hasOwnProperty":0}',
    '{"id":1234567890123456789,"small":0.10000000000000000001,"big":1e400,"written":[1.0,1E2,-0]}',
    '{"10":"a","9":"b","b":1,"a":2}',
    '{ "pair" : 17,\n\t"note":"\\u0041\\/\\"}{" }',
    "{}",
    " { } ",
  ])("comes back as it was written: %s", async (written) => {
    const { request } = testService();
    const text = JSON.stringify(goodBody).replace(/\}$/, `,"metadata":${written}}`);
    const answered = await request("/api/v1/comparison", post(text));
    expect(answered.status).toBe(200);
    expect(answered.text).toContain(
      `"ignored_fields":[]${written.trim().slice(1, -1).trim() && `,${written.trim().slice(1, -1)}`}}`,
    );
    const { metadata } = JSON.parse(answered.text) as { metadata: object };
    expect(metadata).toEqual({ ...metadata, ...(JSON.parse(written) as object) });
  });

  it("is the last one where the body says it twice, as parsers have it, also where it is written otherwise", async () => {
    const { request } = testService();
    const text = JSON.stringify(goodBody).replace(
      /^\{/,
      '{"metadata":{"a":1},"x":{"metadata":{"b":2}},"met\\u0061data":{"c":3},',
    );
    const metadata = metadataOf(await request("/api/v1/comparison", post(text)));
    expect([metadata["a"], metadata["b"], metadata["c"]]).toEqual([undefined, undefined, 3]);
  });

  it("wins over keys of ours with the same name", async () => {
    const mine = {
      attempts: "mine",
      prompt_sha256: null,
      pair_sha256: "mine",
      presentation: 1,
      requested_model: [],
      normalizations: 0,
      dropped_parameters: {},
      sent_parameters: 0,
      service_version: false,
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
