/** Redis' wire protocol (RESP2), as far as the tests' own parts speak it. Knows no sockets. */

export type Argument = string | number | Buffer;

/** A status and a bulk string are told apart: Upstash encodes the one and not the other. Errors are values, also inside an array. */
export type Reply =
  | { readonly kind: "status"; readonly text: string }
  | { readonly kind: "error"; readonly message: string }
  | { readonly kind: "integer"; readonly value: number }
  | { readonly kind: "bulk"; readonly bytes: Buffer }
  | { readonly kind: "array"; readonly items: readonly Reply[] }
  | { readonly kind: "null" };

/** What a test compares. */
export type Plain = string | number | null | readonly Plain[];

export function encode(command: readonly Argument[]): Buffer {
  const parts = command.flatMap((argument) => {
    const bytes = Buffer.isBuffer(argument) ? argument : Buffer.from(String(argument));
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")];
  });
  return Buffer.concat([Buffer.from(`*${command.length}\r\n`), ...parts]);
}

/**
 * The reply that begins at this offset, and where the next one does. `null`: it is not all there yet.
 *
 * @throws {Error} where it isn't RESP2
 */
export function decode(bytes: Buffer, offset = 0): { readonly reply: Reply; readonly next: number } | null {
  const lineEnd = bytes.indexOf("\r\n", offset);
  if (lineEnd < 0) return null;
  const type = bytes.toString("latin1", offset, offset + 1);
  const line = bytes.toString("utf8", offset + 1, lineEnd);
  const next = lineEnd + 2;
  switch (type) {
    case "+":
      return { reply: { kind: "status", text: line }, next };
    case "-":
      return { reply: { kind: "error", message: line }, next };
    case ":":
      return { reply: { kind: "integer", value: Number(line) }, next };
    case "$":
      return decodeBulk(bytes, next, Number(line));
    case "*":
      return decodeArray(bytes, next, Number(line));
    default:
      throw new Error(`Not RESP2: ${JSON.stringify(type + line.slice(0, 50))}`);
  }
}

function decodeBulk(bytes: Buffer, start: number, length: number): ReturnType<typeof decode> {
  if (length < 0) return { reply: { kind: "null" }, next: start };
  const end = start + length;
  if (bytes.length < end + 2) return null;
  // A copy: the rest of the chunk may go.
  return { reply: { kind: "bulk", bytes: Buffer.from(bytes.subarray(start, end)) }, next: end + 2 };
}

function decodeArray(bytes: Buffer, start: number, length: number): ReturnType<typeof decode> {
  if (length < 0) return { reply: { kind: "null" }, next: start };
  const items: Reply[] = [];
  let next = start;
  while (items.length < length) {
    const item = decode(bytes, next);
    if (item === null) return null;
    items.push(item.reply);
    next = item.next;
  }
  return { reply: { kind: "array", items }, next };
}

/** @throws {Error} with Redis' own words, where the reply or anything in it is an error */
export function plain(reply: Reply): Plain {
  switch (reply.kind) {
    case "status":
      return reply.text;
    case "error":
      throw new Error(reply.message);
    case "integer":
      return reply.value;
    case "bulk":
      return reply.bytes.toString("utf8");
    case "array":
      return reply.items.map(plain);
    case "null":
      return null;
  }
}
