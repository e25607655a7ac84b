/** What the upstream of a run does when it refuses, and what it remembers of that. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { startUpstream, type Upstream } from "./upstream.ts";

let upstream: Upstream;
beforeEach(async () => {
  upstream = await startUpstream(1);
}, 120_000);
afterEach(() => upstream.close());

function ask(number: number, of = upstream, signal: AbortSignal | null = null): Promise<Response> {
  return fetch(`${of.lane.baseUrls.openai}/responses`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer fake-2" },
    body: JSON.stringify({
      model: "gpt-6-luna",
      input: `nonce-a-${number}- nonce-b-${number}-`,
      store: false,
    }),
    signal,
  });
}

it("refuses every third call, from the first on, and judges the others", async () => {
  await upstream.feel("refusing");
  const given = upstream.refusals(2, 60_000);
  const statuses: number[] = [];
  for (const number of [1, 2, 3, 4, 5]) statuses.push((await ask(number)).status);
  expect(statuses).toEqual([400, 200, 200, 400, 200]);
  await given;
  await expect.poll(() => upstream.calls.length).toBe(5);
  expect(upstream.calls.map(({ number, process, isRefusal }) => ({ number, process, isRefusal }))).toEqual(
    [1, 2, 3, 4, 5].map((number) => ({ number, process: 2, isRefusal: number % 3 === 1 })),
  );
  expect(upstream.calls.map(({ isJudgement, isRefusal }) => isJudgement === isRefusal)).not.toContain(true);
});

it("takes a refusal that was cut off for none", async () => {
  const slow = await startUpstream(60_000);
  const asking = new AbortController();
  try {
    await slow.feel("refusing");
    const asked = ask(1, slow, asking.signal);
    await slow.callsCome(1, 5_000);
    asking.abort();
    await expect(asked).rejects.toThrow("aborted");
    await expect.poll(() => slow.calls.length).toBe(1);
    expect(slow.calls).toMatchObject([{ number: 1, isRefusal: false, isJudgement: false, isCut: true }]);
  } finally {
    await slow.close();
  }
});

it("takes only what can never succeed for a refusal", async () => {
  for (const mood of ["healthy", "down", "broken", "busy"] as const) {
    await upstream.feel(mood);
    await ask(1).catch(() => undefined);
  }
  await expect.poll(() => upstream.calls.length).toBe(4);
  expect(upstream.calls.map(({ isRefusal }) => isRefusal)).not.toContain(true);
});

it("stands behind a proxy that answers each call in another way, and takes what it sent whole for a page", async () => {
  await upstream.feel("hidden");
  const answers: [number, boolean][] = [];
  for (const number of [1, 2, 3, 4, 5]) {
    const response = await ask(number);
    answers.push([response.status, (await response.text()).includes("<html>")]);
  }
  expect(answers).toEqual([
    [404, true],
    [200, true],
    [200, false],
    [204, false],
    [404, true],
  ]);
  await expect.poll(() => upstream.calls.length).toBe(5);
  expect(upstream.calls.map(({ isPage, isJudgement }) => isPage && !isJudgement)).not.toContain(false);
});

it("takes only a connection that it broke itself for broken, and only a page for one", async () => {
  for (const mood of ["broken", "healthy", "down", "busy"] as const) {
    await upstream.feel(mood);
    await ask(1).catch(() => undefined);
  }
  await expect.poll(() => upstream.calls.length).toBe(4);
  expect(upstream.calls.map(({ isBroken }) => isBroken)).toEqual([true, false, false, false]);
  expect(upstream.calls.map(({ isPage }) => isPage)).not.toContain(true);
});

it("tells when so many calls have come, answered or not", async () => {
  await upstream.restAs("stalling");
  const asking = new AbortController();
  const come = upstream.callsCome(2, 60_000);
  const asked = [1, 2].map((number) => ask(number, upstream, asking.signal));
  await come;
  expect(upstream.calls).toEqual([]);
  asking.abort();
  await Promise.allSettled(asked);
});
