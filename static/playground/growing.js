// Code and top-level tables that are still written and may grow to thousands of lines: what comes is added at their
// end, and nothing before it is read, rendered or laid into the page again.
import { enhance } from "./enhancing.js";
import { CLOSED, Code, OPEN, UNSURE } from "./growing-code.js";
import { blocksOf, htmlOf } from "./markdown.js";
import { isBeginning } from "./mending.js";
import { morph } from "./morphing.js";
import { sanitised } from "./sanitising.js";

// The parser ends a table in which so many cells are missing; it cannot be asked for less at a time beyond that.
const CELLS_MAX = 65_536;
// Whether a formula begins here is told by lines to come.
const FORMULA = /^ {0,3}(?:\$\$|\\\[)/m;

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

const CODES = new Set(["fence", "code_block"]);
const LIST_ENDS = new Set(["list_item_close", "bullet_list_close", "ordered_list_close"]);

// The code that `block` ends with, be it in a list.
const growingCode = (block, text, lineAt, end) => {
  const index = block.tokens.findLastIndex(({ nesting }) => nesting >= 0);
  const code = block.tokens[index];
  if (!CODES.has(code.type) || !block.tokens.slice(index + 1).every(({ type }) => LIST_ENDS.has(type))) return null;
  const { indent, within } = code.meta;
  const isFence = code.type === "fence";
  const start = lineAt(code.map[0]);
  const at = isFence ? text.indexOf("\n", start) + 1 : start;
  if (!at || at > end) return null;
  const made = () => new Code(block.element, at, { mark: code.markup, indent: isFence ? indent : within + 4, within });
  // What a list goes on with behind its code is for the parser.
  return within && made().read(text, end).state !== OPEN ? null : made();
};

/**
 * The last block of `text`, whose lines begin at `lineAt`, as one that grows; null where it is none, or where its
 * first lines are not whole yet. What of it is shown already is taken out of the page: let it `take` the text.
 */
export const growing = (block, references, text, lineAt, end) => {
  const [opening] = block.tokens;
  if (opening.type !== "table_open") return growingCode(block, text, lineAt, end);
  const start = lineAt(block.line);
  const first = text.indexOf("\n", start) + 1;
  const second = first && text.indexOf("\n", first) + 1;
  return second && second <= end ? new Table(block.element, second, text.slice(start, second), references) : null;
};
