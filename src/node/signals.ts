/**
 * Signals that ask for the end. They are heard from the very start, since a process that is the first of its container and does not listen
 * can't be asked. Further ones change nothing: a terminal's Ctrl-C reaches npm and the service, and npm passes its own on. A terminal that is
 * closed (SIGHUP) would end the process in any case, since Node undoes what `nohup` did (26.10).
 */
export const askedToStop = new Promise<NodeJS.Signals>((resolve) => {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, resolve);
});
