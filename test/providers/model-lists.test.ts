import { describe, expect, it } from "vitest";
import { err, ok } from "../../src/domain/result.ts";
import { modelsOf } from "../../src/providers/catalog.ts";
import {
  differences,
  type Listed,
  type ListingProvider,
  listModels,
} from "../../src/providers/model-lists.ts";
import type { Transport, UpstreamRequest } from "../../src/providers/transport.ts";

const nowMs = Date.UTC(2026, 10, 30, 12);
const providers: readonly ListingProvider[] = ["anthropic", "openai", "google", "openrouter"];

const asKnown = (provider: ListingProvider): Listed[] =>
  modelsOf(provider).map(({ id, shutdownOn }) => ({ id, endsOn: shutdownOn }));

describe("the differences", () => {
  it.each(providers)("are none where %s lists what the catalogue has, but for what has ended", (provider) => {
    expect(differences(provider, asKnown(provider), Date.UTC(2026, 0, 1))).toEqual([]);
  });

  it.each<[string, (listed: Listed[]) => Listed[], string[]]>([
    [
      "a model that is gone",
      (all) => all.filter(({ id }) => id !== "claude-opus-5-5"),
      ["claude-opus-5-5 is not listed"],
    ],
    ["a model that has ended, and is gone", (all) => all.filter(({ id }) => id !== "claude-sonnet-4-5"), []],
    [
      "a snapshot in the place of its model",
      (all) =>
        all.map((one) => (one.id === "claude-haiku-4-5" ? { ...one, id: "claude-haiku-4-5-20251001" } : one)),
      [],
    ],
    [
      "an end that was brought forward",
      (all) => all.map((one) => (one.id === "claude-opus-4-5" ? { ...one, endsOn: "2026-12-24" } : one)),
      ["claude-opus-4-5 ends on 2026-12-24 by the list, and on 2027-01-22 by the catalogue"],
    ],
    [
      "an end that was taken back",
      (all) => all.map((one) => (one.id === "claude-opus-4-5" ? { ...one, endsOn: null } : one)),
      ["claude-opus-4-5 ends on no day yet by the list, and on 2027-01-22 by the catalogue"],
    ],
    ["a list without days", (all) => all.map(({ id }) => ({ id, endsOn: undefined })), []],
    [
      "a new model",
      (all) => [...all, { id: "claude-fable-6", endsOn: null }],
      ["claude-fable-6 is listed, and not in the catalogue"],
    ],
    ["a model of another kind", (all) => [...all, { id: "voyage-5", endsOn: null }], []],
  ])("%s", (_, change, expected) => {
    const past = "claude-sonnet-4-5 is listed, though its end (2026-11-30) is past";
    const found = differences("anthropic", change(asKnown("anthropic")), nowMs);
    expect(found.filter((sentence) => sentence !== past)).toEqual(expected);
  });

  it("name a model that is listed though its end is past, and not the day before", () => {
    const past = "claude-sonnet-4-5 is listed, though its end (2026-11-30) is past";
    expect(differences("anthropic", asKnown("anthropic"), Date.UTC(2026, 10, 30))).toEqual([past]);
    expect(differences("anthropic", asKnown("anthropic"), Date.UTC(2026, 10, 30) - 1)).toEqual([]);
  });

  it.each([
    ["openai", "gpt-7-nova", true],
    ["openai", "o5", true],
    ["openai", "gpt-7-nova-2027-01-01", true],
    ["openai", "gpt-5.5-pro", false],
    ["openai", "gpt-4o-audio-preview", false],
    ["openai", "text-embedding-9", false],
    ["google", "gemini-5-helium", true],
    ["google", "gemini-5-helium-live", false],
    ["google", "gemini-flash-latest", false],
    ["openrouter", "somebody/something", false],
  ] as const)("a model that %s alone knows, %s, is told of: %s", (provider, id, told) => {
    const found = differences(provider, [...asKnown(provider), { id, endsOn: null }], Date.UTC(2026, 0, 1));
    expect(found).toEqual(told ? [`${id} is listed, and not in the catalogue`] : []);
  });
});

describe("a list", () => {
  const vendor = { apiKey: "secret", baseUrl: "https://upstream.test" };
  const never = new AbortController().signal;
  const answering = (...bodies: unknown[]) => {
    const requests: UpstreamRequest[] = [];
    const transport: Transport = (request) => {
      requests.push(request);
      const text = JSON.stringify(bodies[requests.length - 1] ?? bodies.at(-1));
      return Promise.resolve(ok({ status: 200, header: () => null, text }));
    };
    return { transport, requests };
  };

  it("is read to its last page", async () => {
    const { transport, requests } = answering(
      { models: [{ name: "models/gemini-1" }], nextPageToken: "a&b" },
      { models: [{ name: "models/gemini-2" }] },
    );
    expect(await listModels("google", vendor, transport, never)).toEqual(
      ok([
        { id: "gemini-1", endsOn: undefined },
        { id: "gemini-2", endsOn: undefined },
      ]),
    );
    expect(requests.map(({ url }) => url)).toEqual([
      "https://upstream.test/v1beta/models?pageSize=1000",
      "https://upstream.test/v1beta/models?pageSize=1000&pageToken=a%26b",
    ]);
  });

  it("of Anthropic goes on after the last one of a page, with days of moments", async () => {
    const { transport, requests } = answering(
      { data: [{ id: "claude-1", retires_at: "2027-01-22T00:00:00Z" }], has_more: true, last_id: "claude-1" },
      { data: [{ id: "claude-2", retires_at: null }], has_more: false },
    );
    expect(await listModels("anthropic", vendor, transport, never)).toEqual(
      ok([
        { id: "claude-1", endsOn: "2027-01-22" },
        { id: "claude-2", endsOn: null },
      ]),
    );
    expect(requests[1]?.url).toContain("&after_id=claude-1");
    expect(requests[1]?.headers).toMatchObject({ authorization: "Bearer secret" });
  });

  it.each(providers)("that is none of %s's is told of", async (provider) => {
    const { transport } = answering({ hello: [] });
    expect(await listModels(provider, vendor, transport, never)).toEqual(err("a list without models"));
    const broken: Transport = () => Promise.resolve(err({ fault: "connection", code: "ECONNREFUSED" }));
    expect(await listModels(provider, vendor, broken, never)).toEqual(err("no answer (ECONNREFUSED)"));
  });

  it("without an end is not read for ever", async () => {
    const { transport, requests } = answering({ models: [{ name: "models/x" }], nextPageToken: "again" });
    expect(await listModels("google", vendor, transport, never)).toEqual(err("more than 20 pages"));
    expect(requests).toHaveLength(20);
  });
});
