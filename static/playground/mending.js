// Half-finished Markdown, made to look as it will: an answer is read while it is written.
import { formulaEnd } from "./math.js";

const escaped = (text) => text.replace(/[!-/:-@[-`{-~]/g, "\\$&");

const runEnd = (text, start) => {
  let end = start;
  while (text[end] === text[start]) end += 1;
  return end;
};

// One run of asterisks, underscores or tildes against those still open: it closes, opens, or both.
const pair = (open, content, start, end) => {
  const sign = content[start];
  let left = end - start;
  const before = content[start - 1] ?? " ";
  const after = content[end] ?? " ";
  const isInWord = /\w/.test(before) && /\w/.test(after);
  if ((isInWord && sign === "_") || left > 3 || (sign === "~" && left !== 2)) return;
  while (!/\s/.test(before) && left && open.at(-1)?.[0] === sign && open.at(-1).length <= left) left -= open.pop().length;
  // "2*3" may stay as it is.
  if (isInWord || /\s/.test(after)) return;
  if (left >= 2) open.push(sign.repeat(2));
  if (left % 2) open.push(sign);
};

// Whether a formula opens at `start` whose end has not come yet.
const isOpenFormula = (content, start) => {
  const opener = content.slice(start, start + 2);
  if (opener === "\\(" || opener === "\\[" || opener === "$$") return true;
  return /^\$[^\s\d$]/.test(opener) && !/\w/.test(content[start - 1] ?? " ") && !content.includes("$", start + 1);
};

// Without the address of a link that has not come whole, and without marks at the end that mean nothing yet.
const withoutEnd = (words) => {
  let content = words;
  const address = content.lastIndexOf("](");
  if (address >= 0 && !content.includes(")", address)) {
    const label = content.lastIndexOf("[", address);
    if (label >= 0) content = content.slice(0, label).replace(/!$/, "") + content.slice(label + 1, address);
  }
  let end = content.length;
  while ("*_~\\".includes(content[end - 1] ?? " ")) end -= 1;
  return content.slice(0, end).trimEnd();
};

// Code whose end has not come yet, from its first tick on.
const openCode = (content, start, ticks) => {
  const code = content.slice(start + ticks.length).replace(/`{1,3}$/, "");
  return content.slice(0, start) + (code.trim() ? `${ticks}${code}${ticks}` : "");
};

const SIGNS = /[*_~`$\\]/g;

// The last words of a paragraph: what is open is closed.
export const mend = (words) => {
  const content = withoutEnd(words);
  const open = [];
  const closed = (text) => text.trimEnd() + open.reverse().join("");
  SIGNS.lastIndex = 0;
  for (let found = SIGNS.exec(content); found; found = SIGNS.exec(content)) {
    const { index: place, 0: sign } = found;
    const end = runEnd(content, place);
    if (sign === "$" || sign === "\\") {
      const after = formulaEnd(content, place);
      if (after === null && isOpenFormula(content, place)) {
        return closed(content.slice(0, place) + escaped(content.slice(place)));
      }
      SIGNS.lastIndex = after ?? (sign === "$" ? end : place + 2);
    } else if (sign === "`") {
      const ticks = content.slice(place, end);
      const close = closingTicks(content, end, ticks.length);
      if (close === null) return closed(openCode(content, place, ticks));
      SIGNS.lastIndex = close;
    } else {
      pair(open, content, place, end);
      SIGNS.lastIndex = end;
    }
  }
  return closed(content);
};

const closingTicks = (content, start, count) => {
  for (let place = content.indexOf("`", start); place >= 0;) {
    const end = runEnd(content, place);
    if (end - place === count) return end;
    place = content.indexOf("`", end);
  }
  return null;
};

// A row of cells is a table's head, although the line below it, which says so, is not whole yet.
const HEAD = /(^|\n[ \t]*\n)(\|[^\n]+)(?:\n[-:| \t]*)?$/;
// The beginning of a list, a heading, a line or a fence, of which nothing can be said yet.
const BEGINNING = /(^|\n)[ \t]*(?:[-=+*#>|]+|`{1,2}|~{1,2}|\d{1,9}[.)]?)[ \t]*$/;

export const isBeginning = (line) => BEGINNING.test(line);

export const mendLines = (text) => {
  const head = HEAD.exec(text);
  if (!head) return text.replace(BEGINNING, "$1");
  const cells = head[2].trimEnd().replace(/^\||\|$/g, "").split("|").length;
  return `${text.slice(0, head.index)}${head[1]}${head[2]}\n|${"---|".repeat(cells)}`;
};
