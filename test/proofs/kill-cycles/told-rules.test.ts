/** The judge can see what is wrong with what was told: each planted violation is found, by the rule that is meant for it and by no other. */
import { expect, it } from "vitest";
import type { FedEvent, Receipt, Told } from "./evidence.ts";
import { broken, expired, good, history, id, judgedInTheEnd, retold, status, terms } from "./good-run.ts";
import { judge } from "./judge.ts";

const arrived = "Every end of a ticket that a client knows of arrived";
const oneId = "An end is told under one id, and in the same words";
const own = "What was told is a ticket's of this service, and its end";
const stored = "Nothing was told before it was stored";
const noText = "No text of a client is in any byte that was sent";
const signed = "Every webhook is signed";
const feedWhole = "The feed has every end once, and nothing else";

const told: Told = {
  receipts: good.histories.map(({ queueId, events }) =>
    receipt(queueId, events.at(-1)?.kind ?? "", events.length),
  ),
  feed: good.histories.map(({ queueId, events }) => fed(queueId, events.at(-1)?.kind ?? "", events.length)),
};

function receipt(queueId: string, kind: string, number: number, change: Partial<Receipt> = {}): Receipt {
  const body = JSON.stringify({ type: `ticket.${kind}`, data: { queue_id: queueId } });
  return {
    atMs: 90_000,
    eventId: `evt_${queueId}_${number}`,
    queueId,
    isSigned: true,
    isTaken: true,
    look: { queueId, httpStatus: 200, ticket: status({ status: kind }) },
    bytes: `/ends\n\n${body}`,
    body,
    ...change,
  };
}

function fed(queueId: string, kind: string, number: number): FedEvent {
  return { queueId, eventId: `evt_${queueId}_${number}`, type: `ticket.${kind}`, text: "{}" };
}

/** The first one in place of the good one. */
function withFirst(change: Partial<Receipt>): Told {
  const [first, ...rest] = told.receipts ?? [];
  return { ...told, receipts: [...(first ? [{ ...first, ...change }] : []), ...rest] };
}

function brokenBy(change: Partial<Told>): string[] {
  return broken({ told: { ...told, ...change } });
}

it("finds nothing in a good run, and asks nothing where nobody was told", () => {
  expect(brokenBy({})).toEqual([]);
  expect(judge(good, terms).map(({ rule }) => rule)).not.toContain(feedWhole);
  const rules = judge({ ...good, told: { ...told, receipts: null } }, terms).map(({ rule }) => rule);
  expect(rules).toContain(feedWhole);
  expect(rules).not.toContain(arrived);
});

it("finds an end that never arrived, and one that its receiver has refused each time", () => {
  expect(brokenBy({ receipts: told.receipts?.slice(1) ?? [] })).toEqual([arrived]);
  expect(brokenBy(withFirst({ isTaken: false }))).toEqual([arrived]);
});

it("takes it for told when it arrived at another attempt", () => {
  const [first] = told.receipts ?? [];
  const again = first ? [{ ...first, isTaken: false }, first] : [];
  expect(brokenBy({ receipts: [...(told.receipts ?? []), ...again] })).toEqual([]);
});

it("finds an end that was told under two ids, or in other words", () => {
  const twice = (change: Partial<Receipt>) => [
    ...(told.receipts ?? []),
    receipt(id(2), "completed", 3, change),
  ];
  expect(brokenBy({ receipts: twice({ eventId: `evt_${id(2)}_4` }) })).toEqual([oneId, own]);
  const body = JSON.stringify({ type: "ticket.completed", data: { queue_id: id(2), more: 1 } });
  expect(brokenBy({ receipts: twice({ body }) })).toEqual([oneId]);
});

it("finds what is no ticket's, and another end than the stored one", () => {
  expect(brokenBy({ receipts: [...(told.receipts ?? []), receipt("foreign", "completed", 3)] })).toEqual([
    own,
  ]);
  const other = (told.receipts ?? []).map((one) =>
    one.queueId === id(expired) ? receipt(id(expired), "failed", 2) : one,
  );
  expect(brokenBy({ receipts: other })).toEqual([own]);
});

it("finds what was told before it was stored: by the service's own word, and by its record", () => {
  const look = { queueId: id(1), httpStatus: 200, ticket: status({ status: "processing" }) };
  expect(brokenBy(withFirst({ look }))).toEqual([stored]);
  expect(brokenBy(withFirst({ look: { ...look, httpStatus: 404, ticket: null } }))).toEqual([stored]);
  expect(brokenBy(withFirst({ atMs: 19_999 }))).toEqual([stored]);
  for (const httpStatus of [0, 503])
    expect(brokenBy(withFirst({ look: { ...look, httpStatus, ticket: null } }))).toEqual([]);
});

it("finds a text of a client in what was sent, and a signature that does not hold", () => {
  expect(brokenBy(withFirst({ bytes: "… canary-of-1- …" }))).toEqual([noText]);
  expect(brokenBy(withFirst({ bytes: "… nonce-a-1- …" }))).toEqual([noText]);
  expect(brokenBy(withFirst({ isSigned: false }))).toEqual([signed]);
});

it("finds in the feed what is missing, there twice, not ended, told otherwise, or full of texts", () => {
  const [first, ...rest] = told.feed;
  if (first === undefined) throw new Error("the good run has no feed");
  expect(brokenBy({ feed: rest })).toEqual([feedWhole]);
  expect(brokenBy({ feed: [...told.feed, first] })).toEqual([feedWhole]);
  expect(brokenBy({ feed: [...told.feed, fed("foreign", "completed", 3)] })).toEqual([feedWhole]);
  expect(brokenBy({ feed: [{ ...first, type: "ticket.failed" }, ...rest] })).toEqual([feedWhole]);
  expect(brokenBy({ feed: [{ ...first, text: "canary-of-1-" }, ...rest] })).toEqual([feedWhole]);
  const alsoUnknown = retold(history(10, ...judgedInTheEnd));
  expect(broken({ histories: alsoUnknown, told: { ...told, feed: rest } })).toEqual([feedWhole]);
});
