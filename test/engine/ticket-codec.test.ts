import { expect, it } from "vitest";
import { decodedTicket, encodedTicket, textsOf } from "../../src/engine/ticket-codec.ts";
import { StoreAway } from "../../src/gateway/ports.ts";
import { lifeOf } from "../stores/mirror/some-ticket.ts";

const [queued, processing, ended] = lifeOf(1_000);

it.each([
  ["waits", queued],
  ["is called for", processing],
  ["has ended", ended],
])("says the same of a ticket that %s after it was stored", (_, ticket) => {
  expect(decodedTicket(encodedTicket(ticket), textsOf(ticket))).toEqual(ticket);
});

it("writes no text into the record, and has none to write beside one that has ended", () => {
  for (const ticket of [queued, processing, ended]) expect(encodedTicket(ticket)).not.toContain("essay A");
  expect(textsOf(processing)).toEqual("texts" in processing.state && processing.state.texts);
  expect(textsOf(ended)).toBeNull();
});

it("writes the record as 1df0c65 did, byte for byte", () => {
  const { about } = queued;
  const progress =
    '{"updatedAtMs":1000,"attempts":0,"failedAttempts":0,"spent":{"calls":0,"costUsd":null},"fence":0,' +
    '"lastPermit":null,"events":1,"gateHeard":0,"suspect":false,"deaths":0}';
  expect(encodedTicket(queued)).toBe(
    `{"version":1,"about":${JSON.stringify(about)},"progress":${progress},` +
      '"state":{"status":"queued","notBeforeMs":1000,"lastFailure":null}}',
  );
});

it("takes the ticket for stored elsewhere where newer code wrote it, and lets a store say so in its own way", () => {
  const newer = JSON.stringify({ ...ended, version: 4 });
  expect(() => decodedTicket(newer, null)).toThrow(StoreAway);
  expect(() => decodedTicket(newer, null, (sentence) => new Error(`refused: ${sentence}`))).toThrow(
    "refused: A ticket is of version 4, which newer code wrote",
  );
});

it("takes a record that holds no ticket for a fault", () => {
  expect(() => decodedTicket("{}", null)).toThrow("A row of tickets holds no ticket");
});
