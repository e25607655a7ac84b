/** Node under the routes: bodies and hang-ups straight from node:http, which costs nothing of what web-standard requests would. */
import { Buffer, isUtf8 } from "node:buffer";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { err, ok, type Result } from "../../domain/result.ts";
import { unaskedBytes, type BodyFault, type Platform } from "../../http/platform.ts";
import { isUpgraded, takeWebSocket } from "./web-sockets.ts";
import { gathered } from "../../providers/gathered.ts";

export const nodePlatform: Platform = {
  name: "node",
  readBody: (c, maxBytes, mayRead) => readBody(bindingsOf(c), maxBytes, mayRead),
  onHangUp(c, then) {
    const { outgoing } = bindingsOf(c);
    if (outgoing.destroyed) then();
    // `close` comes after a finished answer too, but by then the watch has ended.
    outgoing.once("close", then);
    return () => outgoing.off("close", then);
  },
  cutOff(c) {
    const { outgoing } = bindingsOf(c);
    // Once all is sent, the connection may be another request's.
    if (!outgoing.writableFinished) outgoing.destroy();
  },
  sockets: {
    kind: "here",
    isAsked: (c) => isUpgraded(bindingsOf(c).incoming),
    take(c, onGone) {
      const { incoming, outgoing } = bindingsOf(c);
      return takeWebSocket(incoming, outgoing, onGone);
    },
  },
  finishLater(_c, work) {
    work.catch(() => {});
  },
};

function bindingsOf(c: Context): HttpBindings {
  return c.env as HttpBindings;
}

function readBody(
  { incoming }: HttpBindings,
  maxBytes: number,
  mayRead: (bytes: number) => boolean = () => true,
): Promise<Result<string, BodyFault>> {
  const announced = incoming.headers["content-length"];
  const announcedBytes = announced === undefined ? null : Number(announced);
  if (announcedBytes !== null && announcedBytes > maxBytes) return Promise.resolve(err("too_large"));
  return new Promise((resolve) => {
    const gathering = gathered(maxBytes, announcedBytes, free);
    const settle = (read: Result<string, BodyFault>) => {
      incoming.off("data", onData).off("end", onEnd).off("close", onClose);
      gathering.end();
      resolve(read);
    };
    let readBytes = 0;
    let askedBytes = announcedBytes ?? unaskedBytes;
    const stop = (fault: BodyFault) => {
      incoming.pause();
      settle(err(fault));
    };
    const onData = (chunk: Buffer) => {
      readBytes += chunk.length;
      if (readBytes > askedBytes && readBytes <= maxBytes) {
        askedBytes = Math.min(2 * readBytes, maxBytes);
        if (!mayRead(askedBytes)) return stop("no_room");
      }
      if (!gathering.add(chunk)) stop("too_large");
    };
    const onEnd = () => {
      const body = gathering.bytes();
      const { buffer, byteOffset, length } = body;
      settle(isUtf8(body) ? ok(Buffer.from(buffer, byteOffset, length).toString("utf8")) : err("not_utf8"));
    };
    const onClose = () => settle(err("hung_up"));
    incoming.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}

/**
 * Gives memory back at once. What comes off the wire lies outside of V8's heap, and V8 is slow to collect what does: 600 bodies at once left as
 * much behind as all of them weigh. Only where nothing else lies in the same memory.
 */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
