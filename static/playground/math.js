// Where LaTeX stands in a model's Markdown, as playground/mathematics.py has it, and what KaTeX makes of it.
import { sanitised } from "./sanitising.js";

const INLINE_MAX = 1000;
const BLOCK_LINES_MAX = 50;
const CLOSERS = { "$$": "$$", "\\(": "\\)", "\\[": "\\]" };
const isDisplay = (opener) => opener === "$$" || opener === "\\[";
const trimmed = (text) => text.replace(/^[ \t\n]+|[ \t\n]+$/g, "");
// "5 for this and 6" between two dollars is about money.
const PROSE = /[A-Za-z]{2,}[ \n]+[A-Za-z]{2,}/;

const find = (source, words, start, limit) => {
  const place = source.slice(start, limit).indexOf(words);
  return place < 0 ? -1 : start + place;
};

const dollarEnd = (source, start) => {
  const limit = start + INLINE_MAX;
  let end = find(source, "$", start + 1, limit);
  while (end > 0 && source[end - 1] === "\\") end = find(source, "$", end + 1, limit);
  if (end < 0) return null;
  const inside = source.slice(start + 1, end);
  if (/[ \t\n]$/.test(inside) || inside.includes("`") || /[0-9A-Za-z]/.test(source[end + 1] ?? "")) return null;
  const isMoney = /^[0-9]/.test(inside) && !inside.includes("\\") && PROSE.test(inside);
  return isMoney ? null : end + 1;
};

// Where the formula ends that begins at `start`; null: there is none.
export const formulaEnd = (source, start) => {
  const opener = source.slice(start, start + 2);
  const closer = CLOSERS[opener];
  if (closer) {
    const end = find(source, closer, start + 2, start + INLINE_MAX);
    const inside = source.slice(start + 2, end);
    return end > 0 && trimmed(inside) && !inside.includes("`") ? end + 2 : null;
  }
  if (source[start] !== "$" || opener.length === 1 || " \t\n".includes(opener[1])) return null;
  if (start && /[0-9A-Za-z$]/.test(source[start - 1])) return null;
  return dollarEnd(source, start);
};

const inlineRule = (state, silent) => {
  if (!"$\\".includes(state.src[state.pos])) return false;
  const end = formulaEnd(state.src, state.pos);
  if (end === null || end > state.posMax) return false;
  if (!silent) state.push("math_inline", "", 0).content = state.src.slice(state.pos, end);
  state.pos = end;
  return true;
};

const closingLine = (state, start, end, closer) => {
  const limit = Math.min(end, start + BLOCK_LINES_MAX);
  const place = find(state.src, closer, state.bMarks[start] + state.tShift[start] + 2, state.eMarks[limit - 1]);
  for (let line = start; line < limit; line += 1) {
    if (line > start && (state.isEmpty(line) || state.sCount[line] < state.blkIndent)) return null;
    if (place >= 0 && place < state.eMarks[line]) return line;
  }
  // While an answer is written, the end of its last formula is still to come.
  return place < 0 && state.env.isWriting && limit === state.lineMax && limit === end ? limit - 1 : null;
};

const blockRule = (state, start, end, silent) => {
  if (state.sCount[start] - state.blkIndent >= 4) return false;
  const place = state.bMarks[start] + state.tShift[start];
  const opener = state.src.slice(place, place + 2);
  if (!isDisplay(opener)) return false;
  const closer = CLOSERS[opener];
  const last = closingLine(state, start, end, closer);
  if (last === null) return false;
  const lines = trimmed(state.getLines(start, last + 1, state.blkIndent, false));
  const isOpen = state.env.isWriting && !lines.slice(2).includes(closer);
  const inside = lines.slice(2, -2);
  if (!isOpen && (!trimmed(inside) || !lines.endsWith(closer) || inside.includes(closer))) return false;
  if (!silent) {
    const token = state.push("math_block", "div", 0);
    token.content = lines;
    token.map = [start, last + 1];
    state.line = last + 1;
  }
  return true;
};

export const mathPlugin = (parser) => {
  const { escapeHtml } = parser.utils;
  parser.inline.ruler.before("escape", "math_inline", inlineRule);
  parser.block.ruler.before("fence", "math_block", blockRule, { alt: ["paragraph", "reference", "blockquote", "list"] });
  const html = (tag) => (tokens, index) => {
    const source = tokens[index].content;
    const scrolls = isDisplay(source.slice(0, 2)) ? ' is-display" tabindex="0" role="group" aria-label="Formula"' : '"';
    return `<${tag} class="answer-math${scrolls}>${escapeHtml(source)}</${tag}>`;
  };
  parser.renderer.rules.math_inline = html("span");
  const block = html("div");
  parser.renderer.rules.math_block = (tokens, index) => `${block(tokens, index)}\n`;
};

// Deeper nesting is no formula that anybody reads, and browsers lay it out slowly.
const DEPTH_MAX = 40;
const isDeep = (source) => {
  let depth = 0;
  for (const sign of source) {
    if (sign === "{") depth += 1;
    if (sign === "}") depth -= 1;
    if (depth > DEPTH_MAX) return true;
  }
  return false;
};

const OPTIONS = {
  output: "mathml", throwOnError: true, strict: "ignore", trust: false, maxSize: 20, maxExpand: 200,
};

// A formula as MathML; null where it is none that KaTeX reads, or its end is still to come.
export const formula = (katex, source) => {
  const closer = CLOSERS[source.slice(0, 2)] ?? "$";
  const inside = source.slice(closer.length, -closer.length);
  if (!inside || !source.endsWith(closer) || isDeep(inside)) return null;
  try {
    const html = katex.renderToString(inside, { ...OPTIONS, displayMode: isDisplay(source.slice(0, 2)), macros: {} });
    // A frame's style: the policy would refuse it, and say so, while the formula is sanitised.
    return sanitised.formula(html.replace(/ style="[^"]*"/g, ""));
  } catch {
    // What cannot be read, or is too deep or too long for KaTeX, stays as the model wrote it.
    return null;
  }
};
