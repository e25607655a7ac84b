/**
 * A collector of our own, stricter than any: OTLP over HTTP as JSON, where nothing may be there that is not OTLP's, and what is there must have the shape
 * that the standard asks for. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as z from "zod";

const traceId = z.string().regex(/^(?!0+$)[0-9a-f]{32}$/, "32 hex digits");
const spanId = z.string().regex(/^(?!0+$)[0-9a-f]{16}$/, "16 hex digits");
const nanoseconds = z.string().regex(/^[1-9]\d{18}$/, "nanoseconds of our day, as text");
/** W3C flags, and whether it is known that the parent is another process'. */
const flags = z.int().min(0x100).max(0x3ff);

/**
 * How it is written: `ours` as OpenTelemetry's JavaScript does, with whole numbers as numbers and nothing left out; `protobuf's` as protobuf has JSON, with
 * whole numbers of 64 bits as texts, and without what is 0, empty or `false`.
 */
export type Writing = "ours" | "protobuf's";

function requestSchema(writing: Writing) {
  const isOurs = writing === "ours";
  const none = isOurs ? z.literal(0) : z.never().optional();
  const empty = isOurs ? z.array(z.never()) : z.never().optional();
  const whole = isOurs
    ? z.int()
    : z
        .string()
        .regex(/^-?\d+$/)
        .transform(Number);
  const code = z.union([z.literal(0), z.literal(2)]);
  const value = z.union([
    z.strictObject({ stringValue: z.string().max(300) }),
    z.strictObject({ intValue: whole }),
    z.strictObject({ doubleValue: z.number() }),
    z.strictObject({ boolValue: z.boolean() }),
  ]);
  const attributes = z
    .array(z.strictObject({ key: z.string().min(1), value }))
    .refine((all) => new Set(all.map(({ key }) => key)).size === all.length, "each key once")
    .transform((all) => Object.fromEntries(all.map(({ key, value }) => [key, Object.values(value)[0]])));
  const link = z.strictObject({
    traceId,
    spanId,
    attributes: empty,
    droppedAttributesCount: none,
    flags: isOurs ? flags : flags.optional(),
  });
  const span = z
    .strictObject({
      traceId,
      spanId,
      parentSpanId: isOurs
        ? spanId.optional()
        : spanId.or(z.literal("").transform(() => undefined)).optional(),
      traceState: z.string().min(1).max(512).optional(),
      name: z.string().min(1),
      kind: z.int().min(1).max(5),
      startTimeUnixNano: nanoseconds,
      endTimeUnixNano: nanoseconds,
      attributes,
      droppedAttributesCount: none,
      events: empty,
      droppedEventsCount: none,
      status: z.strictObject({ code: isOurs ? code : code.default(0) }),
      links: isOurs ? z.array(link) : z.array(link).default([]),
      droppedLinksCount: none,
      flags,
    })
    .refine((one) => BigInt(one.startTimeUnixNano) <= BigInt(one.endTimeUnixNano), "it ends after it begins");
  const scope = z.strictObject({ name: z.string().min(1), version: z.string().min(1) });
  const scopeSpans = z.strictObject({ scope, spans: z.array(span).min(1), schemaUrl: z.url() });
  const resource = z.strictObject({ attributes, droppedAttributesCount: none });
  const resourceSpans = z.strictObject({ resource, scopeSpans: z.array(scopeSpans).min(1) });
  return z.strictObject({ resourceSpans: z.array(resourceSpans).min(1) });
}

type Request = z.output<ReturnType<typeof requestSchema>>;
type Span = Request["resourceSpans"][number]["scopeSpans"][number]["spans"][number];

export type ReceivedSpan = Span & {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly schemaUrl: string;
};

export interface OtlpReceiver {
  readonly url: string;
  /** All that came, in their order. @throws {Error} something that came is not OTLP */
  readonly spans: () => readonly ReceivedSpan[];
  /** Waits until what came is enough. @throws {Error} after 20 s */
  readonly until: (isEnough: (spans: readonly ReceivedSpan[]) => boolean) => Promise<readonly ReceivedSpan[]>;
  /** Bodies as they came. */
  readonly texts: () => readonly string[];
  readonly headers: () => readonly NodeJS.Dict<string | string[]>[];
  /** Nobody listens there any more. */
  readonly goAway: () => Promise<void>;
  readonly comeBack: () => Promise<void>;
}

export async function otlpReceiver(writing: Writing = "ours"): Promise<OtlpReceiver> {
  const request = requestSchema(writing);
  const spans: ReceivedSpan[] = [];
  const faults: string[] = [];
  const texts: string[] = [];
  const headers: NodeJS.Dict<string | string[]>[] = [];
  let port = 0;
  let server: Server | null = null;

  function take(path: string | undefined, type: string | undefined, text: string): void {
    texts.push(text);
    if (path !== "/v1/traces") faults.push(`it came to ${path}`);
    if (type !== "application/json") faults.push(`its type is ${type}`);
    const read = request.safeParse(JSON.parse(text));
    if (!read.success) {
      faults.push(z.prettifyError(read.error));
      return;
    }
    for (const { resource, scopeSpans } of read.data.resourceSpans)
      for (const { spans: some, schemaUrl } of scopeSpans)
        spans.push(...some.map((one) => ({ ...one, resource: resource.attributes, schemaUrl })));
  }

  async function comeBack(): Promise<void> {
    server = createServer((incoming, outgoing) => {
      headers.push(incoming.headers);
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        take(incoming.url, incoming.headers["content-type"], Buffer.concat(chunks).toString());
        outgoing.writeHead(200, { "content-type": "application/json" }).end("{}");
      });
    }).listen(port, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  }

  function good(): readonly ReceivedSpan[] {
    if (faults.length > 0) throw new Error(`What came is not OTLP:\n${faults.join("\n")}`);
    return spans;
  }

  await comeBack();
  return {
    url: `http://127.0.0.1:${port}`,
    spans: good,
    async until(isEnough) {
      const untilMs = performance.now() + 20_000;
      while (!isEnough(good())) {
        if (performance.now() > untilMs)
          throw new Error(
            `Only these came: ${good()
              .map(({ name }) => name)
              .join(", ")}`,
          );
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return good();
    },
    texts: () => texts,
    headers: () => headers,
    async goAway() {
      const closing = server;
      server = null;
      closing?.closeAllConnections();
      if (closing !== null) await new Promise((resolve) => closing.close(resolve));
    },
    comeBack,
  };
}
