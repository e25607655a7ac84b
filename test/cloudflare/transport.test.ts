import { describe, expect, inject, it, vi } from "vitest";
import { fetchTransport } from "../../src/cloudflare/fetch-transport.ts";
import { itKeepsTheTransportsPromises } from "../contracts/transport.ts";

declare module "vitest" {
  interface ProvidedContext {
    fakeUpstreamUrl: string;
  }
}

describe("fetch in workerd", () => {
  itKeepsTheTransportsPromises(fetchTransport, inject("fakeUpstreamUrl"));

  it("does not take the length of a compressed answer for what comes out of it", async () => {
    const headers = { "content-length": "10", "content-encoding": "gzip" };
    const fetch = vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response("x".repeat(100), { headers }));
    const request = { method: "GET", url: "https://upstream.test/", headers: {}, body: null } as const;
    const sent = await fetchTransport({ ...request, maxAnswerBytes: 99 }, new AbortController().signal);
    expect(sent).toEqual({ ok: false, error: { fault: "too_large", status: 200 } });
    fetch.mockRestore();
  });
});
