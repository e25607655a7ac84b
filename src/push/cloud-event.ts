/**
 * A transition of a ticket as a CloudEvent 1.0.2 in JSON (https://github.com/cloudevents/spec). Built by hand: it is ten fields, and the library
 * brings six packages. Tests hold it against the library.
 */
import type { BusEvent } from "./bus.ts";

/** What is said of a transition, whoever is told. */
export interface ToldTransition {
  /** The same each time that it is told. */
  readonly id: string;
  /** As `ticket.completed`. */
  readonly type: string;
  /** ISO 8601. */
  readonly timestamp: string;
  /** JSON of an object. */
  readonly data: string;
}

/** @param environment which of an operator's services it is of: production, or another */
export function cloudEventOf(
  told: ToldTransition,
  queueId: string,
  number: number,
  environment: string,
): BusEvent {
  const { id, type, timestamp: time, data } = told;
  const attributes = {
    specversion: "1.0",
    id,
    source: `/llm-provider-service/${environment}`,
    type: `llm-provider-service.${type}.v1`,
    subject: queueId,
    time,
    datacontenttype: "application/json",
    // Extensions: in which order a ticket's events stand, as text that sorts; and what belongs together.
    sequence: String(number).padStart(sequenceDigits, "0"),
    partitionkey: queueId,
  };
  return { id, queueId, json: `${JSON.stringify(attributes).slice(0, -1)},"data":${data}}` };
}

const sequenceDigits = 10;

/** As it was stored. */
export function busEventIn(json: string): BusEvent {
  const { id, subject } = JSON.parse(json) as { readonly id: string; readonly subject: string };
  return { id, queueId: subject, json };
}
