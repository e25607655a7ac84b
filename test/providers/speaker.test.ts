/** Who speaks: the vendor, or something between us and the vendor. Each row is so at all four vendors. */
import { describe, expect, it } from "vitest";
import type { Failure } from "../../src/domain/failure.ts";
import { envelopeIn, errorIn } from "../../src/providers/speaker.ts";
import { err } from "../../src/domain/result.ts";
import { question, replyTo } from "./fixtures/canned.ts";
import { vendorNames, vendors } from "./fixtures/vendors.ts";

const between = (status: number, retryAfterMs: number | null = null): Failure => ({
  reason: "unavailable",
  status,
  retryAfterMs,
  fromBetween: true,
});
const tooLarge = (status: number): Failure => ({
  reason: "request_refused",
  status,
  vendorSays: `Something between this service and the vendor refused the request as too large (HTTP ${status}).`,
  fromBetween: true,
});
const html = "<html><body>It works!</body></html>";

const answersOfOthers: readonly (readonly [string, number, unknown, Failure])[] = [
  ["a page with a 404", 404, html, between(404)],
  ["a 404 without a body", 404, "", between(404)],
  ["a page with a 200", 200, html, between(200)],
  ["a 200 of nothing", 200, "", between(200)],
  ["a 200 of blanks", 200, " \r\n\t", between(200)],
  ["a 204", 204, "", between(204)],
  ["a redirect", 302, "", between(302)],
  ["a redirect that speaks the vendor's language", 307, { error: { message: "Moved" } }, between(307)],
  ["a captive portal", 200, '<form action="/login">', between(200)],
  ["a page with a 400", 400, html, between(400)],
  ["a firewall's 403", 403, html, between(403)],
  ["a page with a 402", 402, html, between(402)],
  ["a page with a 422", 422, html, between(422)],
  ["a page with a 500", 500, html, between(500)],
  ["a page with a 503", 503, html, between(503)],
  ["a page with a 524", 524, html, between(524)],
  ["Kong's words", 404, { message: "no Route matched with those values" }, between(404)],
  ["API Gateway's words", 403, { message: "Missing Authentication Token" }, between(403)],
  ["half of an answer", 200, '{"id":"resp_1","output":[{"type":"message","conte', between(200)],
  ["another service's JSON", 200, { status: "ok" }, between(200)],
  ["another service's content", 200, { content: "Welcome" }, between(200)],
  ["a list of nothing", 200, [], between(200)],
  ["a list of words", 500, ["error"], between(500)],
  ["a text", 500, '"error"', between(500)],
  ["null", 200, "null", between(200)],
  ["a number with a code beside no words", 500, { code: 500 }, between(500)],
  ["a message beside a code in words", 500, { message: "No", code: "E_NO" }, between(500)],
  ["an error that is nothing", 500, { error: null }, between(500)],
  ["a page with a 413", 413, html, tooLarge(413)],
  ["a page with a 414", 414, html, tooLarge(414)],
  ["a page with a 431", 431, "", tooLarge(431)],
  ["a page with a 401", 401, html, { reason: "credentials_refused", status: 401, fromBetween: true }],
  [
    "a proxy that wants a password",
    407,
    "",
    { reason: "credentials_refused", status: 407, fromBetween: true },
  ],
  ["a page with a 429", 429, html, { reason: "rate_limited", retryAfterMs: null, fromBetween: true }],
];

describe.each(vendorNames)("%s", (name) => {
  it.each(answersOfOthers)("has not spoken in %s", async (_, status, body, error) => {
    const reply = await replyTo(vendors[name], { status, body });
    expect(reply).toEqual({ outcome: err(error), usage: null, requestId: null, status });
  });

  it("has not spoken in an answer that is longer than any of its own", async () => {
    const provider = vendors[name](() => Promise.resolve(err({ fault: "too_large", status: 200 })));
    expect((await provider.judge(question, new AbortController().signal)).outcome).toEqual(err(between(200)));
  });

  it("is believed to ask for time by a proxy's 429 and 503, and by no other page", async () => {
    const headers = { "retry-after": "7", "x-should-retry": "false" };
    const failureOf = async (status: number) =>
      (await replyTo(vendors[name], { status, headers, body: html })).outcome;
    expect(await failureOf(429)).toEqual(
      err({ reason: "rate_limited", retryAfterMs: 7_000, fromBetween: true }),
    );
    expect(await failureOf(503)).toEqual(err(between(503, 7_000)));
    expect(await failureOf(502)).toEqual(err(between(502)));
    expect(await failureOf(404)).toEqual(err(between(404)));
  });
});

const unavailable = (status: number): Failure => ({ reason: "unavailable", status, retryAfterMs: null });
const refused = (status: number, vendorSays: string): Failure => ({
  reason: "request_refused",
  status,
  vendorSays,
});

/** Servers that stand behind a base URL. Sources: the comment of `src/providers/speaker.ts`. */
const compatibleServers: readonly (readonly [string, number, unknown, Failure])[] = [
  [
    "vLLM",
    400,
    {
      error: {
        message: "This model's maximum context length is 4096 tokens.",
        type: "BadRequestError",
        param: null,
        code: 400,
      },
    },
    refused(400, "This model's maximum context length is 4096 tokens."),
  ],
  [
    "an older vLLM",
    404,
    {
      object: "error",
      message: "The model `x` does not exist.",
      type: "NotFoundError",
      param: null,
      code: 404,
    },
    refused(404, "The model `x` does not exist."),
  ],
  [
    "FastAPI",
    422,
    { detail: [{ type: "missing", loc: ["body", "model"], msg: "Field required", input: {} }] },
    refused(422, "Field required"),
  ],
  ["Starlette", 404, { detail: "Not Found" }, refused(404, "Not Found")],
  ["LiteLLM", 500, { detail: { error: "No healthy deployment" } }, unavailable(500)],
  ["Ollama", 404, { error: "model 'x' not found" }, refused(404, "model 'x' not found")],
  ["Ollama, loading", 503, { error: "server busy, please try again" }, unavailable(503)],
  [
    "llama.cpp, loading",
    503,
    { error: { code: 503, message: "Loading model", type: "unavailable_error" } },
    unavailable(503),
  ],
  [
    "Azure's front door",
    401,
    { statusCode: 401, message: "Access denied due to invalid subscription key." },
    { reason: "credentials_refused", status: 401 },
  ],
  ["Azure's front door, ill", 500, { statusCode: 500, message: "Internal server error" }, unavailable(500)],
  ["Spring", 502, { timestamp: "…", status: 502, error: "Bad Gateway", path: "/" }, unavailable(502)],
  [
    "RFC 9457",
    503,
    { type: "about:blank", title: "Unavailable", status: 503, detail: "Soon" },
    unavailable(503),
  ],
  ["a Chinese gateway", 502, { code: 502, msg: "upstream error" }, unavailable(502)],
  ["an error in a list", 503, [{ error: { message: "Overloaded" } }], unavailable(503)],
  ["an envelope without an error", 500, { choices: [] }, unavailable(500)],
  ["a 202", 202, { choices: [] }, { reason: "unreadable", why: "not_an_answer" }],
  ["an envelope of no answer", 200, { candidates: [] }, { reason: "unreadable", why: "not_an_answer" }],
  ["an error inside", 200, { error: "server busy" }, unavailable(200)],
  ["an error inside, with its status", 200, { code: 503, message: "Busy" }, unavailable(503)],
  ["an error inside, about the request", 200, { detail: "No", status: 422 }, refused(422, "No")],
  ["an error inside a 201", 201, { error: "server busy" }, unavailable(201)],
];

describe.each(compatibleServers)("%s with a %i", (_, status, body, error) => {
  it.each(vendorNames)("speaks in the place of %s", async (name) => {
    expect((await replyTo(vendors[name], { status, body })).outcome).toEqual(err(error));
  });
});

it("reads its error from the first element of a list", () => {
  const envelope = envelopeIn('[{"error":{"message":"One"}},{"error":{"message":"Two"}}]');
  expect(envelope && errorIn(envelope)).toEqual({ message: "One" });
});

it("takes no answer for an error because of a text beside it", () => {
  expect(errorIn({ output: [], message: "Hello", code: 1, detail: "…" })).toBeNull();
  expect(errorIn({ choices: [], error: null })).toBeNull();
  expect(errorIn({ choices: [], error: { message: "No" } })).toEqual({ message: "No" });
});
