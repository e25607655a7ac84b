/**
 * A server that speaks as Anthropic, OpenAI, Google and OpenRouter do, as strictly as they do, with every fault on demand and a record of
 * what it was sent. Its URLs are `/{lane}/{vendor}/…`; a lane's own routes are `/{lane}/__script` and `/{lane}/__requests`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fakeLane, type Lane } from "./client.ts";
import { control, sendJson } from "./control.ts";
import { stage, stageTrouble } from "./faults.ts";
import { parseJson } from "./json.ts";
import { conclude, type LaneState, newLane, nextNumber, remember, takeStep } from "./lane-state.ts";
import { watchLastRead, type LastRead } from "./last-read.ts";
import type { RecordedRequest, VendorName } from "./script.ts";
import type { Asked, Heard, Vendor } from "./vendor.ts";
import { anthropic } from "./vendors/anthropic.ts";
import { google } from "./vendors/google.ts";
import { openai } from "./vendors/openai.ts";
import { openrouter } from "./vendors/openrouter.ts";
import { bodyOf, perform } from "./wire.ts";

export interface FakeUpstream {
  /** Without a slash at its end. */
  readonly url: string;
  lane(name: string): Lane;
  /** Ends every connection, stalled ones too. */
  close(): Promise<void>;
}

export interface FakeUpstreamOptions {
  /** A free one unless told. */
  readonly port?: number;
  readonly host?: string;
  /** Told of each vendor call when it is over. */
  readonly onCall?: (request: RecordedRequest) => void;
}

/** @throws {Error} where the port is taken */
export async function startFakeUpstream(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const lanes = new Map<string, LaneState>();
  const around: Around = { onCall: options.onCall ?? (() => undefined), lastRead: watchLastRead() };
  let connections = 0;
  const server = createServer((request, response) => {
    if (request.url === "/") {
      sendJson(response, 200, { fakeUpstream: "/{lane}/{vendor}/…", lanes: [...lanes.keys()], connections });
      return;
    }
    serve(lanes, request, response, around).catch((error: unknown) =>
      sendJson(response, 500, { error: `A bug of the fake upstream: ${String(error)}` }),
    );
  });
  server.on("connection", () => connections++);
  // Kept longer than a client would: one that reuses a connection never meets its end.
  server.keepAliveTimeout = 120_000;
  const host = options.host ?? "127.0.0.1";
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const url = `http://${host}:${(server.address() as AddressInfo).port}`;
  return {
    url,
    lane: (name) => fakeLane(url, name),
    close: () =>
      new Promise((resolve) => {
        around.lastRead.stop();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Around {
  readonly onCall: (request: RecordedRequest) => void;
  readonly lastRead: LastRead;
}

const vendors: Readonly<Record<VendorName, Vendor>> = { anthropic, openai, google, openrouter };

async function serve(
  lanes: Map<string, LaneState>,
  request: IncomingMessage,
  response: ServerResponse,
  around: Around,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://upstream");
  const [, laneName = "", first = "", ...rest] = pathname.split("/");
  const bodyText = await bodyOf(request);
  const lane = lanes.get(laneName) ?? newLane();
  lanes.set(laneName, lane);
  const vendor = Object.hasOwn(vendors, first) ? vendors[first as VendorName] : undefined;
  const method = request.method ?? "GET";
  if (vendor === undefined) {
    control(lane, method, first === "" ? null : first, searchParams, bodyText ?? "", response);
    return;
  }
  const heard: Heard = {
    method,
    path: `/${rest.join("/")}`,
    query: searchParams,
    headers: headersOf(request),
    bodyText: bodyText ?? "",
  };
  await serveVendor(lane, vendor, heard, bodyText !== null, response, around);
}

async function serveVendor(
  lane: LaneState,
  vendor: Vendor,
  heard: Heard,
  isWhole: boolean,
  response: ServerResponse,
  { onCall, lastRead }: Around,
): Promise<void> {
  const number = nextNumber(lane);
  const id = String(number).padStart(24, "0");
  const read = isWhole ? vendor.read(heard) : tooLarge;
  const asked = read.ok ? read.value : null;
  const model = asked === null ? null : modelOf(asked);
  // A step is used up only by a call that the vendor would have taken: a fault never hides a bad request.
  const step = asked === null ? null : takeStep(lane, marksOf(vendor.name, asked), Date.now());
  const play = read.ok ? stage(vendor, read.value, step, id) : stageTrouble(vendor, read.error, id);
  const fault = step?.fault === "none" ? undefined : step?.fault;

  const remembered = remember(lane, {
    number,
    vendor: vendor.name,
    route: asked?.route ?? "unknown",
    model,
    method: heard.method,
    path: heard.query.size === 0 ? heard.path : `${heard.path}?${heard.query}`,
    headers: heard.headers,
    bodyText: heard.bodyText,
    body: parseJson(heard.bodyText),
    outcome: read.ok ? (fault ?? "answered") : "refused",
    refusal: read.ok ? null : read.error.message,
    status: null,
    aborted: false,
    receivedAtMs: Date.now(),
    endedAtMs: null,
    endedFromMs: null,
  });
  const isCutByUs = play.manner.kind === "cut" || play.manner.kind === "cutBody";
  response.once("close", () => {
    conclude(lane, remembered, {
      status: response.headersSent ? response.statusCode : null,
      aborted: !response.writableFinished && !isCutByUs,
      endedAtMs: Date.now(),
      endedFromMs: lastRead.beforeMs(),
    });
    onCall(remembered);
  });
  await perform(play, response);
}

function marksOf(vendor: VendorName, asked: Asked) {
  const promptText = asked.route === "judgement" ? asked.question.promptText : "";
  return { vendor, route: asked.route, model: modelOf(asked) ?? "", promptText };
}

function modelOf(asked: Asked): string | null {
  switch (asked.route) {
    case "judgement":
      return asked.question.model;
    case "endpoints":
      return asked.model;
    case "models":
      return null;
  }
}

const tooLarge = {
  ok: false,
  error: { status: 413, message: "Request exceeds the maximum size, or was not sent whole." },
} as const;

function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, [value ?? ""].flat().join(", ")]),
  );
}
