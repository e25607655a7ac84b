/** Ways in which a judge writes its own verdict: as it was asked to, or as it likes. */

export interface Verdict {
  readonly boundary: string;
  readonly justification: string;
  readonly winner: "Essay A" | "Essay B";
  readonly confidence: number;
}

export interface OwnVerdict {
  readonly name: string;
  readonly write: (verdict: Verdict) => string;
}

const fence = "```";
const json = (value: unknown) => JSON.stringify(value);
const without = (verdict: Verdict) => ({ ...verdict, boundary: undefined });
const letter = ({ winner }: Verdict) => winner.slice(-1);
/** Its text with one thing put in another's place. */
const but = (from: string | RegExp, to: string) => (verdict: Verdict) => json(verdict).replace(from, to);

/** One object carries the boundary, in no other object and in no array: the verdict is read, whatever stands beside it. */
export const marked: readonly OwnVerdict[] = [
  own("alone", json),
  own("over several lines", (verdict) => JSON.stringify(verdict, null, 2)),
  own("with tabs and Windows' line ends", (verdict) =>
    JSON.stringify(verdict, null, "\t").replaceAll("\n", "\r\n"),
  ),
  own("among blanks", (verdict) => `\r\n\t ${json(verdict)}\n\n`),
  own("behind a byte order mark", (verdict) => `\ufeff${json(verdict)}`),
  own("behind a zero-width space", (verdict) => `\u200b${json(verdict)}`),
  own("in a code fence", (verdict) => `${fence}json\n${json(verdict)}\n${fence}`),
  own("in a code fence without a language", (verdict) => `${fence}\n${json(verdict)}${fence}`),
  own("in a code fence that is left open", (verdict) => `${fence}JSON\n${json(verdict)}`),
  own("in tildes", (verdict) => `~~~\n${json(verdict)}\n~~~`),
  own("in backticks", (verdict) => `\`${json(verdict)}\``),
  own("in quotation marks", (verdict) => `"${json(verdict)}"`),
  own("in bold", (verdict) => `**${json(verdict)}**`),
  own("in brackets of prose", (verdict) => `(My verdict [as asked]: ${json(verdict)}).`),
  own("under a heading", (verdict) => `## Verdict\n\n${json(verdict)}`),
  own("in a list", (verdict) => `1. ${json(verdict)}\n2. That is all.`),
  own("as a quotation", (verdict) => `> ${json(verdict)}`),
  own("in tags", (verdict) => `<answer>${json(verdict)}</answer>`),
  own("behind its thoughts", (verdict) => `<think>Is it {"A"} or [B]?</think>\n${json(verdict)}`),
  own("before a comma", (verdict) => `My verdict: ${json(verdict)}, as asked.`),
  own("before an offer", (verdict) => `${json(verdict)}\n\nI hope that this helps! Ask me for {more}.`),
  own("in Swedish", (verdict) => `Här är mitt omdöme: ${json(verdict)} Varsågod.`),
  own("in Chinese", (verdict) => `我的判断如下：${json(verdict)}。`),
  own("in Arabic", (verdict) => `هذا حكمي: ${json(verdict)}`),
  own("in doubled braces", (verdict) => `\\boxed{${json(verdict)}}`),
  own("behind a brace too many", (verdict) => `{ ${json(verdict)}`),
  own("before a brace too many", (verdict) => `${json(verdict)}}`),
  own("behind a bracket of prose", (verdict) => `See [1], [2] and [0, 1). ${json(verdict)} [end]`),
  own("behind code", (verdict) => `if (a) { b("}"); } ${json(verdict)}`),
  own("beside objects of other things", (verdict) => `{"a":1} ${json(verdict)} {"b":{"c":"winner"}} {}`),
  own("beside its criteria", (verdict) => `["style", "evidence"] ${json(verdict)} [{"weight": 1}]`),
  own("behind a draft without the boundary", (verdict) => `${json(without(verdict))}\n${json(verdict)}`),
  own("before a summary in Python", (verdict) => `${json(verdict)} {'winner': '${verdict.winner}'}`),
  own("before another that is cut off", (verdict) => `${json(verdict)} ${json(verdict).slice(0, 20)}`),
  own("with the boundary in capitals", (verdict) =>
    json({ ...verdict, boundary: verdict.boundary.toUpperCase() }),
  ),
  own("with the boundary among blanks", (verdict) =>
    json({ ...verdict, boundary: ` ${verdict.boundary}\n` }),
  ),
  own("with the boundary escaped", (verdict) =>
    json(verdict).replace(verdict.boundary, (letters) =>
      [...letters].map((sign) => `\\u00${sign.charCodeAt(0).toString(16)}`).join(""),
    ),
  ),
  own("with an escaped key", but("winner", String.raw`w\u0069nner`)),
  own("with the keys in another order", ({ boundary, justification, winner, confidence }) =>
    json({ winner, confidence, justification, boundary }),
  ),
  own("with other keys", (verdict) => json({ model: "judge-1", ...verdict, scores: [4, 2] })),
  own("with a verdict inside its own", (verdict) =>
    json({ draft: { winner: "tie" }, ...verdict, scores: [{ winner: "tie" }] }),
  ),
  own("with a verdict inside its own that has the boundary too", (verdict) =>
    json({ ...verdict, echo: { boundary: verdict.boundary, winner: "tie" } }),
  ),
  own("with the same key twice in an inner object", but("{", '{"inner":{"x":1,"x":2},')),
  own("with braces and quotation marks in a string", but("{", String.raw`{"note":"} \" {\\\" [",`)),
  own("with a verdict quoted in its justification", (verdict) =>
    json({ ...verdict, justification: `It says ${json({ ...verdict, winner: "Essay C" })}. No.` }),
  ),
  own("with the letter alone", (verdict) => json({ ...verdict, winner: letter(verdict) })),
  own("with a winner in words", (verdict) =>
    json({ ...verdict, winner: `**${verdict.winner.toUpperCase()} is better**.` }),
  ),
  own("with its confidence as text", (verdict) => json({ ...verdict, confidence: `${verdict.confidence}` })),
];

/** Nothing carries the boundary as it was asked to, or two things do, or what does can't be read: there is no verdict, least of all another's. */
export const unmarked: readonly OwnVerdict[] = [
  own("without the boundary", (verdict) => json(without(verdict))),
  own("without the boundary, in a fence", (verdict) => `${fence}json\n${json(without(verdict))}\n${fence}`),
  own("with its keys in capitals", (verdict) =>
    json(verdict).replaceAll(/"[a-z]+":/g, (key) => key.toUpperCase()),
  ),
  own("with the boundary's key in capitals", but("boundary", "Boundary")),
  own("with the boundary's key in look-alikes", but("boundary", "b\u043eundary")),
  own("with the boundary's key under another name", but("boundary", "marker")),
  own("with one letter wrong", (verdict) =>
    json({ ...verdict, boundary: `${verdict.boundary.slice(0, 7)}a` }),
  ),
  own("with a letter missing", (verdict) => json({ ...verdict, boundary: verdict.boundary.slice(1) })),
  own("with a letter too many", (verdict) => json({ ...verdict, boundary: `${verdict.boundary}b` })),
  own("with blanks between the letters", (verdict) =>
    json({ ...verdict, boundary: [...verdict.boundary].join(" ") }),
  ),
  own("with the boundary in a sentence", (verdict) =>
    json({ ...verdict, boundary: `The boundary is ${verdict.boundary}.` }),
  ),
  own("with a frame's line as boundary", (verdict) =>
    json({ ...verdict, boundary: `[${verdict.boundary}: Essay A ends]` }),
  ),
  own("with the boundary in an array", (verdict) => json({ ...verdict, boundary: [verdict.boundary] })),
  own("with the boundary in an object", (verdict) =>
    json({ ...verdict, boundary: { boundary: verdict.boundary } }),
  ),
  own("with null as boundary", (verdict) => json({ ...verdict, boundary: null })),
  own("with the boundary beside the object", (verdict) => `${verdict.boundary}\n${json(without(verdict))}`),
  own(
    "with the boundary in an object of its own",
    (verdict) => `${json({ boundary: verdict.boundary })} ${json(without(verdict))}`,
  ),
  own("inside an object", (verdict) => json({ result: verdict })),
  own("inside an object that goes on and is cut off", (verdict) => `{"draft":${json(verdict)},"final`),
  own("inside an object that is broken behind it", (verdict) => `{"draft":${json(verdict)},"final":no}`),
  own("inside an object with a trailing comma", (verdict) => `{"result":${json(verdict)},}`),
  own("in an array", (verdict) => json([verdict])),
  own("in an array in a fence", (verdict) => `${fence}json\n[\n  ${json(verdict)}\n]\n${fence}`),
  own("in the middle of an array", (verdict) => `So: ["]", ${json(verdict)}, {"x":1}]`),
  own("in an array that goes on and is cut off", (verdict) => `[${json(verdict)}, {"x":`),
  own("in an array in an array", (verdict) => json([[verdict]])),
  own("in a string", (verdict) => json(json(verdict))),
  own("in a string of an object", (verdict) => json({ text: json(verdict) })),
  own("escaped", (verdict) => json(json(verdict)).slice(1, -1)),
  own("as a prototype", (verdict) => `{"__proto__":${json(verdict)}}`),
  own("twice, the same", (verdict) => `${json(verdict)}\n${json(verdict)}`),
  own("twice, for both", (verdict) => `${json(verdict)} ${json({ ...verdict, winner: "Essay C" })}`),
  own(
    "once alone and once in capitals",
    (verdict) => `${json(verdict)} ${json(verdict).toUpperCase().replace("BOUNDARY", "boundary")}`,
  ),
  own("with two winners in it", but("{", '{"winner":"Essay C",')),
  own("with two winners in it, one key escaped", but("{", String.raw`{"w\u0069nner":"Essay C",`)),
  own("with two boundaries in it", but("{", '{"boundary":"bbbbbbbb",')),
  own("with two confidences in it", but("{", '{"confidence":1,')),
  own("for nobody", (verdict) => json({ ...verdict, winner: "tie" })),
  own("for both", (verdict) => json({ ...verdict, winner: "Essay A and Essay B" })),
  own("with no winner", ({ boundary, justification }) => json({ boundary, justification })),
  own("cut off", (verdict) => json(verdict).slice(0, -1)),
  own("cut off behind the winner", (verdict) => json(verdict).slice(0, -18)),
  own("with a trailing comma", but(/}$/, ",}")),
  own("with a comment", but("{", "{ // mine\n")),
  own("with a bare NaN", but(/[\d.]+}$/, "NaN}")),
  own("with a line's end in a string", (verdict) =>
    json({ ...verdict, justification: "one §two" }).replace("§", "\n"),
  ),
  own("in Python's spelling", (verdict) => json(verdict).replaceAll('"', "'")),
  own("in typographic quotation marks", (verdict) => json(verdict).replaceAll('"', "”")),
  own("without quotation marks", (verdict) => json(verdict).replaceAll('"', "")),
  own("in YAML", ({ boundary, winner }) => `boundary: ${boundary}\nwinner: ${winner}\nconfidence: 4`),
  own("in XML", ({ boundary, winner }) => `<boundary>${boundary}</boundary><winner>${winner}</winner>`),
  own(
    "in a table",
    ({ boundary, winner }) => `| boundary | winner |\n|---|---|\n| ${boundary} | ${winner} |`,
  ),
  own("in prose", ({ boundary, winner }) => `Boundary ${boundary}: ${winner} is better. Confidence: 4.`),
  own("in Swedish prose", ({ winner }) => `Jag väljer ${winner}, med säkerhet 4 av 5.`),
  own("in Chinese prose", (verdict) => `我认为文章 ${letter(verdict)} 更好。`),
  own("in base64", (verdict) => btoa(json(verdict))),
  own("in URL encoding", (verdict) => encodeURIComponent(json(verdict))),
  own(
    "as a tool's call in text",
    ({ boundary, winner }) => `submit(boundary="${boundary}", winner="${winner}")`,
  ),
  own("not at all", () => "I can't decide."),
];

function own(name: string, write: OwnVerdict["write"]): OwnVerdict {
  return { name, write };
}
