/**
 * Starts the fake upstream once for all tests: those in workerd reach it over HTTP like any vendor. And lets every process of Node that tests start
 * keep what it has compiled for the next one: to compile the service takes longer than all else that it does at its start.
 */
import { resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { startFakeUpstream } from "../../tools/fake-upstream/server.ts";

declare module "vitest" {
  interface ProvidedContext {
    fakeUpstreamUrl: string;
  }
}

export default async function setup(project: TestProject) {
  process.env["NODE_COMPILE_CACHE"] ??= resolve("node_modules/.cache/compiled-by-node");
  const upstream = await startFakeUpstream();
  project.provide("fakeUpstreamUrl", upstream.url);
  return () => upstream.close();
}
