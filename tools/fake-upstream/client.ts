/** A lane, reached over HTTP alone: the same in Node and in workerd. */
import type { RecordedRequest, Route, Step, VendorName } from "./script.ts";

/** A part of the fake upstream that nobody else sees: its own script, its own record. */
export interface Lane {
  readonly name: string;
  readonly url: string;
  /** What the product's `…_BASE_URL` settings are set to. */
  readonly baseUrls: Readonly<Record<VendorName, string>>;
  /** Appends steps. @throws {Error} with what is wrong in them */
  script(steps: readonly Step[]): Promise<void>;
  /** Puts steps in place of the whole script, at once: no call meets an empty script. @throws {Error} with what is wrong in them */
  rescript(steps: readonly Step[]): Promise<void>;
  /** The steps that wait for a call, with the `times` they have left. */
  stepsLeft(): Promise<Step[]>;
  clearScript(): Promise<void>;
  /** The latest calls (at most 1,000), oldest first. */
  requests(route?: Route): Promise<RecordedRequest[]>;
  /** Waits until so many calls were heard whole since the lane was cleared. @throws {Error} after 5 s */
  waitForRequest(count?: number, route?: Route): Promise<RecordedRequest[]>;
  /** Waits until so many clients went away before they had their answer. @throws {Error} after 5 s */
  waitForAbort(count?: number): Promise<RecordedRequest[]>;
  /** Forgets script and record. */
  clear(): Promise<void>;
}

/** The lane of that name. It need not exist before. @param upstreamUrl without a slash at its end */
export function fakeLane(upstreamUrl: string, name: string): Lane {
  const url = `${upstreamUrl}/${encodeURIComponent(name)}`;
  return {
    name,
    url,
    baseUrls: {
      anthropic: `${url}/anthropic`,
      openai: `${url}/openai/v1`,
      google: `${url}/google`,
      openrouter: `${url}/openrouter/api/v1`,
    },
    script: async (steps) => {
      await ask(`${url}/__script`, { method: "POST", body: JSON.stringify(steps) });
    },
    rescript: async (steps) => {
      await ask(`${url}/__script`, { method: "PUT", body: JSON.stringify(steps) });
    },
    stepsLeft: async () => (await ask(`${url}/__script`)) as Step[],
    clearScript: async () => {
      await ask(`${url}/__script`, { method: "DELETE" });
    },
    requests: (route) => records(`${url}/__requests?${route === undefined ? "" : `route=${route}`}`),
    waitForRequest: (count = 1, route) =>
      records(`${url}/__requests?atLeast=${count}${route === undefined ? "" : `&route=${route}`}`),
    waitForAbort: (count = 1) => records(`${url}/__requests?aborts=${count}`),
    clear: async () => {
      await ask(url, { method: "DELETE" });
    },
  };
}

async function records(url: string): Promise<RecordedRequest[]> {
  return (await ask(url)) as RecordedRequest[];
}

async function ask(url: string, init?: { method: string; body?: string }): Promise<unknown> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`The fake upstream: ${text}`);
  return JSON.parse(text);
}
