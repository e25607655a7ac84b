import { nodeHmac } from "../../../src/node/push/hmac.ts";
import { itSignsAsReceiversVerify } from "../../contracts/signature.ts";

itSignsAsReceiversVerify(nodeHmac);
