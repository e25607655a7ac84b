import { expect, inject, it } from "vitest";
import { guardedFetch } from "../../src/cloudflare/guarded-fetch.ts";
import type { Reach } from "../../src/push/post.ts";
import { itGuardsWhatIsSent } from "../contracts/guarded-post.ts";
import { publicAddresses } from "../support/addresses.ts";

itGuardsWhatIsSent({
  postWithin: guardedFetch,
  receivers: inject("receivers"),
  nobodyThere: "other",
  wrongCertificate: "other",
});

const send = (url: string, reach: Reach) => guardedFetch()({ url, headers: {}, body: "{}", reach });

it.each(publicAddresses)(
  "blocks %s too, and asks no platform where it leads: no address is a receiver's host",
  async (host) => {
    for (const reach of ["public", "private", "loopback"] as const)
      expect(await send(`https://${host}/`, reach)).toEqual({ kind: "blocked" });
  },
);

it.each([
  "http://hooks.example/",
  "http://hooks.example:443/",
  "https://localhost./",
  "https://hooks.localhost/",
  "https://a.localhost./",
])("blocks %s, which is not the internet's or not encrypted", async (url) => {
  for (const reach of ["public", "private", "loopback"] as const)
    expect(await send(url, reach)).toEqual({ kind: "blocked" });
});
