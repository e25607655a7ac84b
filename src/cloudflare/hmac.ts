import type { Hmac } from "../push/signature.ts";

const encoder = new TextEncoder();

export const subtleHmac: Hmac = async (key, text) => {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(algorithm, imported, encoder.encode(text))).toBase64();
};
