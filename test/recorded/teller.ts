/** Sends a story's requests, and writes down what was sent and what was answered, with nothing in it of the hour and the place. */
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { as as headersOf } from "../support/tenants.ts";
import { timeless } from "./timeless.ts";

export type Teller = ReturnType<typeof startTeller>;

export interface Ticket {
  readonly statusUrl: string;
  readonly resultsUrl: string;
  /** At both routes. */
  look(what: string): Promise<void>;
  /** Looks that are not written down. @throws {Error} with the ticket's last status, where another one does not come */
  until(wanted: string): Promise<void>;
}

type Headers = Readonly<Record<string, string>>;
type Body = Readonly<Record<string, unknown>>;

/** Under the load of all other tests beside it. */
const patienceMs = 30_000;
const betweenLooksMs = 50;

/** Of the connection, not of the answer. */
const ofTheConnection = ["connection", "content-length", "date", "keep-alive", "transfer-encoding"];
/** What a development server would compress. */
const uncompressed = { "accept-encoding": "identity" };

export function startTeller(origin: string) {
  /** A place for each request in the order of asking: requests may be under way side by side. */
  const told: string[] = [];
  const as = (tenant: "one" | "two") => headersOf(tenant).headers;

  async function ask(
    name: string,
    method: string,
    path: string,
    headers: Headers = {},
    body?: string,
    shown: (text: string) => string = whole,
  ): Promise<Body> {
    const place = told.push("") - 1;
    const sent = {
      ...as("one"),
      ...uncompressed,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    };
    const response = await fetch(origin + path, {
      method,
      headers: sent,
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    const own = [...response.headers].filter(([header]) => !ofTheConnection.includes(header)).toSorted();
    told[place] = [
      `# ${name}`,
      `${method} ${path}`,
      ...Object.entries(headers).map(([header, value]) => `${header}: ${value}`),
      ...(body === undefined ? [] : [body.length > 1_000 ? `${body.length} characters` : body]),
      `-> ${response.status}`,
      ...own.map(([header, value]) => `${header}: ${value}`),
      ...(text === "" ? [] : [shown(text)]),
    ].join("\n");
    const isJson =
      response.headers.get("content-type")?.startsWith("application/json") === true && text !== "";
    return isJson ? (JSON.parse(text) as Body) : {};
  }

  const get = (name: string, path: string, headers: Headers = {}) => ask(name, "GET", path, headers);

  function compare(
    name: string,
    changes: object,
    headers: Headers = {},
    shown: (text: string) => string = whole,
    path = "/api/v1/comparison",
  ): Promise<Body> {
    const request = {
      user_prompt: "Which essay argues better?",
      essay_a: "Cats sleep because they hunt.",
      essay_b: "Dogs bark.",
      ...changes,
    };
    return ask(name, "POST", path, headers, JSON.stringify(request), shown);
  }

  /** A comparison that is kept. @throws {Error} where it isn't */
  async function queue(
    name: string,
    request: object,
    headers: Headers = {},
    mode = "queue",
    shown: (text: string) => string = whole,
  ): Promise<Ticket> {
    const ticket = await compare(name, { ...request, processing_mode: mode }, headers, shown);
    const [statusUrl, resultsUrl] = [String(ticket["status_url"]), String(ticket["results_url"])];
    if (!("queue_id" in ticket)) throw new Error(`${name} is not kept: ${JSON.stringify(ticket)}`);
    return {
      statusUrl,
      resultsUrl,
      async look(what: string): Promise<void> {
        await get(`${what}: its status`, statusUrl);
        await get(`${what}: its results`, resultsUrl);
      },
      async until(wanted: string): Promise<void> {
        for (const endsAtMs = performance.now() + patienceMs; ; await pause(betweenLooksMs)) {
          const answer = await fetch(origin + statusUrl, { headers: as("one") });
          const text = await answer.text();
          if ((JSON.parse(text) as Body)["status"] === wanted) return;
          if (performance.now() > endsAtMs) throw new Error(`${name} is not ${wanted}: ${text}`);
        }
      },
    };
  }

  return {
    as,
    ask,
    get,
    compare,
    preview: (name: string, changes: object) =>
      compare(name, changes, {}, whole, "/api/v1/comparison/preview"),
    queue,
    /** A ticket for whom nothing is in the way: whether its turn has come when its 202 is sent is a race. */
    queueAtOnce: (name: string, request: object, headers: Headers = {}) =>
      queue(name, request, headers, "queue", withoutPlace),
    /** A long answer: what it is is known by its hash alone. */
    sum: (name: string, path: string) => ask(name, "GET", path, {}, undefined, summed),
    recording: () => `${timeless(told.join("\n\n"))}\n`,
  };
}

const whole = (text: string) => text;

function withoutPlace(text: string): string {
  return text.replace(
    /("position_in_queue"):(?:\d+|null),("estimated_wait_minutes"):(?:\d+|null)/,
    "$1:<place>,$2:<wait>",
  );
}

function summed(text: string): string {
  return `${text.length} characters, SHA-256 ${createHash("sha256").update(text).digest("hex")}`;
}
