import { expect, it } from "vitest";
import { consume, type TicketMessage } from "../../src/cloudflare/queue.ts";

const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

/** @returns a message, and what became of it */
function message(body: unknown, attempts = 1): TicketMessage & { readonly fate: string[] } {
  const fate: string[] = [];
  return {
    body,
    attempts,
    fate,
    ack: () => void fate.push("ack"),
    retry: (options) => void fate.push(`retry ${options?.delaySeconds}`),
  };
}

it("acknowledges each message that was worked on, by itself", async () => {
  const messages = [message(id(1)), message(id(2))];
  const worked: string[] = [];
  await consume(
    messages,
    async (ticket) => worked.push(ticket),
    1_000,
    () => {},
  );
  expect(worked).toEqual([id(1), id(2)]);
  expect(messages.map(({ fate }) => fate)).toEqual([["ack"], ["ack"]]);
});

it("brings back what failed, later each time, and nothing else", async () => {
  const messages = [message(id(1), 1), message(id(2), 3), message(id(3), 100), message(id(4))];
  const faults: string[] = [];
  const work = async (ticket: string) => {
    if (ticket !== id(4)) throw new Error("store away");
  };
  await consume(messages, work, 1_000, (event) => faults.push(event));
  expect(messages.map(({ fate }) => fate)).toEqual([["retry 2"], ["retry 8"], ["retry 60"], ["ack"]]);
  expect(faults).toEqual(["message_failed", "message_failed", "message_failed"]);
});

it.each([null, 7, "", "not an id", { ticketId: id(1) }])(
  "takes %j out of the queue, and says so",
  async (body) => {
    const poison = message(body);
    const faults: string[] = [];
    let worked = 0;
    await consume(
      [poison],
      () => Promise.resolve(worked++),
      1_000,
      (event) => faults.push(event),
    );
    expect(poison.fate).toEqual(["ack"]);
    expect(worked).toBe(0);
    expect(faults).toEqual(["message_unreadable"]);
  },
);

it("works on a batch side by side, at most five at once", async () => {
  const messages = Array.from({ length: 12 }, (_, number) => message(id(number)));
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    // A turn of the loop, in which as many others begin as may.
    await new Promise((resolve) => setTimeout(resolve, 0));
    running--;
  };
  await consume(messages, work, 1_000, () => {});
  expect(most).toBe(5);
  expect(messages.every(({ fate }) => fate[0] === "ack")).toBe(true);
});

it("gives each message a time limit of its own, so that a stuck one holds up no other", async () => {
  const messages = [message(id(1)), message(id(2))];
  const work = (ticket: string) => (ticket === id(1) ? new Promise(() => {}) : Promise.resolve());
  await consume(messages, work, 10, () => {});
  expect(messages.map(({ fate }) => fate)).toEqual([["retry 2"], ["ack"]]);
});
