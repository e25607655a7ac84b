/** Redis' clock, in epoch milliseconds. */
export function timeMs(): number {
  const [seconds, microseconds] = redis.call("TIME") as readonly string[];
  return (tonumber(seconds) ?? 0) * 1000 + Math.floor((tonumber(microseconds) ?? 0) / 1000);
}
