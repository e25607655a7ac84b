/** What every transport promises (`src/providers/transport.ts`), in the runtime that it is made for, against a real HTTP server. */
import { expect, it } from "vitest";
import type { Transport, UpstreamRequest } from "../../src/providers/transport.ts";
import { fakeLane, type Lane } from "../../tools/fake-upstream/client.ts";
import type { Step } from "../../tools/fake-upstream/script.ts";

/** @param upstreamUrl of the fake upstream */
export function itKeepsTheTransportsPromises(transport: Transport, upstreamUrl: string): void {
  /** A lane that nobody used before, with this as its next answer. */
  async function laneThat(...script: Step[]): Promise<Lane> {
    const lane = fakeLane(upstreamUrl, crypto.randomUUID());
    if (script.length > 0) await lane.script(script);
    return lane;
  }
  const send = (lane: Lane, changes: Partial<UpstreamRequest> = {}, signal = new AbortController().signal) =>
    transport({ ...requestTo(lane), ...changes }, signal);

  it("brings the whole answer: status, headers and text", async () => {
    const body = { said: "“Grüße”, 😀" };
    const lane = await laneThat({ fault: "raw", body, status: 418 });
    const sent = await send(lane);
    if (!sent.ok) throw new Error(sent.error.fault);
    expect(sent.value.status).toBe(418);
    expect(JSON.parse(sent.value.text)).toEqual(body);
    expect(sent.value.header("content-type")).toContain("application/json");
    expect(sent.value.header("x-not-there")).toBeNull();
  });

  it("sends method, path, headers and body as they are given", async () => {
    const lane = await laneThat();
    await send(lane);
    const [heard] = await lane.requests();
    expect(heard).toMatchObject({
      method: "POST",
      path: "/v1/responses",
      headers: { authorization: "Bearer test-key", "content-type": "application/json" },
      bodyText: requestTo(lane).body,
    });
  });

  it("sends a GET without a body", async () => {
    const lane = await laneThat();
    const url = `${lane.baseUrls.openrouter}/models/author/slug%3Afree/endpoints`;
    expect(await send(lane, { method: "GET", url, body: null })).toMatchObject({ value: { status: 200 } });
    expect(await lane.requests("endpoints")).toMatchObject([{ method: "GET", bodyText: "" }]);
  });

  it("takes no body for an empty text", async () => {
    const sent = await send(await laneThat({ fault: "empty" }));
    expect(sent).toMatchObject({ ok: true, value: { status: 200, text: "" } });
  });

  it("does not follow a redirect, so the key stays here", async () => {
    const elsewhere = await laneThat();
    const location = `${elsewhere.baseUrls.openai}/responses`;
    const sent = await send(await laneThat({ fault: "redirect", location }));
    if (!sent.ok) throw new Error(sent.error.fault);
    expect(sent.value.status).toBe(302);
    expect(sent.value.header("location")).toBe(location);
    expect(await elsewhere.requests()).toEqual([]);
  });

  it.each<[string, (bytes: number) => Step]>([
    ["told by its length", (bytes) => ({ fault: "raw", body: { a: "x".repeat(bytes - 8) } })],
    ["of no told length", (bytes) => ({ fault: "oversized", bytes })],
    ["compressed", (bytes) => ({ fault: "gzipBomb", bytes })],
  ])("cuts an answer %s one byte past the limit", async (_, step) => {
    const bytes = 20_000;
    const whole = await send(await laneThat(step(bytes)), { maxAnswerBytes: bytes });
    expect(whole).toMatchObject({ ok: true, value: { status: 200 } });
    expect(new TextEncoder().encode(whole.ok ? whole.value.text : "")).toHaveLength(bytes);
    const cut = await send(await laneThat(step(bytes)), { maxAnswerBytes: bytes - 1 });
    expect(faultOf(cut)).toBe("too_large");
  });

  it.each(["Identity", "", "snappy", "none", "utf-8"])(
    "takes a plain body as it is beside the content-encoding '%s'",
    async (encoding) => {
      const headers = { "content-encoding": encoding };
      const sent = await send(await laneThat({ fault: "raw", body: { said: "😀" }, headers }));
      expect(sent).toMatchObject({ ok: true, value: { status: 200, text: '{"said":"😀"}' } });
    },
  );

  it("cuts a bomb without unpacking it", async () => {
    const sent = await send(await laneThat({ fault: "gzipBomb", bytes: 100_000_000 }));
    expect(faultOf(sent)).toBe("too_large");
  });

  it("lets the server go when it cuts an answer", async () => {
    const lane = await laneThat({ fault: "oversized", bytes: 100_000_000 });
    expect(faultOf(await send(lane))).toBe("too_large");
    await lane.waitForAbort();
  });

  it.each(["cut", "cutBody"] as const)("tells of a connection that breaks: %s", async (fault) => {
    const sent = await send(await laneThat({ fault }));
    expect(sent).toEqual({
      ok: false,
      error: { fault: "connection", code: expect.stringMatching(/./) as string },
    });
  });

  it("tells of a server that is not there", async () => {
    const sent = await send(await laneThat(), { url: "http://127.0.0.1:1/v1/responses" });
    expect(sent).toMatchObject({ ok: false, error: { fault: "connection" } });
  });

  it("sends nothing for a signal that has already aborted", async () => {
    const lane = await laneThat();
    expect(await send(lane, {}, AbortSignal.abort("hung_up"))).toEqual({
      ok: false,
      error: { fault: "aborted" },
    });
    expect(await lane.requests()).toEqual([]);
  });

  it("ends when the signal aborts before the answer, and the server notices", async () => {
    const lane = await laneThat({ fault: "stall" });
    const controller = new AbortController();
    const sending = send(lane, {}, controller.signal);
    await lane.waitForRequest();
    controller.abort("timeout");
    expect(await sending).toEqual({ ok: false, error: { fault: "aborted" } });
    await lane.waitForAbort();
  });

  it("ends when the signal aborts in the middle of the answer, and the server notices", async () => {
    const lane = await laneThat({ fault: "stallBody" });
    const controller = new AbortController();
    const sending = send(lane, {}, controller.signal);
    await untilAnswering(lane);
    controller.abort("timeout");
    expect(await sending).toEqual({ ok: false, error: { fault: "aborted" } });
    await lane.waitForAbort();
  });

  it("takes no notice of a signal that aborts after the answer", async () => {
    const controller = new AbortController();
    const lane = await laneThat();
    const sent = await send(lane, {}, controller.signal);
    controller.abort("hung_up");
    expect(sent).toMatchObject({ ok: true, value: { status: 200 } });
    expect(await send(lane)).toMatchObject({ ok: true });
  });

  it("carries many calls at once, each to its own answer", async () => {
    const lanes = await Promise.all(
      Array.from({ length: 20 }, (_, number) => laneThat({ fault: "raw", body: { number } })),
    );
    const answers = await Promise.all(lanes.map((lane) => send(lane)));
    expect(answers.map((sent) => (sent.ok ? sent.value.text : sent.error.fault))).toEqual(
      lanes.map((_, number) => JSON.stringify({ number })),
    );
  });
}

/** Not the answer itself: of a hundred megabytes no failing test should make a report. */
const faultOf = (sent: Awaited<ReturnType<Transport>>) => (sent.ok ? null : sent.error.fault);

function requestTo(lane: Lane): UpstreamRequest {
  return {
    method: "POST",
    url: `${lane.baseUrls.openai}/responses`,
    headers: {
      authorization: "Bearer test-key",
      "content-type": "application/json",
      "accept-encoding": "identity",
    },
    body: JSON.stringify({ model: "gpt-6-luna", store: false, input: "“Grüße”, 😀" }),
    maxAnswerBytes: 1_048_576,
  };
}

/** By the time that another question is answered, the half of this answer that comes has been sent. */
async function untilAnswering(lane: Lane): Promise<void> {
  await lane.waitForRequest();
  await lane.requests();
}
