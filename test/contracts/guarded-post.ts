/** What is promised of each way in which something is sent where a setting or a comparison says (`src/push/post.ts`), against real servers. */
import { describe, expect, it } from "vitest";
import type { Post, PostOutcome, PushRequest, Reach } from "../../src/push/post.ts";
import {
  disguisedLoopback,
  loopbackAddresses,
  privateAddresses,
  reservedAddresses,
} from "../support/addresses.ts";
import type { Heard, ReceiverUrls } from "../support/receivers.ts";

export interface GuardUnderTest {
  /** @param timeoutMs absent: the time that there is by default */
  readonly postWithin: (timeoutMs?: number) => Post;
  readonly receivers: ReceiverUrls;
  /** What is said of a receiver that is not there, and of one whose certificate is not its own: not every platform tells. */
  readonly nobodyThere: PostOutcome["kind"];
  readonly wrongCertificate: PostOutcome["kind"];
}

export function itGuardsWhatIsSent({
  postWithin,
  receivers,
  nobodyThere,
  wrongCertificate,
}: GuardUnderTest): void {
  const post = postWithin();
  /** A path that nobody used before. */
  const pathFor = (behaviour: string) => `/${behaviour}/${crypto.randomUUID()}`;
  const send = (path: string, changes: Partial<PushRequest> = {}, signal?: AbortSignal, by = post) =>
    by({ ...requestTo(`${receivers.http}${path}`), ...changes }, signal);
  const heardAt = async (path: string): Promise<Heard> =>
    (await fetch(`${receivers.http}${new URL(path, receivers.http).pathname}`)).json() as Promise<Heard>;

  it("sends headers and body as they are given, once, by POST", async () => {
    const path = pathFor("204");
    expect(await send(`${path}?key=1`)).toEqual({ kind: "status", status: 204, retryAfterMs: null });
    expect((await heardAt(path)).requests).toMatchObject([
      {
        method: "POST",
        headers: { "content-type": "application/json", "webhook-id": "evt_1" },
        body: '{"said":"é€😀"}',
      },
    ]);
  });

  it.each([200, 201, 204, 301, 302, 307, 308, 400, 404, 410, 429, 500, 503])(
    "tells of a %i",
    async (status) => {
      expect(await send(pathFor(String(status)))).toEqual({ kind: "status", status, retryAfterMs: null });
    },
  );

  it("tells how long a receiver asks to wait, in seconds or until a date, however long", async () => {
    const hinted = (hint: string) => send(`${pathFor("503")}?retry-after=${encodeURIComponent(hint)}`);
    expect(await hinted("36000")).toMatchObject({ retryAfterMs: 36_000_000 });
    expect(await hinted("soon")).toMatchObject({ retryAfterMs: null });
    const { retryAfterMs } = (await hinted(new Date(Date.now() + 3_600_000).toUTCString())) as {
      retryAfterMs: number;
    };
    expect(retryAfterMs).toBeGreaterThan(3_500_000);
    expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
  });

  it.each(["301", "302", "307", "308"])("follows no redirect: %s", async (status) => {
    const elsewhere = pathFor("200");
    const sent = await send(`${pathFor(status)}?location=${encodeURIComponent(receivers.http + elsewhere)}`);
    expect(sent).toMatchObject({ kind: "status", status: Number(status) });
    expect((await heardAt(elsewhere)).requests).toEqual([]);
  });

  describe("blocks, without a byte sent,", () => {
    const port = new URL(receivers.http).port;
    const sentTo = async (host: string, reach: Reach) => {
      const path = pathFor("200");
      const outcomes: PostOutcome[] = [];
      for (const scheme of ["http", "https"])
        outcomes.push(await send(path, { url: `${scheme}://${host}:${port}${path}`, reach }));
      return { outcomes, heard: (await heardAt(path)).requests };
    };
    const nothing = { outcomes: [{ kind: "blocked" }, { kind: "blocked" }], heard: [] };

    it.each([...reservedAddresses, ...privateAddresses, ...loopbackAddresses, ...disguisedLoopback])(
      "%s, which is not the internet's",
      async (host) => expect(await sentTo(host, "public")).toEqual(nothing),
    );

    it.each(["localhost", "LOCALHOST"])("%s, which is this machine", async (host) => {
      expect(await sentTo(host, "public")).toEqual(nothing);
    });

    it.each([...reservedAddresses, ...privateAddresses])("%s, where this machine was meant", async (host) => {
      expect(await sentTo(host, "loopback")).toEqual(nothing);
    });

    it.each(reservedAddresses)("%s, also where private receivers are allowed", async (host) => {
      expect(await sentTo(host, "private")).toEqual(nothing);
    });
  });

  it("takes an answer without end for what it began with, and lets its sender go", async () => {
    for (const behaviour of ["huge", "bomb"]) {
      const path = pathFor(behaviour);
      expect(await send(path)).toEqual({ kind: "status", status: 200, retryAfterMs: null });
      await expect.poll(async () => (await heardAt(path)).left).toBe(1);
    }
  });

  it("waits no longer for the rest of an answer that drips than for its beginning", async () => {
    const path = pathFor("drip");
    expect(await send(path, {}, undefined, postWithin(300))).toEqual({
      kind: "status",
      status: 200,
      retryAfterMs: null,
    });
    await expect.poll(async () => (await heardAt(path)).left).toBe(1);
  });

  it.each(["silent", "drip-head"])(
    "gives up in its time on a receiver that is %s, which notices",
    async (behaviour) => {
      const path = pathFor(behaviour);
      expect(await send(path, {}, undefined, postWithin(300))).toEqual({ kind: "timeout" });
      await expect.poll(async () => (await heardAt(path)).left).toBe(1);
    },
  );

  it("tells of a receiver that breaks off, and of one that is not there", async () => {
    expect(await send(pathFor("broken"))).toEqual({ kind: "other" });
    expect(await send("", { url: "http://127.0.0.1:1/" })).toEqual({ kind: nobodyThere });
  });

  it("sends nothing to a receiver whose certificate is not its own", async () => {
    const path = pathFor("200");
    expect(await send("", { url: `${receivers.https}${path}` })).toEqual({ kind: wrongCertificate });
    expect((await heardAt(path)).requests).toEqual([]);
  });

  it("ends when it is told to, and sends nothing when it was told before", async () => {
    const path = pathFor("silent");
    const controller = new AbortController();
    const sending = send(path, {}, controller.signal);
    await expect.poll(async () => (await heardAt(path)).requests.length).toBe(1);
    controller.abort();
    expect(await sending).toEqual({ kind: "other" });
    await expect.poll(async () => (await heardAt(path)).left).toBe(1);
    const never = pathFor("200");
    expect(await send(never, {}, controller.signal)).toEqual({ kind: "other" });
    expect((await heardAt(never)).requests).toEqual([]);
  });

  it("carries several at once", async () => {
    const paths = Array.from({ length: 20 }, () => pathFor("200"));
    const outcomes = await Promise.all(paths.map((path) => send(path)));
    expect(outcomes).toEqual(paths.map(() => ({ kind: "status", status: 200, retryAfterMs: null })));
    for (const path of paths) expect((await heardAt(path)).requests).toHaveLength(1);
  });
}

/** To a receiver on this machine, which the settings name. */
function requestTo(url: string): PushRequest {
  return {
    url,
    headers: { "content-type": "application/json", "webhook-id": "evt_1" },
    body: '{"said":"é€😀"}',
    reach: "loopback",
  };
}
