/**
 * Loaded before the service in a process of a test: its wall clock is off by what a file says, read at the start and at each SIGUSR2. The
 * machine's own clock is everybody's, and a time namespace moves the monotonic one alone; so `Date` is what is moved here, in a real process.
 */
import { readFileSync } from "node:fs";

const file = String(process.env["WALL_CLOCK_FILE"]);
const RealDate = Date;
let aheadMs = read();

class MovedDate extends RealDate {
  constructor(...given: [] | [number | string | Date]) {
    super(...((given.length === 0 ? [MovedDate.now()] : given) as [number]));
  }
  static override now(): number {
    return RealDate.now() + aheadMs;
  }
}

globalThis.Date = MovedDate as DateConstructor;
process.on("SIGUSR2", () => {
  aheadMs = read();
});

function read(): number {
  return Number(readFileSync(file, "utf8"));
}
