// Top-level code and tables that are still written and may grow to thousands of lines: what comes is added at their
// end, and nothing before it is read, rendered or laid into the page again.
import { enhance } from "./enhancing.js";
import { blocksOf, htmlOf } from "./markdown.js";
import { isBeginning } from "./mending.js";
import { morph } from "./morphing.js";
import { sanitised } from "./sanitising.js";

// The parser ends a table in which so many cells are missing; it cannot be asked for less at a time beyond that.
const CELLS_MAX = 65_536;
// Whether a formula begins here is told by lines to come.
const FORMULA = /^ {0,3}(?:\$\$|\\\[)/m;

// What `take` says of a block: it goes on, its end is at `at`, or only a reading of all of it can tell.
export const OPEN = "open";
export const CLOSED = "closed";
export const UNSURE = "unsure";

class Code {
  // `at`: where the code begins in the text; `mark`: what opened it.
  constructor(element, at, mark) {
    const sign = mark[0];
    this.element = element;
    this.from = at;
    this.at = at;
    this.isInLine = false;
    this.closing = new RegExp(`^ {0,3}${sign}{${mark.length},}[ \\t]*$`, "m");
    this.maybeClosing = new RegExp(`^ {0,3}${sign}*[ \\t]*$`);
    this.begin("");
  }

  begin(words) {
    this.words = document.createTextNode(words);
    this.element.querySelector("code").replaceChildren(this.words);
  }

  take(text, end) {
    if (this.isInLine) {
      const newline = text.indexOf("\n", this.at);
      this.isInLine = newline < 0 || newline >= end;
      this.add(text, this.isInLine ? end : newline + 1);
    }
    const fresh = text.slice(this.at, end);
    const lines = fresh.slice(0, fresh.lastIndexOf("\n") + 1);
    const closing = this.closing.exec(lines);
    if (closing) {
      this.add(text, this.at + closing.index);
      this.at += closing[0].length + 1;
      return CLOSED;
    }
    // What may become the closing line waits for its end, and is taken for it meanwhile.
    const last = fresh.slice(lines.length);
    this.isInLine ||= !this.maybeClosing.test(last);
    this.add(text, this.isInLine ? end : this.at + lines.length);
    if (!this.isInLine && this.closing.test(last)) enhance(this.element);
    return OPEN;
  }

  add(text, until) {
    if (until === this.at) return;
    // It was no end, and has its colours already.
    if (!this.words.isConnected) this.begin(text.slice(this.from, this.at));
    this.words.appendData(text.slice(this.at, until));
    this.at = until;
  }
}

class Table {
  // `at`: where the rows begin in the text; `head`: the two lines before.
  constructor(element, at, head, references) {
    this.element = element;
    this.at = at;
    this.head = head;
    this.cells = 0;
    // The row that is still written.
    this.open = null;
    // The head's last words looked unfinished as long as nothing stood behind them.
    element.replaceChildren(...this.made([], { references }).element.childNodes);
    this.columns = element.querySelectorAll("th").length;
  }

  take(text, end, references) {
    const fresh = text.slice(this.at, end);
    if (FORMULA.test(fresh)) return UNSURE;
    const lines = fresh.split("\n");
    const last = lines.pop();
    const taken = lines.length ? this.add(lines, { references }) : 0;
    this.cells += taken * this.columns;
    if (this.cells > CELLS_MAX) return UNSURE;
    for (const line of lines.slice(0, taken)) this.at += line.length + 1;
    if (taken < lines.length) {
      this.open?.nextSibling.remove();
      this.open?.remove();
      return CLOSED;
    }
    if (last && !isBeginning(last)) this.addOpen(last, { references, isWriting: true });
    return OPEN;
  }

  // Adds whole lines as rows; how many of them are rows of the table.
  add(lines, env) {
    const { element, taken } = this.made(lines, env);
    for (const row of element.querySelectorAll("tbody > tr")) {
      this.put(row);
      this.open = null;
    }
    return taken;
  }

  addOpen(line, env) {
    const row = this.made([line], env).element.querySelector("tbody > tr");
    if (row) this.open = this.put(row);
  }

  put(row) {
    if (this.open) morph(this.open, row);
    else this.body.append(row, "\n");
    const shown = this.open ?? row;
    enhance(shown);
    return shown;
  }

  // A table of some lines alone, and how many of them it takes.
  made(lines, env) {
    // Addresses that stand behind the table are not learnt here.
    const references = Object.create(env.references);
    const [block] = blocksOf(`${this.head}${lines.join("\n")}\n`, { ...env, references, outline: [] });
    const element = sanitised.answer(htmlOf(block, env)).firstElementChild;
    return { element, taken: block.tokens[0].map[1] - 2 };
  }

  get body() {
    const table = this.element.querySelector("table");
    if (!table.tBodies.length) {
      const body = document.createElement("tbody");
      body.append("\n");
      table.append(body, "\n");
    }
    return table.tBodies[0];
  }
}

/**
 * The last block of `text`, which begins at `start`, as one that grows; null where it is none, or where its first
 * lines are not whole yet. What of it is shown already is taken out of the page: let it `take` the text.
 */
export const growing = (block, references, text, start, end) => {
  const [opening] = block.tokens;
  const first = text.indexOf("\n", start) + 1;
  if (!first || first > end) return null;
  if (opening.type === "fence") {
    // The lines of indented code lose their first spaces: that is left to the parser.
    return text[start] === opening.markup[0] ? new Code(block.element, first, opening.markup) : null;
  }
  const second = text.indexOf("\n", first) + 1;
  if (opening.type !== "table_open" || !second || second > end) return null;
  return new Table(block.element, second, text.slice(start, second), references);
};
