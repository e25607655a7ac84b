/** Who listens in a process: what is heard, when, and by how many. */
import { describe, expect, it } from "vitest";
import { createHub } from "../../src/push/hub.ts";
import type { Ear, Live } from "../../src/push/live.ts";
import { manualClock } from "../support/clock.ts";

function world(looksInSilence = false) {
  const clock = manualClock();
  const wanted: boolean[] = [];
  const hub = createHub({ clock, looksInSilence, onListening: (isListening) => wanted.push(isListening) });
  return { clock, hub, wanted };
}

const to = (id: string) => ({ kind: "ticket", id, event: 1 }) as const;

function listen(hub: Live, id: string, tenant = "one"): Ear {
  const ear = hub.listen(to(id), tenant, "stream");
  if (ear === null || ear instanceof Promise) throw new Error("there is no room");
  return ear;
}

it("says first that something may have happened since it was looked at, then only what has", async () => {
  const { clock, hub } = world();
  const ear = listen(hub, "a");
  expect(await ear.next(1_000)).toBe("hint");
  const silent = ear.next(1_000);
  await clock.advance(1_000);
  expect(await silent).toBe("silence");
  hub.ticketMoved("b");
  const after = ear.next(1_000);
  await clock.advance(500);
  hub.ticketMoved("a");
  expect(await after).toBe("hint");
});

it("loses no hint that comes while its listener looks at the store", async () => {
  const { hub } = world();
  const ear = listen(hub, "a");
  await ear.next(1_000);
  hub.ticketMoved("a");
  hub.ticketMoved("a");
  expect(await ear.next(1_000)).toBe("hint");
});

it("hints all who listen to the same, and whoever may have missed something", async () => {
  const { hub } = world();
  const ears = ["a", "a", "b"].map((id) => listen(hub, id));
  for (const ear of ears) await ear.next(1_000);
  const both = ears.slice(0, 2).map((ear) => ear.next(1_000));
  hub.ticketMoved("a");
  expect(await Promise.all(both)).toEqual(["hint", "hint"]);
  const all = ears.map((ear) => ear.next(1_000));
  hub.mayHaveMissed();
  expect(await Promise.all(all)).toEqual(["hint", "hint", "hint"]);
});

it("hints who listens to a tenant's feed, and no other's", async () => {
  const { clock, hub } = world();
  const [one, two] = ["one", "two"].map(
    (tenant) => hub.listen({ kind: "feed", tenant }, tenant, "wait") as Ear,
  );
  await Promise.all([one?.next(1_000), two?.next(1_000)]);
  const heard = [one?.next(1_000), two?.next(1_000)];
  hub.feedGrew("one");
  await clock.advance(1_000);
  expect(await Promise.all(heard)).toEqual(["hint", "silence"]);
});

it("is over for who has left, and when the process ends, whatever is asked then", async () => {
  const { hub } = world();
  const [gone, here] = [listen(hub, "a"), listen(hub, "a")];
  await Promise.all([gone.next(1_000), here.next(1_000)]);
  const heard = [gone.next(1_000), here.next(1_000)];
  gone.leave();
  hub.close();
  expect(await Promise.all(heard)).toEqual(["left", "stopping"]);
  hub.ticketMoved("a");
  expect([await gone.next(1_000), await here.next(1_000)]).toEqual(["left", "stopping"]);
  expect(hub.listen(to("a"), "one", "stream")).toBe(null);
});

describe("has room", () => {
  it("for 200 of a tenant and 1,000 in all; who leaves makes room once, however often it leaves", () => {
    const { hub } = world();
    const ears = ["a", "b", "c", "d", "e"].flatMap((tenant) =>
      Array.from({ length: 200 }, () => listen(hub, "ticket", tenant)),
    );
    expect(hub.count()).toEqual({ wait: 0, stream: 1_000, socket: 0 });
    expect(hub.listen(to("ticket"), "f", "stream")).toBe(null);
    ears[0]?.leave();
    ears[0]?.leave();
    expect(hub.listen(to("ticket"), "b", "stream")).toBe(null);
    listen(hub, "ticket", "f");
    expect(hub.listen(to("ticket"), "f", "stream")).toBe(null);
    for (const ear of ears) ear.leave();
    expect(hub.count()).toEqual({ wait: 0, stream: 1, socket: 0 });
  });
});

it("says when the first begins to listen, and when the last has left", () => {
  const { hub, wanted } = world();
  const [first, second] = [listen(hub, "a"), listen(hub, "b")];
  first.leave();
  expect(wanted).toEqual([true]);
  second.leave();
  listen(hub, "a");
  expect(wanted).toEqual([true, false, true]);
});
