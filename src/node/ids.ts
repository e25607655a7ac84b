/** Ids for rows that are found by them. */
import { randomUUID } from "node:crypto";

/**
 * A UUID that begins with its moment, and is random otherwise (version 7, RFC 9562 section 5.7): those made one after the other stand side by
 * side in an index, so that a commit of many rows writes a page or two of it instead of one for each.
 */
export function timeOrderedId(nowMs: number): string {
  const moment = nowMs.toString(16).padStart(12, "0");
  return `${moment.slice(0, 8)}-${moment.slice(8, 12)}-7${randomUUID().slice(15)}`;
}
