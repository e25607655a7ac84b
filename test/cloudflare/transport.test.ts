import { describe, inject } from "vitest";
import { fetchTransport } from "../../src/cloudflare/fetch-transport.ts";
import { itKeepsTheTransportsPromises } from "../contracts/transport.ts";

declare module "vitest" {
  interface ProvidedContext {
    fakeUpstreamUrl: string;
  }
}

describe("fetch in workerd", () => {
  itKeepsTheTransportsPromises(fetchTransport, inject("fakeUpstreamUrl"));
});
