/** What is shipped for supervisors and clusters gives the service what docs/operate.md says that it needs. */
import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const read = (file: string) => readFileSync(`deploy/${file}`, "utf8");
const numberIn = (file: string, pattern: RegExp) => Number(pattern.exec(read(file))?.[1]);

/** What it may take after its delay (docs/operate.md). */
const stopSeconds = 25;

it.each([
  ["compose.yaml", /STOP_DELAY_SECONDS: "(\d+)"/, /stop_grace_period: (\d+)s/],
  ["kubernetes.yaml", /STOP_DELAY_SECONDS, value: "(\d+)"/, /terminationGracePeriodSeconds: (\d+)/],
  ["llm-provider-service.service", null, /TimeoutStopSec=(\d+)/],
])("%s gives a stop the time that it takes", (file, delay, grace) => {
  const delaySeconds = delay === null ? 5 : numberIn(file, delay);
  expect(numberIn(file, grace)).toBeGreaterThanOrEqual(delaySeconds + stopSeconds);
});

it("the image holds the Node that the service is made for, and no file that isn't there is copied into it", () => {
  const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
    dependencies: { node: string };
  };
  expect(numberIn("Dockerfile", /^FROM node:(\d+)/m)).toBe(Number(dependencies.node.split(".")[0]));
  const copied = [...read("Dockerfile").matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, from = ""]) =>
    from.split(" "),
  );
  expect(copied.filter((file) => !existsSync(file))).toEqual([]);
  const allowed = [...read("Dockerfile.dockerignore").matchAll(/^!(.+)$/gm)].map(([, file]) => file);
  expect(allowed).toEqual(copied);
});
