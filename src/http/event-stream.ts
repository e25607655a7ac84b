/** Server-Sent Events: an answer whose body comes as things happen. https://html.spec.whatwg.org/multipage/server-sent-events.html */
import type { Farewell, Message, Reader } from "../push/follow.ts";

export interface EventStream {
  readonly response: Response;
  readonly reader: Reader;
}

export interface EventStreamParts {
  readonly correlationId: string;
  /** The reader has gone away. */
  readonly onGone: () => void;
  /** Ends the connection at once, whatever is on its way. Absent: an error in the body does so. */
  readonly cutOff?: (() => void) | undefined;
}

/** Who is told more than this and doesn't read it is cut off: it can come again, from where it was. */
const mostUnreadBytes = 262_144;
/** After which a client comes again, in milliseconds. */
const comesAgainMs = 2_000;

export function eventStream({ correlationId, onGone, cutOff }: EventStreamParts): EventStream {
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  const body = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given;
      },
      cancel() {
        controller = null;
        onGone();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: mostUnreadBytes }),
  );

  function write(text: string): boolean {
    if (controller === null) return false;
    if ((controller.desiredSize ?? 0) > 0) {
      controller.enqueue(encoder.encode(text));
      return true;
    }
    if (cutOff === undefined) controller.error(new Error("the reader is too slow"));
    else cutOff();
    controller = null;
    return false;
  }

  write(`retry: ${comesAgainMs}\n\n`);
  return {
    response: new Response(body, { status: 200, headers: headersOf(correlationId) }),
    reader: {
      take: (message) => write(frameOf(message)),
      // A comment: of an event, clients would make something.
      beat: () => write(":\n\n"),
      end(_why: Farewell) {
        controller?.close();
        controller = null;
      },
    },
  };
}

const encoder = new TextEncoder();

/** A caller's metadata is echoed as it was written, and may have line breaks between its members: each line is one of the field's. */
function frameOf({ number, type, data }: Message): string {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `id: ${number}\nevent: ${type}\n${lines.join("")}\n`;
}

/** Of the answer alone, without its body. */
export function headersOf(correlationId: string): Readonly<Record<string, string>> {
  return {
    "content-type": "text/event-stream; charset=UTF-8",
    // No proxy is to keep, pack or gather it.
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
    "x-correlation-id": correlationId,
  };
}
