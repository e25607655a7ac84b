/**
 * Says in a sentence what `npm start` would say by a stack: that this is another Node than the service is made for, or that its packages are
 * missing. Runs on whatever Node there is, so nothing stands here that an old one could not read.
 */
"use strict";

const wanted = require("../../package.json").dependencies.node;
const found = process.versions.node;

/** A whole number, the first of three. */
const majorOf = (version) => Number(version.split(".")[0]);

function areInstalled() {
  try {
    require.resolve("hono");
    return true;
  } catch {
    return false;
  }
}

function whyNot() {
  if (!areInstalled()) return "The packages of this service are not installed: npm ci installs them.";
  if (majorOf(found) >= majorOf(wanted)) return null;
  return `This service runs on Node ${majorOf(wanted)} or later, and this is Node ${found}. Node ${wanted} comes with its packages, unless npm was told to run no install scripts (ignore-scripts): then
  npm rebuild node --ignore-scripts=false
brings it, or install Node ${majorOf(wanted)} yourself.`;
}

const why = whyNot();
if (why !== null) {
  process.stderr.write(`${why}\n`);
  process.exitCode = 1;
}
