/** How a ticket ends for its client: what it can read then, for how long, and who can. */
import { describe, expect, it } from "vitest";
import type { Ticket } from "../../src/domain/ticket/ticket.ts";
import { goodBody, post } from "../support/answers.ts";
import { refused, said, slow, verdict, type Step } from "../support/scripted-transport.ts";
import { testService, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const startMs = Date.UTC(2026, 10, 22, 12);
const at = (afterMs: number) => new Date(startMs + afterMs).toISOString();
const hourMs = 3_600_000;
const queued = { processing_mode: "queue" };

const idOf = ({ body }: { readonly body: Record<string, unknown> }) => String(body["queue_id"]);
const status = async ({ request }: TestService, id: string) => (await request(`/api/v1/status/${id}`)).body;
const result = ({ request }: TestService, id: string) => request(`/api/v1/results/${id}`);

it("says why a ticket failed: 502 with the stored error, whatever its own status would be", async () => {
  const service = testService({ steps: [refused(400, {}, { message: "Too long: sk-proj-abcdef12." })] });
  const id = idOf(await service.compare(queued));
  await service.clock.advance(0);
  const error = "openai says that this request can never succeed.";
  expect(await status(service, id)).toMatchObject({
    status: "failed",
    retry_count: 1,
    result_available: false,
    result_location: null,
    error_message: error,
    error_type: "INVALID_REQUEST",
  });
  const answered = await result(service, id);
  expect(answered.status).toBe(502);
  expect(answered.body).toEqual({
    error,
    error_type: "INVALID_REQUEST",
    details: "Too long: [masked].",
    correlation_id: answered.headers.get("x-correlation-id"),
  });
});

describe("the caller's metadata", () => {
  const written = '{ "id":1234567890123456789, "10":[1.0,1E2], "9":"\\u0041", "attempts":null }';
  const asks = (metadata: string) =>
    `${JSON.stringify({ ...goodBody, ...queued, essayA: "x", llm_config_overrides: { service_type: 1 } }).slice(0, -1)},"metadata":${metadata}}`;

  it("is in status and result as it was written, also of another process, and beside what was ignored", async () => {
    const service = testService({ steps: [slow(verdict(), 10)] });
    const id = idOf(await service.request("/api/v1/comparison", post(asks(written))));
    const other = service.restarted({ steps: [slow(verdict(), 10)] });
    const waiting = await other.request(`/api/v1/status/${id}`);
    expect(waiting.text).toContain(`"metadata":${written}}`);
    await other.clock.advance(1_000);
    const judged = await result(other, id);
    expect([judged.status, judged.text.endsWith(`,${written.slice(1)}}`)]).toEqual([200, true]);
    expect(judged.text).toContain('"ignored_fields":["essayA","llm_config_overrides.service_type"],');
    expect((await other.request(`/api/v1/status/${id}`)).text).toContain(`"metadata":${written}}`);
  });

  it("is stored once where a parser loses nothing of it, and ignored fields where there are some", async () => {
    const service = testService();
    const about = async (body: string) => {
      const id = idOf(await service.request("/api/v1/comparison", post(body)));
      return service.stores.stored.get(id)?.about;
    };
    expect(await about(asks('{"a":[1,"é"]}'))).toMatchObject({ metadata: { a: [1, "é"] } });
    expect(await about(asks('{"a":[1,"é"]}'))).not.toHaveProperty("metadataText");
    expect(await about(asks('{"a": 1}'))).toMatchObject({ metadata: { a: 1 }, metadataText: '{"a": 1}' });
    expect(await about(JSON.stringify({ ...goodBody, ...queued }))).not.toHaveProperty("ignoredFields");
  });

  it("of a ticket that was stored before its writing was kept is what its record says", async () => {
    const service = testService();
    const id = idOf(await service.request("/api/v1/comparison", post(asks(written))));
    const stored = service.stores.stored as Map<string, Ticket>;
    const { metadataText: _, ignoredFields: __, ...about } = stored.get(id)?.about ?? ({} as Ticket["about"]);
    stored.set(id, { ...(stored.get(id) as Ticket), about });
    expect((await service.request(`/api/v1/status/${id}`)).text).toContain(
      '"metadata":{"9":"A","10":[1,100],"id":',
    );
    await service.clock.advance(1_000);
    expect((await result(service, id)).body["metadata"]).toMatchObject({ ignored_fields: [] });
  });
});

it("says that a ticket has expired, at its time and by itself: 410", async () => {
  const service = testService({ steps: () => refused(401) });
  const id = idOf(await service.compare(queued));
  await service.clock.advance(4 * hourMs - 1);
  expect(await status(service, id)).toMatchObject({ status: "queued", error_type: "INVALID_API_KEY" });
  await service.clock.advance(1);
  expect(service.stores.stored.get(id)?.state.status).toBe("expired");
  const error = "The comparison waited for longer than it may, and was not judged.";
  expect(await status(service, id)).toMatchObject({
    status: "expired",
    updated_at: at(4 * hourMs),
    result_available: false,
    error_message: error,
    error_type: "REQUEST_EXPIRED",
  });
  const answered = await result(service, id);
  const correlation = answered.headers.get("x-correlation-id");
  expect(answered.status).toBe(410);
  expect(answered.body).toEqual({ error, error_type: "REQUEST_EXPIRED", correlation_id: correlation });
});

describe("a judgement that came later", () => {
  it.each([
    ["a plain one", [verdict()]],
    ["one with the one more ask", [said("tie"), verdict()]],
    [
      "one that was normalized, without usage",
      [said('{"boundary":"%boundary%","winner":"b","confidence":"9","justification":"x"}', { usage: null })],
    ],
  ] satisfies [string, Step[]][])("is in all fields what an immediate 200 is: %s", async (_, steps) => {
    const changes = {
      correlation_id: "b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f",
      metadata: { mine: [1, { deep: true }], attempts: "mine" },
      llm_config_overrides: {
        model_override: "gpt-6-luna",
        temperature_override: 0.5,
        reasoning_effort: "low",
      },
      user_id: "u",
    };
    const traced = { headers: { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" } };
    const delayed = steps.map((step) => slow(step, 250));
    const live = testService({ steps: delayed });
    const answering = live.compare(changes, traced);
    await live.clock.advance(1_000);
    const immediate = await answering;
    expect(immediate.status).toBe(200);

    const later = testService({ steps: delayed });
    const id = idOf(await later.compare({ ...changes, ...queued }, traced));
    await later.clock.advance(1_000);
    const read = await result(later, id);
    expect(read.status).toBe(200);
    expect(read.body).toEqual({
      ...immediate.body,
      queue_id: id,
      queued_at: at(0),
      completed_at: at(250 * steps.length),
    });
    expect((await result(later, id)).text).toBe(read.text);
    expect(later.vendor.calls).toHaveLength(steps.length);
  });

  it("counts the live calls before it, and the failed attempts, with what they cost", async () => {
    const cost = 0.001_127_2;
    // An error inside a 200 tells its usage; an HTTP error does not.
    const paid = verdict({ status: "failed", error: { code: "server_error", message: "" } });
    const env = { LLM_MAX_RETRIES: "1" };
    const service = testService({
      env,
      steps: [paid, refused(503), said("tie"), paid, verdict()],
      random: () => 0,
    });
    const answering = service.compare();
    await service.clock.advance(60_000);
    const { body } = await result(service, idOf(await answering));
    expect(body["metadata"]).toMatchObject({ attempts: 5 });
    expect(body["cost_estimate"]).toBeCloseTo(4 * cost, 12);
    expect(body["token_usage"]).toMatchObject({ prompt_tokens: 1200 });
  });
});

it("counts a ticket's probes too, and what they cost, though they are no attempts", async () => {
  const env = { LLM_MAX_RETRIES: "0", CIRCUIT_BREAKER_FAILURE_THRESHOLD: "1" };
  const paid = verdict({ status: "failed", error: { code: "server_error", message: "" } });
  const service = testService({ env, steps: [paid, paid, paid], random: () => 0 });
  const id = idOf(await service.compare());
  await service.clock.advance(70_000);
  const { body } = await result(service, id);
  expect(body["metadata"]).toMatchObject({ attempts: 4 });
  expect(body["cost_estimate"]).toBeCloseTo(4 * 0.001_127_2, 12);
  expect(await status(service, id)).toMatchObject({ retry_count: 0 });
});

describe.each([
  ["completed", verdict(), 0],
  ["failed", refused(400), 0],
  ["expired", refused(401), 4 * hourMs],
] satisfies [string, Step, number][])("a ticket that is %s", (name, step, endsMs) => {
  it.each(["24", "0.5"])(
    "can be read for %s hours after it ended, to the millisecond, and then is 404",
    async (hours) => {
      const service = testService({ env: { RESULT_RETENTION_HOURS: hours }, steps: () => step });
      const id = idOf(await service.compare(queued));
      await service.clock.advance(endsMs);
      await service.clock.advance(Number(hours) * hourMs - 1);
      expect(await status(service, id)).toMatchObject({ status: name });
      expect((await result(service, id)).status).toBe({ completed: 200, failed: 502, expired: 410 }[name]);
      await service.clock.advance(1);
      for (const route of ["status", "results"]) {
        const { status, body } = await service.request(`/api/v1/${route}/${id}`);
        expect([status, body["error_type"]]).toEqual([404, "RESOURCE_NOT_FOUND"]);
      }
      expect(service.stores.stored.size).toBe(0);
    },
  );
});

describe("who may read a ticket", () => {
  it.each([
    ["waits", 0, refused(401)],
    ["is completed", 1, verdict()],
    ["failed", 1, refused(400)],
  ] satisfies [string, number, Step][])(
    "is its tenant alone while it %s: for others it is not there",
    async (_, ms, step) => {
      const { compare, request, clock } = testService({ env: { API_KEYS }, steps: () => step });
      const id = idOf(await compare(queued, as("one")));
      await clock.advance(ms);
      for (const route of ["status", "results"]) {
        const path = `/api/v1/${route}/${id}`;
        const unknown = await request(`/api/v1/${route}/b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f`, as("two"));
        const others = await request(path, as("two"));
        expect([others.status, others.body["error_type"]]).toEqual([404, "RESOURCE_NOT_FOUND"]);
        expect({ ...others.body, correlation_id: "" }).toEqual({ ...unknown.body, correlation_id: "" });
        expect((await request(path, as("one"))).status).not.toBe(404);
      }
    },
  );

  it.each(["status", "results"])("%s is 503, not 404, while its store can't be reached", async (route) => {
    const { compare, request, stores } = testService();
    const id = idOf(await compare(queued));
    stores.away("tickets");
    for (const asked of [id, "b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f"]) {
      const { status, body } = await request(`/api/v1/${route}/${asked}`);
      expect([status, body["error_type"], body["retry_after"]]).toEqual([503, "SERVICE_UNAVAILABLE", 5]);
    }
    stores.away();
    expect((await request(`/api/v1/${route}/${id}`)).status).not.toBe(503);
  });

  it.each(["status", "results"])("%s finds it by its id in either case", async (route) => {
    const { compare, request } = testService();
    const id = idOf(await compare(queued));
    // An id of digits alone would show nothing.
    expect(id.toUpperCase()).not.toBe(id);
    const answers = [id, id.toUpperCase()].map((each) => request(`/api/v1/${route}/${each}`));
    const [lower, upper] = await Promise.all(answers);
    expect([upper?.status, upper?.body]).toEqual([lower?.status, { ...lower?.body }]);
    expect(upper?.status).not.toBe(404);
  });
});
