import { subtleHmac } from "../../src/cloudflare/hmac.ts";
import { itSignsAsReceiversVerify } from "../contracts/signature.ts";

itSignsAsReceiversVerify(subtleHmac);
