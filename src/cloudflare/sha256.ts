const encoder = new TextEncoder();

/** UTF-8 text to 64 hex digits. */
export async function sha256(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
  return digest.toHex();
}
