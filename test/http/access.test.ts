/** Who gets past the door, and what stands at every door. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { goodBody, post } from "../support/answers.ts";
import { testService } from "../support/service.ts";

const sha256 = (key: string) => createHash("sha256").update(key).digest("hex");
const keys = { one: "lps_canary_one", other: "lps_canary_other", another: "lps_canary_another" };
const API_KEYS = [
  `one:${sha256(keys.one)}`,
  `two:${sha256(keys.other)}`,
  `two:${sha256(keys.another)}`,
].join();
const keyed = () => testService({ env: { API_KEYS } });
const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

const ticket = "b9f5a1de-5f02-4b6e-8f6a-2a9a0d4cbb2f";
const guarded: readonly (readonly [method: string, path: string])[] = [
  ["POST", "/api/v1/comparison"],
  ["GET", `/api/v1/status/${ticket}`],
  ["GET", `/api/v1/results/${ticket}`],
  ["GET", "/api/v1/providers"],
  ["POST", "/api/v1/providers/mock/test"],
  ["GET", "/api/v1/models"],
];
const open = ["/", "/healthz", "/livez", "/readyz", "/openapi.json", "/docs"];

describe.each(guarded)("%s %s", (method, path) => {
  const sent = (headers: Record<string, string>) =>
    method === "GET" ? { headers } : post(goodBody, { headers });

  it.each([
    ["no header", {}],
    ["an empty header", { authorization: "" }],
    ["another scheme", { authorization: `Basic ${keys.one}` }],
    ["a key alone", { authorization: keys.one }],
    ["a wrong key", { authorization: "Bearer lps_wrong" }],
    ["a key's hash", { authorization: `Bearer ${sha256(keys.one)}` }],
    ["a key's beginning", { authorization: `Bearer ${keys.one.slice(0, -1)}` }],
    ["a key and more", { authorization: `Bearer ${keys.one} x` }],
    ["two keys", { authorization: `Bearer ${keys.one}, Bearer ${keys.other}` }],
    ["another header", { "x-api-key": keys.one }],
  ])("refuses %s", async (_, headers) => {
    const { request, vendor, written } = keyed();
    const answered = await request(path, sent(headers));
    expect(answered.status).toBe(401);
    expect(answered.body["error_type"]).toBe("AUTHENTICATION_ERROR");
    expect(answered.headers.get("www-authenticate")).toBe("Bearer");
    expect(vendor.calls).toEqual([]);
    expect(answered.text + written()).not.toContain("lps_");
  });

  it.each(Object.values(keys))("lets in whoever has the key %s", async (key) => {
    const { request } = keyed();
    const answered = await request(path, sent(bearer(key).headers));
    expect(answered.status).toBe(path.includes(ticket) ? 404 : 200);
  });
});

it("knows a tenant by each of its keys, and writes no key to the log", async () => {
  const { request, logged, written } = keyed();
  for (const key of Object.values(keys)) await request("/api/v1/models", bearer(key));
  expect(logged("request").map((line) => line["tenant"])).toEqual(["one", "two", "two"]);
  expect(written()).not.toContain("lps_");
});

it("takes the scheme in any case, and blanks around the key", async () => {
  const { request } = keyed();
  for (const authorization of [`bearer ${keys.one}`, `BEARER   ${keys.one}`]) {
    expect((await request("/api/v1/models", { headers: { authorization } })).status).toBe(200);
  }
});

it("answers 401 before it reads a body, or says whether it was valid", async () => {
  const { request } = testService({
    env: { API_KEYS },
    platform: { readBody: () => Promise.reject(new Error("read before the key was checked")) },
  });
  expect((await request("/api/v1/comparison", post("{"))).status).toBe(401);
  expect((await request("/api/v1/status/not-a-uuid")).status).toBe(401);
  expect((await request("/api/v1/models?provider=nobody")).status).toBe(401);
});

it.each(open)("needs no key for %s", async (path) => {
  expect((await keyed().request(path)).status).toBe(200);
});

describe("without any keys", () => {
  it.each(guarded)("serves %s %s to this machine alone", async (method, path) => {
    const init = method === "GET" ? {} : post(goodBody);
    const near = testService();
    expect((await near.request(path, init)).status).toBe(path.includes(ticket) ? 404 : 200);
    const far = testService({ origin: "http://elsewhere.example" });
    const answered = await far.request(path, init);
    expect([answered.status, answered.body["error_type"]]).toEqual([401, "AUTHENTICATION_ERROR"]);
    // A key that nobody set opens nothing.
    expect((await far.request(path, { ...init, ...bearer("x") })).status).toBe(401);
  });

  it.each(open)("serves %s to everyone", async (path) => {
    expect((await testService({ origin: "http://elsewhere.example" }).request(path)).status).toBe(200);
  });
});

describe("other ways to write a path", () => {
  it.each([
    "/api/v1/%6Dodels",
    "/api/v1/%70roviders",
    "/%61pi/v1/models",
    "/api/v1/models?x=/healthz",
    "/api/v1/models#/healthz",
    "/healthz/../api/v1/models",
    "/api/v1/./models",
    `/api/v1/status/${ticket}?provider=mock`,
    "/api/v1/status/%2e%2e%2fhealthz",
    "/api/v1/status/%ff",
  ])("%s is guarded like the path that it means", async (path) => {
    expect((await keyed().request(path)).status).toBe(401);
  });

  it.each([
    "/api/v1/models/",
    "//api/v1/models",
    "/api//v1/models",
    "/API/V1/MODELS",
    "/api/v1/models%2F",
    "/api/v1/models%00",
    "/api/v1/models;x",
    "/api/v1/providers/mock/test/",
    "/api/v1/status/",
    "/api/v1",
    "/metrics/",
    "/console/",
    "/%zz",
    "/%",
    "/healthz%2f..%2fapi",
  ])("%s leads nowhere, with a key or without", async (path) => {
    const { request, vendor } = keyed();
    for (const init of [{}, bearer(keys.one), { method: "POST" }, { method: "OPTIONS" }]) {
      const answered = await request(path, init);
      expect([answered.status, answered.body["error_type"]]).toEqual([404, "RESOURCE_NOT_FOUND"]);
    }
    expect(vendor.calls).toEqual([]);
  });
});

const namesOf = (headers: Headers) => [...headers.keys()].filter((name) => name !== "content-length");

describe("methods", () => {
  const allowed: readonly (readonly [string, string])[] = [
    ["/api/v1/comparison", "POST"],
    [`/api/v1/status/${ticket}`, "GET, HEAD"],
    [`/api/v1/results/${ticket}`, "GET, HEAD"],
    ["/api/v1/providers", "GET, HEAD"],
    ["/api/v1/providers/mock/test", "POST"],
    ["/api/v1/models", "GET, HEAD"],
    ["/", "GET, HEAD"],
    ["/healthz", "GET, HEAD"],
    ["/livez", "GET, HEAD"],
    ["/readyz", "GET, HEAD"],
    ["/openapi.json", "GET, HEAD"],
    ["/docs", "GET, HEAD"],
  ];
  it.each(allowed)("%s takes %s and answers the rest with 405", async (path, allow) => {
    const { request, vendor } = testService();
    const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
    for (const method of methods.filter((method) => !allow.split(", ").includes(method))) {
      const answered = await request(path, { method });
      expect([method, answered.status]).toEqual([method, 405]);
      expect(answered.headers.get("allow")).toBe(allow);
      expect(method === "HEAD" || answered.body["error_type"]).toBe(
        method === "HEAD" || "METHOD_NOT_ALLOWED",
      );
    }
    expect(vendor.calls).toEqual([]);
  });

  it.each([...open, "/api/v1/models"])("HEAD of %s is its GET without the body", async (path) => {
    const { request } = testService();
    const [get, head] = [await request(path), await request(path, { method: "HEAD" })];
    expect([head.status, head.text]).toEqual([200, ""]);
    expect(namesOf(head.headers)).toEqual(namesOf(get.headers));
  });

  it("HEAD is guarded like GET", async () => {
    expect((await keyed().request("/api/v1/models", { method: "HEAD" })).status).toBe(401);
  });
});

describe("without any keys, a page of another site", () => {
  const elsewhere = "https://elsewhere.example";
  const asBrowsersSend: readonly (readonly [name: string, headers: Record<string, string>])[] = [
    ["as new browsers say it", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }],
    ["as all browsers say it of a POST", { origin: elsewhere }],
    ["of another scheme or port of that host", { origin: "http://elsewhere.example:8080" }],
    ["that hides who it is", { origin: "null" }],
    ["whose name begins as this machine's", { origin: "http://localhost.elsewhere.example" }],
    ["whose name ends as this machine's", { origin: "http://elsewhere.localhost" }],
    ["under another name of this machine", { origin: "http://127.0.0.1" }],
  ];

  it.each(asBrowsersSend)("reaches nothing, %s", async (_, headers) => {
    for (const [method, path] of guarded) {
      const { request, vendor } = testService();
      const init = method === "GET" ? { headers } : post(goodBody, { headers });
      const answered = await request(path, init);
      expect([path, answered.status, answered.body["error_type"]]).toEqual([
        path,
        401,
        "AUTHENTICATION_ERROR",
      ]);
      expect(vendor.calls).toEqual([]);
    }
  });

  it.each([
    ["a program", {}],
    ["a page of its own", { "sec-fetch-site": "same-origin", origin: "http://localhost" }],
    [
      "a page that is developed on another port",
      { "sec-fetch-site": "same-site", origin: "http://localhost:3000" },
    ],
    ["a person who typed the address", { "sec-fetch-site": "none" }],
  ])("but %s does", async (_, headers) => {
    expect((await testService().request("/api/v1/providers", { headers })).status).toBe(200);
  });

  it.each([
    "http://elsewhere.example",
    "http://elsewhere.example:8080",
    "http://localhost.elsewhere.example",
    "http://10.0.0.1",
    "http://[fe80::1]",
  ])("can't lead %s to this machine (DNS rebinding)", async (origin) => {
    const { request, vendor } = testService({ origin });
    expect((await request("/api/v1/providers/openai/test", { method: "POST" })).status).toBe(401);
    expect(vendor.calls).toEqual([]);
  });

  it.each(["http://127.0.0.1:8080", "http://127.1.2.3", "http://[::1]:8080", "http://LOCALHOST:1"])(
    "but a caller of this machine may address it as %s",
    async (origin) => {
      expect((await testService({ origin }).request("/api/v1/providers")).status).toBe(200);
    },
  );

  it("reaches what needs no key, and with keys set its key decides alone", async () => {
    const headers = { origin: elsewhere, "sec-fetch-site": "cross-site" };
    for (const path of open) expect((await testService().request(path, { headers })).status).toBe(200);
    const { authorization } = bearer(keys.one).headers;
    expect((await keyed().request("/api/v1/models", { headers: { ...headers, authorization } })).status).toBe(
      200,
    );
  });
});

it("allows no other site to ask with a browser", async () => {
  const { request } = testService();
  for (const method of ["OPTIONS", "POST"]) {
    const headers = { origin: "https://elsewhere.example", "access-control-request-method": "POST" };
    const answered = await request("/api/v1/comparison", { method, headers });
    expect([...answered.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  }
});

it("writes the route to the log, never the path that was asked for", async () => {
  const { request, logged, written } = testService();
  await request(`/api/v1/status/${ticket}`);
  await request("/canary?canary=canary");
  await request("/api/v1/models?provider=canary");
  await request("/api/v1/models", { method: "PUT" });
  expect(logged("request").map((line) => [line["route"], line["status"]])).toEqual([
    ["/api/v1/status/:queue_id", 404],
    ["/*", 404],
    ["/api/v1/models", 400],
    ["/api/v1/models", 405],
  ]);
  expect(written()).not.toMatch(new RegExp(`canary|${ticket}`));
});
