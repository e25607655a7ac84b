/** What the bus is sent, held against CloudEvents' own library. */
import { CloudEvent, HTTP, Kafka } from "cloudevents";
import { describe, expect, it } from "vitest";
import type { TicketEvent } from "../../src/domain/ticket/ticket.ts";
import { busRenderer } from "../../src/http/bus-events.ts";
import type { BusTransition } from "../../src/push/bus.ts";
import { busEventIn } from "../../src/push/cloud-event.ts";
import { lifeOf } from "../stores/mirror/some-ticket.ts";

const atMs = Date.UTC(2026, 10, 30, 12);
const render = busRenderer("production");
const [queued, processing, ended] = lifeOf(atMs);
const { id } = queued.about;
const failed = lifeOf(atMs, {
  failure: { reason: "request_refused", status: 400, vendorSays: "canary of the vendor's words" },
})[2];

const rows: readonly (readonly [BusTransition, typeof queued, string, string])[] = [
  [{ number: 1, atMs, kind: "accepted" }, queued, "queued", "QUEUE_REQUEST_QUEUED"],
  [
    { number: 2, atMs, kind: "started", fence: 1, asProbe: false },
    processing,
    "processing",
    "QUEUE_REQUEST_PROCESSING",
  ],
  [
    { number: 3, atMs, kind: "returned", why: "died", reason: null },
    queued,
    "queued",
    "QUEUE_REQUEST_QUEUED",
  ],
  [{ number: 3, atMs, kind: "completed" }, ended, "completed", "QUEUE_REQUEST_COMPLETED"],
  [{ number: 3, atMs, kind: "failed", reason: "request_refused" }, failed, "failed", "QUEUE_REQUEST_FAILED"],
  [{ number: 2, atMs, kind: "expired" }, queued, "expired", "QUEUE_REQUEST_FAILED"],
  [{ number: 2, atMs, kind: "cancelled", cancelledBy: "owner" }, queued, "cancelled", "QUEUE_REQUEST_FAILED"],
  [{ number: 2, atMs, kind: "withdrawn" }, queued, "withdrawn", "QUEUE_REQUEST_FAILED"],
];

describe.each(rows)("%j", (transition, ticket, status, eventType) => {
  const { id: eventId, queueId, json } = render(ticket, transition);
  const headers = { "content-type": "application/cloudevents+json; charset=utf-8" };

  it("is a CloudEvent over HTTP, as its library reads it", () => {
    const event = HTTP.toEvent({ headers, body: json }) as CloudEvent<Record<string, unknown>>;
    // Throws where something is no CloudEvent.
    expect(new CloudEvent(event, true).validate()).toBe(true);
    expect(event).toMatchObject({
      specversion: "1.0",
      id: `evt_${ticket.about.id}_${transition.number}`,
      source: "/llm-provider-service/production",
      type: `llm-provider-service.ticket.${status}.v1`,
      subject: ticket.about.id,
      time: new Date(atMs).toISOString(),
      datacontenttype: "application/json",
      sequence: `000000000${transition.number}`,
      partitionkey: ticket.about.id,
      data: {
        event_type: eventType,
        queue_id: ticket.about.id,
        event_number: transition.number,
        status,
      },
    });
    expect([eventId, queueId]).toEqual([event.id, ticket.about.id]);
  });

  it("is one over Kafka", () => {
    const kafkaHeaders = { "content-type": "application/cloudevents+json; charset=UTF-8" };
    const message = { headers: kafkaHeaders, key: queueId, value: json, body: json };
    const event = Kafka.toEvent(message) as CloudEvent<Record<string, unknown>>;
    expect(new CloudEvent(event, true).validate()).toBe(true);
    expect(event.id).toBe(eventId);
  });

  it("holds no text, no metadata, no result and no word of a vendor's", () => {
    const { data } = JSON.parse(json) as { data: object };
    expect(Object.keys(data)).not.toEqual(expect.arrayContaining(["metadata"]));
    expect(Object.keys(data)).not.toEqual(expect.arrayContaining(["result"]));
    expect(json).not.toMatch(/canary|argues|pair|tenant/);
  });

  it("is read as it was stored", () => {
    expect(busEventIn(json)).toEqual({ id: eventId, queueId, json });
  });
});

it("is the same each time that it is said", () => {
  const event: TicketEvent = { number: 3, atMs, kind: "completed" };
  expect(render(ended, event)).toEqual(render(ended, event));
  const first: TicketEvent = { number: 1, atMs, kind: "accepted" };
  // Also when the ticket has moved on meanwhile.
  expect(render(ended, first)).toEqual(render(queued, first));
  expect(id).toBe(queued.about.id);
});
