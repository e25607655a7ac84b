/** What `/metrics` says, for who compares. */

/** Values by series, as Prometheus writes them: name, and labels in braces. */
export type Samples = ReadonlyMap<string, number>;

export function samplesIn(text: string): Samples {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** Adds up the series of one metric by some of their labels. @returns sums by the labels' values, joined by blanks; those that are 0 are left out */
export function summed(samples: Samples, metric: string, by: readonly string[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [series, value] of samples) {
    const [, name = "", labels = ""] = /^(\w+)(?:\{(.*)\})?$/.exec(series) ?? [];
    if (name !== `llm_provider_${metric}`) continue;
    const values = new Map(
      [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = "", is = ""]) => [label, is]),
    );
    const key = by.map((label) => values.get(label) ?? "").join(" ");
    if (value !== 0) sums[key] = (sums[key] ?? 0) + value;
  }
  return sums;
}
