/** A service with four vendors of its own, spoken to over HTTP alone: what the stories are told over, the same on every platform. */
import type { Answered } from "../support/answers.ts";
import { fakeLane, type Lane } from "../../tools/fake-upstream/client.ts";
import { vendorNames, type VendorName } from "../../tools/fake-upstream/script.ts";

const tenants = ["one", "two", "three"] as const;
export type Tenant = (typeof tenants)[number];

export type Lanes = Readonly<Record<VendorName, Lane>>;

export interface StoryWorld {
  /** Each vendor by itself, so that a story at one changes nothing for a story at another. */
  readonly lanes: Lanes;
  /** One request, to whichever process comes next. The answer was held against the OpenAPI document. */
  ask(path: string, init?: RequestInit): Promise<Answered>;
}

/** Where stories are told. */
export interface Stand {
  readonly name: string;
  /** Once, for all stories. */
  open(): Promise<StoryWorld & { close(): Promise<void> }>;
}

/** Lanes that nobody else has, empty. */
export async function freshLanes(upstreamUrl: string, name: string): Promise<Lanes> {
  const lanes = vendorNames.map((vendor) => [vendor, fakeLane(upstreamUrl, `${name}-${vendor}`)] as const);
  await Promise.all(lanes.map(([, lane]) => lane.clear()));
  return Object.fromEntries(lanes) as Record<VendorName, Lane>;
}

/**
 * What makes a story quick in real time: its siblings in virtual time, with default settings, are in `test/gateway`. A ticket has at most two
 * attempts, and no live call is repeated.
 */
export async function storySettings(lanes: Lanes): Promise<Readonly<Record<string, string>>> {
  const keys = tenants.map(async (tenant) => `${tenant}:${await sha256(keyOf(tenant))}`);
  return {
    ENVIRONMENT: "test",
    API_KEYS: (await Promise.all(keys)).join(),
    OPERATOR_KEYS: `ops:${await sha256(operatorKey)},reader:${await sha256(readerKey)}!read`,
    LLM_MAX_RETRIES: "0",
    LLM_REQUEST_TIMEOUT_SECONDS: "60",
    CIRCUIT_BREAKER_FAILURE_THRESHOLD: "3",
    CIRCUIT_BREAKER_RECOVERY_TIMEOUT: "0.3",
    CIRCUIT_BREAKER_MAX_OPEN_SECONDS: "0.5",
    QUEUE_MAX_RETRIES: "1",
    QUEUE_MAX_MEMORY_MB: "1",
    QUEUE_POLL_INTERVAL_SECONDS: "0.2",
    ...Object.fromEntries(
      vendorNames.flatMap((vendor) => [
        [`${vendor.toUpperCase()}_API_KEY`, `key-to-${vendor}`],
        [`${vendor.toUpperCase()}_BASE_URL`, lanes[vendor].baseUrls[vendor]],
      ]),
    ),
  };
}

export const operatorKey = "lps_key-of-an-operator";
/** Of one who may only look. */
export const readerKey = "lps_key-of-a-reader";

export function keyOf(tenant: Tenant): string {
  return `lps_key-of-${tenant}`;
}

async function sha256(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
