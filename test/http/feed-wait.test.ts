/** The feed that waits until it grows: `GET /api/v1/events?wait=S`. */
import { expect, it } from "vitest";
import { slow, verdict } from "../support/scripted-transport.ts";
import { testService, type TestService } from "../support/service.ts";
import { API_KEYS, as } from "../support/tenants.ts";

const queued = { processing_mode: "queue" };
/** Each ticket ends after 10 s. */
const tenSeconds = { steps: () => slow(verdict(), 10_000) };

function asked(service: TestService, query: string, init: RequestInit = {}) {
  let answeredAfterMs: number | null = null;
  const sinceMs = service.clock.monotonicMs();
  const answer = service.request(`/api/v1/events?${query}`, init).finally(() => {
    answeredAfterMs = service.clock.monotonicMs() - sinceMs;
  });
  return { answer, afterMs: () => answeredAfterMs };
}

const eventsIn = ({ body }: { readonly body: Record<string, unknown> }) => body["events"] as { id: string }[];

it("is answered when a ticket of the tenant has ended, and no other's", async () => {
  const service = testService({ ...tenSeconds, env: { API_KEYS } });
  const { body } = await service.compare(queued, as("one"));
  const [mine, theirs] = [asked(service, "wait=30", as("one")), asked(service, "wait=15", as("two"))];
  await service.clock.advance(9_999);
  expect([mine.afterMs(), theirs.afterMs()]).toEqual([null, null]);
  await service.clock.advance(20_000);
  expect([mine.afterMs(), theirs.afterMs()]).toEqual([10_000, 15_000]);
  expect(eventsIn(await mine.answer).map(({ id }) => id)).toEqual([`evt_${String(body["queue_id"])}_3`]);
  const nothing = await theirs.answer;
  expect([nothing.status, eventsIn(nothing), nothing.body["cursor"]]).toEqual([200, [], expect.any(String)]);
});

it("goes on from its cursor without a gap, and is answered at once where something is behind it", async () => {
  const service = testService(tenSeconds);
  const ids = [];
  for (let n = 0; n < 3; n++) ids.push(String((await service.compare(queued)).body["queue_id"]));
  let cursor = "";
  const told: string[] = [];
  while (told.length < 3) {
    const page = asked(service, `wait=30&limit=1${cursor === "" ? "" : `&after=${cursor}`}`);
    await service.clock.advance(30_000);
    const answer = await page.answer;
    told.push(...eventsIn(answer).map(({ id }) => id));
    cursor = String(answer.body["cursor"]);
    expect(page.afterMs()).toBeLessThanOrEqual(told.length === 1 ? 10_000 : 0);
  }
  expect(told.toSorted()).toEqual(ids.map((id) => `evt_${id}_3`).toSorted());
});

it("is answered at once, as without, when the process is asked to end", async () => {
  const service = testService();
  const waiting = asked(service, "wait=30");
  await service.clock.advance(1_000);
  expect(waiting.afterMs()).toBe(null);
  service.stop();
  await service.clock.advance(0);
  expect([waiting.afterMs(), (await waiting.answer).status]).toEqual([1_000, 200]);
  expect(service.listening()).toEqual({ wait: 0, stream: 0, socket: 0 });
});
