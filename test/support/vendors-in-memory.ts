/** All four vendors in memory, as strict as the fake upstream is, with one judge behind them. */
import { stage, stageTrouble } from "../../tools/fake-upstream/faults.ts";
import type { Vendor } from "../../tools/fake-upstream/vendor.ts";
import { anthropic } from "../../tools/fake-upstream/vendors/anthropic.ts";
import { google } from "../../tools/fake-upstream/vendors/google.ts";
import { openai } from "../../tools/fake-upstream/vendors/openai.ts";
import { openrouter } from "../../tools/fake-upstream/vendors/openrouter.ts";
import type { Script } from "./scripted-transport.ts";
import { boundaryAsked } from "../../tools/fake-upstream/signed.ts";

/** Keys for all of them; each is asked at its own address. */
export const vendorKeys = {
  ANTHROPIC_API_KEY: "a-key",
  OPENAI_API_KEY: "o-key",
  GOOGLE_API_KEY: "g-key",
  OPENROUTER_API_KEY: "r-key",
};

const vendors: readonly (readonly [host: string, vendor: Vendor])[] = [
  ["api.anthropic.com", anthropic],
  ["api.openai.com", openai],
  ["generativelanguage.googleapis.com", google],
  ["openrouter.ai", openrouter],
];

/** @param judge what it writes, word for word; it is told the boundary that it is asked for, or an empty one */
export function vendorsInMemory(judge: (boundary: string) => string): Script {
  return ({ method, url, headers, body }, index) => {
    const { host, pathname, searchParams } = new URL(url);
    const vendor = vendors.find(([name]) => name === host)?.[1];
    if (vendor === undefined) throw new Error(`${host} is no vendor's`);
    const heard = { method, path: pathname, query: searchParams, headers, bodyText: body ?? "" };
    const asked = vendor.read(heard);
    const id = String(index);
    if (!asked.ok) return played(stageTrouble(vendor, asked.error, id));
    const { value } = asked;
    const step =
      value.route === "judgement" ? { text: judge(boundaryAsked(value.question.promptText) ?? "") } : null;
    return played(stage(vendor, value, step, id));
  };
}

function played({ status, headers, body }: ReturnType<typeof stage>) {
  return { status, headers, text: body };
}
