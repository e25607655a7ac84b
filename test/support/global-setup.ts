/** Starts the fake upstream once for all tests: those in workerd reach it over HTTP like any vendor. */
import type { TestProject } from "vitest/node";
import { startFakeUpstream } from "../../tools/fake-upstream/server.ts";

declare module "vitest" {
  interface ProvidedContext {
    fakeUpstreamUrl: string;
  }
}

export default async function setup(project: TestProject) {
  const upstream = await startFakeUpstream();
  project.provide("fakeUpstreamUrl", upstream.url);
  return () => upstream.close();
}
