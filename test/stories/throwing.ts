/** Loaded before the service (`node --import`), this makes its transport throw for one text, as a bug in an adapter would. */
import { Pool } from "undici";
import { throwingText } from "./throwing-text.ts";

const dispatch = Pool.prototype.dispatch;

Pool.prototype.dispatch = function throwing(options, handler) {
  if (String(options.body).includes(throwingText)) throw new TypeError("a bug of ours");
  return dispatch.call(this, options, handler);
};
