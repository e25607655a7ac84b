/** What the stores over Redis need of it, whatever brings the bytes there. */
export interface Redis {
  /**
   * Runs the script (`script/main.ts`) in one round trip.
   *
   * @param needsRoom it adds something, so it is refused where Redis' memory is full; others must go on, for they make room
   * @throws {StoreAway} no answer in time, or none that can be used: the outcome is unknown
   */
  run(call: string, texts: readonly string[], needsRoom: boolean): Promise<readonly unknown[]>;
  /** One command, in one round trip. @throws {StoreAway} likewise */
  command(...command: readonly string[]): Promise<unknown>;
}

/** What all our keys begin with. */
export const root = "llm-provider-service:";

/** Processes are told here when tickets can be taken. */
export const wakeChannel = `${root}gate:wake`;

/** @param message provider, the moment of the message, and that of the next look, or nothing */
export function readWake(message: string): {
  readonly provider: string;
  readonly nowMs: number;
  readonly wakeAtMs: number | null;
} {
  const [provider = "", nowMs = "", wakeAtMs = ""] = message.split(" ");
  return { provider, nowMs: Number(nowMs), wakeAtMs: wakeAtMs === "" ? null : Number(wakeAtMs) };
}
