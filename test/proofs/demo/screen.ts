/** What the demo writes: sentences, and a table that is drawn in place on a terminal and told in plain lines elsewhere. */
import { stdout } from "node:process";

export interface Row {
  readonly number: number;
  readonly ticket: string;
  readonly status: string;
  /** Among those that wait; `null`: it does not wait. */
  readonly position: number | null;
  readonly failedAttempts: number;
}

interface Scene {
  readonly provider: string;
  readonly breaker: string;
  readonly rows: readonly Row[];
}

const isTerminal = stdout.isTTY && process.env["NO_COLOR"] === undefined;
const startedAtMs = performance.now();

export function heading(text: string): void {
  say(`\n${paint("bold", text)}\n`);
}

/** A paragraph, broken at words to fit a terminal. */
export function say(text: string): void {
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length >= 96) {
      console.log(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  console.log(line);
}

/** One comparison and its answer. */
export function answered(number: number, status: number, words: string): void {
  console.log(
    `  comparison ${String(number).padStart(2)}  ${paint(colours[status] ?? "red", String(status))}  ${words}`,
  );
}

export interface Board {
  draw(scene: Scene): void;
  /** Leaves the last drawing where it is. */
  end(): void;
}

export function openBoard(): Board {
  let height = 0;
  let latest = "";
  return {
    draw(scene) {
      if (!isTerminal) {
        const line = summary(scene);
        if (line !== latest) console.log(`  ${seconds().padStart(6)}  ${line}`);
        latest = line;
        return;
      }
      const lines = drawing(scene);
      // Back to the first line, and each line anew to its end.
      const back = height === 0 ? "" : `\u001b[${height}A`;
      stdout.write(`${back}${lines.map((line) => `\u001b[2K${line}\n`).join("")}`);
      height = lines.length;
    },
    end() {
      height = 0;
    },
  };
}

function drawing(scene: Scene): string[] {
  const state = (name: string) => paint(colours[name] ?? "yellow", name.replace("_", "-"));
  return [
    `  ${seconds().padStart(6)}   provider: ${state(scene.provider)}   breaker: ${state(scene.breaker)}`,
    paint("dim", "  comparison  ticket     state       place in queue  failed attempts"),
    ...scene.rows.map(({ number, ticket, status, position, failedAttempts }) =>
      [
        `  ${String(number).padStart(10)}`,
        ticket.slice(0, 8),
        paint(colours[status] ?? "red", status.padEnd(10)),
        String(position ?? "").padStart(14),
        String(failedAttempts).padStart(15),
      ].join("  "),
    ),
  ];
}

function summary({ provider, breaker, rows }: Scene): string {
  const states = ["queued", "processing", "completed", "failed", "expired"].flatMap((state) => {
    const count = rows.filter(({ status }) => status === state).length;
    return count === 0 ? [] : [`${count} ${state}`];
  });
  return `provider ${provider}, breaker ${breaker.replace("_", "-").padEnd(9)}  ${states.join(", ")}`;
}

function seconds(): string {
  return `${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`;
}

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

const colours: Readonly<Record<string, keyof typeof codes>> = {
  200: "green",
  202: "yellow",
  healthy: "green",
  closed: "green",
  completed: "green",
  half_open: "cyan",
  processing: "cyan",
  queued: "yellow",
  down: "red",
  open: "red",
};

function paint(colour: keyof typeof codes, text: string): string {
  return isTerminal ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}
