/** HTTP by hand, for what no well-behaved client sends. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawAnswer {
  /** All that came back. */
  readonly text: string;
  /** Bytes of the body that the other side took before it was over. */
  readonly bytesSent: number;
}

/**
 * Sends a head and then a body in pieces, until an answer is there, the connection is gone, or the pieces are out. Then waits for the other
 * side to close, or hangs up.
 */
export async function sendRaw(
  url: string,
  head: readonly string[],
  pieces: Iterable<string | Uint8Array>,
  end: "wait" | "hang_up" = "wait",
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = "";
  let gone = false;
  let bytesSent = 0;
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  // A connection that is reset while we still write is what such a client must expect.
  socket.on("error", () => {
    gone = true;
  });
  const closed = once(socket, "close");
  socket.on("close", () => {
    gone = true;
  });
  await Promise.race([once(socket, "connect"), closed]);
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  for (const piece of pieces) {
    if (gone || text !== "") break;
    bytesSent += Buffer.byteLength(piece);
    if (!socket.write(piece)) await Promise.race([drained(socket), closed]);
  }
  if (end === "hang_up") socket.destroy();
  await closed;
  return { text, bytesSent };
}

/** When there is room again, or an answer. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off("drain", done).off("data", done);
      resolve();
    };
    socket.on("drain", done).on("data", done);
  });
}
