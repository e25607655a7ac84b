import type { LookupAddress } from "node:dns";
import { isIP } from "node:net";
import { afterAll, describe, expect, it, vi } from "vitest";
import { mayReach } from "../../../src/node/push/addresses.ts";
import { guardedTransport, type Resolve } from "../../../src/node/push/guarded-transport.ts";
import type { PushRequest } from "../../../src/push/post.ts";
import { itGuardsWhatIsSent } from "../../contracts/guarded-post.ts";
import {
  loopbackAddresses,
  privateAddresses,
  publicAddresses,
  reservedAddresses,
} from "../../support/addresses.ts";
import { certificate, startReceivers } from "../../support/receivers.ts";

const { urls: receivers, close } = await startReceivers();
const transports: ReturnType<typeof guardedTransport>[] = [];
afterAll(async () => {
  await Promise.all(transports.map((transport) => transport.close()));
  await close();
});

function transportWith(options: Parameters<typeof guardedTransport>[0] = {}) {
  const transport = guardedTransport(options);
  transports.push(transport);
  return transport;
}

itGuardsWhatIsSent({
  postWithin: (timeoutMs) => transportWith(timeoutMs === undefined ? {} : { timeoutMs }).post,
  receivers,
  nobodyThere: "refused",
  wrongCertificate: "tls",
});

const bare = (host: string) => host.replaceAll(/[[\]]/g, "");

describe("whose an address is", () => {
  it.each(publicAddresses)("%s is the internet's", (address) => {
    expect([
      mayReach(bare(address), "public"),
      mayReach(bare(address), "private"),
      mayReach(bare(address), "loopback"),
    ]).toEqual([true, true, false]);
  });
  it.each(privateAddresses)("%s is a network's own", (address) => {
    expect([
      mayReach(bare(address), "public"),
      mayReach(bare(address), "private"),
      mayReach(bare(address), "loopback"),
    ]).toEqual([false, true, false]);
  });
  it.each(loopbackAddresses)("%s is this machine's", (address) => {
    expect([
      mayReach(bare(address), "public"),
      mayReach(bare(address), "private"),
      mayReach(bare(address), "loopback"),
    ]).toEqual([false, true, true]);
  });
  it.each([...reservedAddresses.map(bare), "fe80::1%eth0", "", "hooks.example", "1.2.3.4.5"])(
    "%j is nobody's",
    (address) => {
      expect([
        mayReach(address, "public"),
        mayReach(address, "private"),
        mayReach(address, "loopback"),
      ]).toEqual([false, false, false]);
    },
  );
});

describe("names", () => {
  const { port } = new URL(receivers.http);
  const to = (changes: Partial<PushRequest> = {}): PushRequest => ({
    url: `http://hooks.example:${port}/200/${crypto.randomUUID()}`,
    headers: {},
    body: "{}",
    reach: "public",
    ...changes,
  });
  const family = (address: string): LookupAddress => ({ address, family: isIP(address) });
  /** Of a name that leads to these addresses, one list after the other; the last one stays. */
  function resolver(...lists: readonly (readonly string[])[]) {
    const asked: string[] = [];
    const resolve: Resolve = (hostname, _, done) => {
      const list = lists[Math.min(asked.length, lists.length - 1)] ?? [];
      asked.push(hostname);
      done(null, list.map(family));
    };
    return { resolve, asked };
  }

  it.each([
    ["this machine", ["127.0.0.1"]],
    ["this machine over IPv6", ["::1"]],
    ["a private network", ["10.0.0.1", "192.168.1.1"]],
    ["a cloud's own service", ["169.254.169.254"]],
    ["an IPv4 address in an IPv6 one", ["::ffff:127.0.0.1"]],
    ["nowhere", []],
    ["something that is no address", ["hooks.example"]],
  ])("one that leads to %s is blocked", async (_, addresses) => {
    const { resolve, asked } = resolver(addresses);
    expect(await transportWith({ resolve }).post(to())).toEqual({ kind: "blocked" });
    expect(asked).toEqual(["hooks.example"]);
  });

  it("one that leads to the internet when it is looked at, and to this machine when it is sent to, is blocked", async () => {
    const { resolve, asked } = resolver(["1.1.1.1"], ["127.0.0.1"]);
    // Whoever checks a URL before it is used sees this.
    resolve("hooks.example", { all: true }, (_, [first]) =>
      expect(mayReach(first?.address ?? "", "public")).toBe(true),
    );
    expect(await transportWith({ resolve }).post(to())).toEqual({ kind: "blocked" });
    expect(asked).toHaveLength(2);
  });

  it("one whose address changes between the look and the connection is blocked by what it is connected to", async () => {
    const path = `/200/${crypto.randomUUID()}`;
    const resolve: Resolve = (_, __, done) => {
      let looks = 0;
      const first = {
        get address() {
          return looks++ === 0 ? "1.1.1.1" : "127.0.0.1";
        },
        family: 4,
      };
      done(null, [first]);
    };
    const url = `http://hooks.example:${port}${path}`;
    expect(await transportWith({ resolve }).post(to({ url }))).toEqual({ kind: "blocked" });
    expect(await (await fetch(`${receivers.http}${path}`)).json()).toMatchObject({ requests: [] });
  });

  it("of several addresses only those are tried that may be reached", async () => {
    const { resolve } = resolver(["169.254.169.254", "10.0.0.1", "127.0.0.1"]);
    const sent = await transportWith({ resolve }).post(to({ reach: "loopback" }));
    expect(sent).toMatchObject({ kind: "status", status: 200 });
  });

  it("a name in the settings reaches a private receiver where they are allowed, and what a comparison names reaches it not even then", async () => {
    const { resolve } = resolver(["127.0.0.1"]);
    const { post } = transportWith({ resolve });
    // The connection stays open: it must not be found by the next one.
    expect(await post(to({ reach: "private" }))).toMatchObject({ kind: "status" });
    expect(await post(to({ reach: "public" }))).toEqual({ kind: "blocked" });
    expect(await post(to({ reach: "private" }))).toMatchObject({ kind: "status" });
  });

  it("three hundred receivers are sent to within a moment", async () => {
    const { resolve } = resolver(["127.0.0.1"]);
    const { post } = transportWith({ resolve });
    for (let number = 0; number < 300; number++) {
      const url = `http://hooks-${number}.example:${port}/200/${number}`;
      expect(await post(to({ url, reach: "private" }))).toMatchObject({ kind: "status" });
    }
  });

  it("one that nobody knows is no blocked one", async () => {
    const resolve: Resolve = (_, __, done) => done(Object.assign(new Error("?"), { code: "ENOTFOUND" }), []);
    expect(await transportWith({ resolve }).post(to())).toEqual({ kind: "other" });
  });

  it("a certificate counts by its name and by who has signed it", async () => {
    const { resolve } = resolver(["127.0.0.1"]);
    const { port: tlsPort } = new URL(receivers.https);
    const url = (host: string) => `https://${host}:${tlsPort}/200/${crypto.randomUUID()}`;
    const trusting = transportWith({ resolve, ca: certificate });
    expect(await trusting.post(to({ url: url("hooks.example"), reach: "private" }))).toMatchObject({
      kind: "status",
    });
    expect(await trusting.post(to({ url: url("other.example"), reach: "private" }))).toEqual({ kind: "tls" });
    const others = transportWith({ resolve });
    expect(await others.post(to({ url: url("hooks.example"), reach: "private" }))).toEqual({ kind: "tls" });
    const plain = url("hooks.example").replace(tlsPort, port);
    expect(await trusting.post(to({ url: plain, reach: "private" }))).toEqual({ kind: "tls" });
  });
});

it("has at most ten connections to a receiver, and none of a vendor's", async () => {
  const { post } = transportWith();
  const url = `${receivers.http}/silent/${crypto.randomUUID()}`;
  const heard = async () => {
    const { requests } = (await (await fetch(url)).json()) as { readonly requests: readonly unknown[] };
    return requests.length;
  };
  const request = { url, headers: {}, body: "{}", reach: "loopback" } as const;
  const stopping = new AbortController();
  const outcomes = Array.from({ length: 12 }, () => post(request, stopping.signal));
  await vi.waitFor(async () => expect(await heard()).toBe(10), { timeout: 10_000 });
  // So long an eleventh would have had to come.
  for (let look = 0; look < 20; look++) expect(await heard()).toBe(10);
  stopping.abort();
  expect(await Promise.all(outcomes)).toEqual(outcomes.map(() => ({ kind: "other" })));
});
