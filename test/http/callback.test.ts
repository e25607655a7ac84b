/** `callback_url` of `POST /api/v1/comparison`: where the end of a ticket is told in place of its tenant's endpoints. */
import { describe, expect, it } from "vitest";
import { testService, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

/** Stands in path and query, which may be secrets. */
const canary = "canary-5e1f";
const url = `https://app.example/hooks/${canary}?token=${canary}`;

function secretOf(byte: number): string {
  return `whsec_${Buffer.alloc(32, byte).toString("base64")}`;
}

const env = {
  API_KEYS,
  MOCK_ENABLED: "true",
  WEBHOOK_CALLBACK_PREFIXES: "one/app=https://app.example/hooks two/app=https://two.example/",
  WEBHOOK_SECRETS: `one/app=${secretOf(1)} two/app=${secretOf(2)}`,
};
const queued = { processing_mode: "queue" };

const ask = (service: TestService, changes: object, headers = {}) =>
  service.compare({ ...queued, ...changes }, as("one", headers));

function storedAbout(service: TestService, body: Readonly<Record<string, unknown>>) {
  return service.stores.stored.get(String(body["queue_id"]))?.about;
}

it("is kept with the ticket, with the name of its prefix", async () => {
  const service = testService({ env });
  const { status, body } = await ask(service, { callback_url: url });
  expect(status).toBe(202);
  expect(body["ignored_fields"]).toEqual([]);
  expect(storedAbout(service, body)?.callback).toEqual({ name: "app", url });
});

it.each([{}, { callback_url: null }])("is not there where none is given: %j", async (changes) => {
  const service = testService({ env });
  const { status, body } = await ask(service, changes);
  expect(status).toBe(202);
  expect(storedAbout(service, body)).not.toHaveProperty("callback");
});

describe("is 400, with what is allowed, and nothing is kept", () => {
  it.each([
    ["of another tenant's prefix", "https://two.example/x"],
    ["of nobody's prefix", "https://evil.example/hooks"],
    ["beside a prefix", "https://app.example/hooksx"],
    ["out of a prefix", "https://app.example/hooks/%2e%2e/admin"],
    ["of another scheme", "http://app.example/hooks"],
    ["with a password", "https://app.example:x@app.example/hooks"],
    ["that is none", "hooks"],
    ["that is empty", ""],
  ])("%s", async (_, callback_url) => {
    const service = testService({ env });
    const { status, body } = await ask(service, { callback_url });
    expect([status, body["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
    expect(body["issues"]).toMatchObject([
      { path: "callback_url", message: expect.stringContaining("WEBHOOK_CALLBACK_PREFIXES") as string },
    ]);
    expect(service.stores.stored.size).toBe(0);
  });

  it("where none is set", async () => {
    const { status, body } = await testService().compare({ ...queued, callback_url: url });
    expect([status, body["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
  });

  it.each([
    ["a number", 7],
    ["longer than a URL may be", `${url}${"x".repeat(2_048)}`],
  ])("%s", async (_, callback_url) => {
    const { status, body } = await ask(testService({ env }), { callback_url });
    expect([status, body["error_type"]]).toEqual([400, "VALIDATION_ERROR"]);
  });
});

it("is part of what an Idempotency-Key stands for", async () => {
  const service = testService({ env });
  const key = { "idempotency-key": "key-1" };
  const first = await ask(service, { callback_url: url }, key);
  expect((await ask(service, { callback_url: url }, key)).body["queue_id"]).toBe(first.body["queue_id"]);
  expect((await ask(service, { callback_url: `${url}2` }, key)).status).toBe(422);
  expect((await ask(service, {}, key)).status).toBe(422);
});

it("counts as what the ticket holds until it is forgotten", async () => {
  const service = testService({ env });
  const [without, having] = [await ask(service, {}), await ask(service, { callback_url: url })];
  const [bare, whole] = [storedAbout(service, without.body), storedAbout(service, having.body)];
  expect((whole?.keptBytes ?? 0) - (bare?.keptBytes ?? 0)).toBe(url.length);
  expect((whole?.storedBytes ?? 0) - (bare?.storedBytes ?? 0)).toBe(url.length);
});

it("is shown to nobody: no answer, line of the log or figure has it", async () => {
  const service = testService({ env });
  const { body } = await ask(service, { callback_url: url });
  await service.clock.advance(1_000);
  const seen = await Promise.all(
    ["status_url", "results_url"].map((name) => service.request(String(body[name]), as("one"))),
  );
  const others = await Promise.all(
    ["/api/v1/tickets", "/api/v1/events", "/api/v1/providers", "/healthz"].map((path) =>
      service.request(path, as("one")),
    ),
  );
  const refused = await ask(service, { callback_url: `${url}#x` });
  expect(seen[0]?.body["status"]).toBe("completed");
  for (const { text } of [...seen, ...others, refused]) expect(text).not.toContain(canary);
  expect(service.written()).not.toContain(canary);
});

it("goes to no vendor, and changes no judgement that is given at once", async () => {
  const service = testService({ env });
  const { status, text } = await service.compare({ callback_url: url }, as("one"));
  expect(status).toBe(200);
  expect(text).not.toContain(canary);
  expect(JSON.stringify(service.vendor.calls)).not.toContain(canary);
});
