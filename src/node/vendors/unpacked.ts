/** Answers that come compressed, though we ask for none. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, zstdDecompress } from "node:zlib";
import { err, ok, type Result } from "../../domain/result.ts";

type Decoder = (bytes: Uint8Array, limits: { readonly maxOutputLength: number }) => Promise<Buffer>;

const decoders = new Map<string, Decoder>([
  ["gzip", promisify(gunzip)],
  ["x-gzip", promisify(gunzip)],
  ["br", promisify(brotliDecompress)],
  ["deflate", promisify(inflate)],
  ["zstd", promisify(zstdDecompress)],
]);

/**
 * An answer's bytes as they were before they were compressed. With a word that nobody knows they are taken as they are: such words were seen beside plain
 * bodies only.
 *
 * @param encoding the header's value, in any case; `null` where it is absent
 * @returns the bytes themselves where there is nothing to unpack; `too_large` past `mostBytes`, else the code of what is wrong with them
 */
export function unpacked(
  encoding: string | null,
  bytes: Uint8Array,
  mostBytes: number,
): Uint8Array | Promise<Result<Uint8Array, string>> {
  const words = (encoding ?? "")
    .split(",")
    .map((word) => word.trim().toLowerCase())
    .filter((word) => word !== "" && word !== "identity");
  const known = words.map((word) => decoders.get(word)).filter((decoder) => decoder !== undefined);
  if (words.length === 0 || known.length < words.length) return bytes;
  // The last word was applied last.
  return unpack(bytes, known.toReversed(), mostBytes);
}

/** Who compresses unasked must not fill the memory with it. */
async function unpack(
  packed: Uint8Array,
  decodersInOrder: readonly Decoder[],
  mostBytes: number,
): Promise<Result<Uint8Array, string>> {
  let bytes = packed;
  try {
    for (const decoder of decodersInOrder) bytes = await decoder(bytes, { maxOutputLength: mostBytes });
    return ok(bytes);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "UNPACKING_FAILED";
    return err(code === "ERR_BUFFER_TOO_LARGE" ? "too_large" : code);
  }
}
