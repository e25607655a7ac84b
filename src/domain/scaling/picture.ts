/** The scores as a picture: a row for each essay, its score a dot, its 95 % interval a bar. */
import type { Score } from "./scores.ts";

const rowHeight = 20;
const labelWidth = 170;
const plotWidth = 560;
const margin = 16;
/** Above the first row: the title, and what the axis means. */
const headHeight = 62;
const longestLabel = 24;

/**
 * SVG that needs nothing else, scripts and fonts included. Colours follow the reader's choice of light or dark.
 *
 * @param scores as they stand in a report
 */
export function pictureOf(scores: readonly Score[], title: string): string {
  const scored = scores.filter(({ theta }) => theta !== null);
  const scale = scaleOfAxis(scored);
  const rows = rowsOf(scored);
  const height = headHeight + (rows.at(-1)?.y ?? 0) + rowHeight + 40;
  const width = labelWidth + plotWidth + 2 * margin;
  const bottom = height - 34;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title" font-family="system-ui, sans-serif" font-size="12">`,
    `<title id="title">${escaped(title)}</title>`,
    style,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    `<text x="${margin}" y="26" font-size="16">${escaped(title)}</text>`,
    `<text class="dim" x="${margin}" y="44">${whatIsShown(scored, scores.length - scored.length)}</text>`,
    ...ticksOf(scale).map(
      (tick) =>
        `<path class="grid" d="M${fixed(scale.xOf(tick))} ${headHeight - 8}V${bottom}"/><text class="dim" x="${fixed(scale.xOf(tick))}" y="${bottom + 16}" text-anchor="middle">${tick}</text>`,
    ),
    ...rows.map(({ score, y, opensGroup }) => rowText(score, headHeight + y, scale, opensGroup)),
    "</svg>",
    "",
  ].join("\n");
}

const style = `<style>
.paper{fill:#fff}text{fill:#1b1b1b}.dim{fill:#5c5c5c}.grid{stroke:#d9d9d9}.bar{stroke:#2b5d8c;stroke-width:2}.dot{fill:#2b5d8c}.anchor{fill:#1b1b1b}
@media (prefers-color-scheme:dark){.paper{fill:#161616}text{fill:#eaeaea}.dim{fill:#a8a8a8}.grid{stroke:#3a3a3a}.bar{stroke:#8ab8e6}.dot{fill:#8ab8e6}.anchor{fill:#eaeaea}}
</style>`;

function whatIsShown(scored: readonly Score[], left: number): string {
  const shown = scored.some(({ ci95 }) => ci95 !== null)
    ? "Score in logits with its 95 % interval"
    : "Score in logits; there are no intervals";
  return left === 0 ? shown : `${shown}; ${left} without verdicts left out`;
}

interface Axis {
  readonly low: number;
  readonly high: number;
  readonly xOf: (theta: number) => number;
}

function scaleOfAxis(scores: readonly Score[]): Axis {
  const ends = scores.flatMap(({ theta, ci95 }) => ci95 ?? [theta ?? 0, theta ?? 0]);
  const [low, high] = [Math.floor(Math.min(-1, ...ends)), Math.ceil(Math.max(1, ...ends))];
  const start = margin + labelWidth;
  return { low, high, xOf: (theta) => start + ((theta - low) / (high - low)) * plotWidth };
}

function ticksOf({ low, high }: Axis): readonly number[] {
  const apart = Math.max(1, Math.ceil((high - low) / 12));
  const first = Math.ceil(low / apart) * apart;
  return Array.from({ length: Math.floor((high - first) / apart) + 1 }, (_, at) => first + at * apart);
}

/** Groups that can't be compared stand apart, under a line that says so. */
function rowsOf(
  scores: readonly Score[],
): readonly { readonly score: Score; readonly y: number; readonly opensGroup: boolean }[] {
  const isDivided = new Set(scores.map(({ group }) => group)).size > 1;
  let y = 0;
  return scores.map((score, at) => {
    const opensGroup = isDivided && score.group !== scores[at - 1]?.group;
    y += opensGroup ? 2 * rowHeight : rowHeight;
    return { score, y: y - rowHeight, opensGroup };
  });
}

function rowText(score: Score, y: number, { xOf }: Axis, opensGroup: boolean): string {
  const { essay, rank, theta, ci95, flags, group } = score;
  const label = essay.length > longestLabel ? `${[...essay].slice(0, longestLabel - 1).join("")}…` : essay;
  const [low, high] = ci95 ?? [theta ?? 0, theta ?? 0];
  const isAnchor = flags.includes("anchor");
  const said = `${essay}: ${fixed(theta ?? 0)}${ci95 === null ? "" : ` (${fixed(low)} to ${fixed(high)})`}`;
  const parts = [
    `<title>${escaped(said)}</title>`,
    `<text x="${margin + 22}" y="${y + 4}" text-anchor="end" class="dim">${rank ?? ""}</text>`,
    `<text x="${margin + 32}" y="${y + 4}">${escaped(label)}</text>`,
    ci95 === null ? "" : `<path class="bar" d="M${fixed(xOf(low))} ${y}H${fixed(xOf(high))}"/>`,
    isAnchor
      ? `<rect class="anchor" x="${fixed(xOf(theta ?? 0) - 4)}" y="${y - 4}" width="8" height="8"/>`
      : `<circle class="dot" cx="${fixed(xOf(theta ?? 0))}" cy="${y}" r="4"/>`,
  ];
  const head = opensGroup
    ? `<text class="dim" x="${margin}" y="${y - rowHeight + 4}">Group ${group}: comparable with none of the others</text>\n`
    : "";
  return `${head}<g>${parts.join("")}</g>`;
}

function fixed(number: number): string {
  return String(Math.round(number * 100) / 100);
}

/** Characters that XML has no place for are left out. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
