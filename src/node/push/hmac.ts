import { createHmac } from "node:crypto";
import type { Hmac } from "../../push/signature.ts";

export const nodeHmac: Hmac = (key, text) => createHmac("sha256", key).update(text, "utf8").digest("base64");
