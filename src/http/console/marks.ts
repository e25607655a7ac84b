/** What every part of the console is made of. What callers, tenants and vendors have named is shown as text, cut, and within its own direction of writing. */
import { html } from "hono/html";

export type Html = ReturnType<typeof html>;

/** Controls, and marks that turn the direction of writing. */
// oxlint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A name that somebody else has given. */
export function named(name: string, longest = 60): Html {
  const shown = name.replace(unprintable, "\ufffd");
  return html`<bdi>${shown.length > longest ? `${shown.slice(0, longest - 1)}…` : shown}</bdi>`;
}

/** A moment as it stands on a clock; its day where that is not today's. */
export function atClock(ms: number, nowMs: number): Html {
  const iso = new Date(ms).toISOString();
  const isToday = iso.slice(0, 10) === new Date(nowMs).toISOString().slice(0, 10);
  return html`<time datetime="${iso}">${isToday ? "" : `${iso.slice(0, 10)} `}${iso.slice(11, 19)} UTC</time>`;
}

/** A moment, by how far it is from now, and as it stands on a clock. */
export function moment(ms: number, nowMs: number): Html {
  const far = ms > nowMs ? `in ${span(ms - nowMs)}` : `${span(nowMs - ms)} ago`;
  return html`${far} <small>${atClock(ms, nowMs)}</small>`;
}

export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

/** @param usd `null`: not known */
export function money(usd: number | null): string {
  if (usd === null) return "not known";
  return usd === 0 ? "$0" : `$${usd.toFixed(usd < 1 ? 6 : 2)}`;
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return count === 1 ? `1 ${one}` : `${count} ${many}`;
}

/**
 * The first cell of each row is its heading. On a narrow screen each row stands by itself, and each cell says what it is: the roles are written
 * out because browsers forget them there.
 */
export function table(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly (Html | string | number)[])[],
  empty: string,
): Html {
  if (rows.length === 0) return html`<p>${empty}</p>`;
  return html`<table role="table"><caption>${caption}</caption><thead role="rowgroup"><tr role="row">${columns.map((column) => html`<th role="columnheader" scope="col">${column}</th>`)}</tr></thead><tbody role="rowgroup">${rows.map(
    ([head = "", ...cells]) =>
      html`<tr role="row"><th role="rowheader" scope="row">${head}</th>${cells.map(
        (cell, at) => html`<td role="cell" data-label="${columns[at + 1] ?? ""}">${cell}</td>`,
      )}</tr>`,
  )}</tbody></table>`;
}
