/** The clock of our Durable Objects, in epoch milliseconds. One value for all of them, so that a test can set it; nothing else does. */
export const clock = { nowMs: (): number => Date.now() };
