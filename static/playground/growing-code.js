// Code that is still written: what comes of it goes into its one text node. Reads lines as markdown-it does, for fences
// and for indented code, at top level and in the items of lists.
import { enhance } from "./enhancing.js";

// What is said of a block: it goes on, it is at its end, or only the parser can tell.
export const OPEN = "open";
export const CLOSED = "closed";
export const UNSURE = "unsure";

// A line that may become another one with what follows.
const WAITING = "waiting";
const BLANK = /^[ \t]*$/;

export class Code {
  /**
   * `element`: the block that the code is, or the list that it stands in; `at`: where its lines begin in the text;
   * `mark`: what opened it, "" for indented code; `indent`: so many columns its lines lose; `within`: where the
   * content of its list item begins, which it ends with, 0 outside of lists.
   */
  constructor(element, at, { mark, indent, within }) {
    const sign = mark[0];
    this.element = element;
    this.at = at;
    this.indent = indent;
    this.isFence = mark !== "";
    this.isWithin = within > 0;
    this.least = this.isFence ? within : indent;
    this.closing = this.isFence && new RegExp(`^ {${within},${within + 3}}${sign}{${mark.length},}[ \\t]*$`);
    this.maybeClosing = this.isFence && new RegExp(`^ {${within},${within + 3}}${sign}+[ \\t]*$`);
    // A tab is as wide as its place makes it: where it decides, the parser does.
    const deciding = this.isFence ? `| *\\t[ \\t]*${sign}` : "";
    this.strange = indent > 0 && new RegExp(`^(?: {0,${indent - 1}}\\t${deciding})`);
    this.isInLine = false;
    // Empty lines belong to indented code only if more of it comes.
    this.gap = "";
    this.words = null;
  }

  take(text, end) {
    const { state, fresh, mayEnd } = this.read(text, end);
    this.add(fresh);
    if (mayEnd) enhance(this.box);
    return state;
  }

  // What is new up to `end`, without touching the page; `mayEnd`: its last line would close it.
  read(text, end) {
    let fresh = "";
    while (this.at < end) {
      const newline = text.indexOf("\n", this.at);
      const isWhole = newline >= 0 && newline < end;
      const line = text.slice(this.at, isWhole ? newline : end);
      const state = this.isInLine ? OPEN : this.stateAt(line, isWhole);
      if (state === WAITING) return { state: OPEN, fresh, mayEnd: this.isFence && this.closing.test(line) };
      if (state === CLOSED && this.isFence && this.closing.test(line)) this.at = newline + 1;
      if (state !== OPEN) return { state, fresh };
      fresh += this.wordsOf(line, isWhole);
      this.at += line.length + isWhole;
      this.isInLine = !isWhole;
    }
    return { state: OPEN, fresh };
  }

  stateAt(line, isWhole) {
    if (this.strange && this.strange.test(line)) return UNSURE;
    if (BLANK.test(line)) return isWhole ? OPEN : WAITING;
    if (line.search(/[^ ]/) < this.least) return CLOSED;
    if (!this.isFence || !this.maybeClosing.test(line)) return OPEN;
    if (!isWhole) return WAITING;
    return this.closing.test(line) ? CLOSED : OPEN;
  }

  wordsOf(line, isWhole) {
    const lost = this.isInLine ? 0 : Math.min(line.search(/[^ ]|$/), this.indent);
    const words = line.slice(lost) + (isWhole ? "\n" : "");
    if (!this.isFence && !this.isInLine && BLANK.test(line)) {
      this.gap += words;
      return "";
    }
    const { gap } = this;
    this.gap = "";
    return gap + words;
  }

  add(fresh) {
    // It was no end, and has its colours already; or this is its beginning.
    if (!this.words || (fresh && !this.words.isConnected)) {
      this.words = document.createTextNode(this.words?.data ?? "");
      this.box.querySelector("code").replaceChildren(this.words);
    }
    if (fresh) this.words.appendData(fresh);
  }

  // In a list it is the last one.
  get box() {
    return this.isWithin ? [...this.element.querySelectorAll(".answer-code")].at(-1) : this.element;
  }
}
