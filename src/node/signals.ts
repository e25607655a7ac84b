/**
 * Signals that ask for the end. They are heard from the very start, since a process that is the first of its container and does not listen
 * can't be asked. Further ones change nothing: a terminal's Ctrl-C reaches npm and the service, and npm passes its own on.
 */
export const askedToStop = new Promise<NodeJS.Signals>((resolve) => {
  process.on("SIGTERM", resolve);
  process.on("SIGINT", resolve);
});
