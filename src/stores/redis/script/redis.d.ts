/** What Redis gives a script. Source: https://redis.io/docs/latest/develop/programmability/lua-api/ */
declare const redis: {
  /** Raises an error, which ends the script, where the command fails. */
  call(this: void, command: string, ...args: readonly (string | number)[]): unknown;
};
declare const cjson: {
  /** Empty tables become `{}`, and 14 digits of a number are kept. */
  encode(this: void, value: unknown): string;
  /** @throws for a lone surrogate: what callers wrote is never decoded here */
  decode(this: void, text: string): unknown;
};
/** One: what all keys begin with. */
declare const KEYS: readonly string[];
/** The call as JSON without nulls, then texts that are stored as they are. */
declare const ARGV: readonly string[];
declare const tonumber: (this: void, text: unknown) => number | undefined;
declare const string: { format(this: void, pattern: string, value: number): string };
