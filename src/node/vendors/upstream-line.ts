/** One open connection to a vendor, seen from below undici. */
import type { Socket } from "node:net";

/** What is known of a connection that undici does not tell. */
export interface Line {
  /** Whole answers that have come over it. */
  served: number;
  /** Whether a byte came since the last request began. */
  heard: boolean;
  /** A request has begun, and the answer to it has not. */
  awaitsAnswer: boolean;
}

/**
 * Listens in on a socket that is about to become undici's, by its `read`, which is how undici takes bytes.
 *
 * Informational answers (1xx) that nobody asked for are left out: RFC 9110, 15.2 wants a client to bear them, and undici takes a `100 Continue` for a broken
 * connection (8.12.4, `lib/dispatcher/client-h1.js`, `onHeadersComplete`). A `101` goes through: what comes after it is another protocol.
 */
export function lineOver(socket: Socket): Line {
  const line: Line = { served: 0, heard: false, awaitsAnswer: false };
  const read: (size?: number) => Buffer | null = socket.read.bind(socket);
  /** The beginning of an answer of which not enough has come to tell what it is. */
  let kept: Buffer | null = null;

  function onlyTheAnswer(): Buffer | null {
    for (let piece = read(); piece !== null; piece = read()) {
      line.heard = true;
      let bytes: Buffer = kept === null ? piece : Buffer.concat([kept, piece]);
      kept = null;
      for (;;) {
        const endsAt = informationEndsAt(bytes);
        if (endsAt === "none") {
          line.awaitsAnswer = false;
          return bytes;
        }
        if (endsAt === "unknown") {
          kept = bytes;
          break;
        }
        bytes = bytes.subarray(endsAt);
      }
    }
    return null;
  }

  socket.read = (size?: number) => (line.awaitsAnswer ? onlyTheAnswer() : read(size));
  return line;
}

/** No head is longer than what undici takes of one. */
const longestHeadBytes = 16_384;

const one = "1".charCodeAt(0);

/** @returns where the informational answer at the beginning of these bytes ends; `unknown` while more must come */
function informationEndsAt(bytes: Buffer): number | "none" | "unknown" {
  // The first digit of the status, behind `HTTP/1.1 `: nearly always another one.
  if (bytes.length > 9 && bytes[9] !== one) return "none";
  const start = bytes.toString("latin1", 0, 12);
  if (start.length < 12) return "HTTP/1.1 1".startsWith(start.slice(0, 10)) ? "unknown" : "none";
  if (!/^HTTP\/1\.1 1(?!01)\d\d$/.test(start)) return "none";
  const blankLineAt = bytes.indexOf("\r\n\r\n");
  if (blankLineAt !== -1) return blankLineAt + 4;
  return bytes.length > longestHeadBytes ? "none" : "unknown";
}
