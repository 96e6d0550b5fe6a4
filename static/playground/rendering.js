// Renders an answer while it is written: block by block, only what changed, in steps that a page can bear.
import { enhance } from "./enhancing.js";
import { growing } from "./growing.js";
import { CLOSED, OPEN, UNSURE } from "./growing-code.js";
import { blocksOf, htmlOf, plainHtml, seen } from "./markdown.js";
import { mendLines } from "./mending.js";
import { morph } from "./morphing.js";
import { sanitised } from "./sanitising.js";

// As playground/rendering.py has it.
const RENDERED_MAX = 250_000;
// A step takes so much more of the text; steps that take long become smaller and rarer.
const STEP_MIN = 1024;
const STEP_MAX = 65_536;
const QUICK_MILLISECONDS = 6;
const SLOW_MILLISECONDS = 14;
const REST = 2;
const REST_MAX_MILLISECONDS = 500;
// The last block may still grow, and the one before may turn out to be a part of what comes before it.
const UNSETTLED = 2;

const CLOSED_FENCE = /\n[ \t>]*(?:`{3,}|~{3,})[ \t]*\n?$/;
const states = new WeakMap();

// Half a pair of UTF-16 and half a line's end wait for what follows.
const ready = (text) => text.replace(/[\ud800-\udbff\r]$/, "");
const readable = (text) => seen(text.replace(/\r\n?/g, "\n"));

class Rendering {
  constructor(element) {
    this.element = element;
    this.step = STEP_MIN * 8;
    this.restsUntil = 0;
    this.pending = false;
    this.start();
  }

  start() {
    this.element.replaceChildren();
    this.element.classList.add("answer-rich", "prose");
    this.given = "";
    this.text = "";
    this.isWriting = true;
    this.isShown = false;
    // The text node of what is too long to be rendered.
    this.plain = null;
    // The last block, where it is one that grows at its end; where one begins that cannot.
    this.grown = null;
    this.ungrown = null;
    this.length = 0;
    this.offset = 0;
    this.settled = [];
    this.blocks = [];
    this.references = {};
    this.learnt = "";
    this.outline = [];
  }

  want(text, { isWriting, around }) {
    if (!this.isWriting || !text.startsWith(this.given)) this.start();
    const rest = text.slice(this.given.length);
    const fresh = isWriting ? ready(rest) : rest;
    this.given += fresh;
    this.text += readable(fresh);
    Object.assign(this, { isWriting, around, isShown: false });
    this.done ??= Promise.withResolvers();
    const { promise } = this.done;
    this.soon();
    return promise;
  }

  soon() {
    if (this.pending) return;
    const rest = this.restsUntil - performance.now();
    if (rest <= 0 && !this.isShown && this.length === 0) {
      this.paint();
      return;
    }
    this.pending = true;
    const go = () => {
      this.pending = false;
      this.paint();
    };
    if (rest > 0) setTimeout(go, rest);
    else requestAnimationFrame(go);
  }

  paint() {
    const started = performance.now();
    // A block that grows is rendered anew each time: by doubling, all of it costs what its end does, twice.
    this.length = Math.min(this.text.length, this.length + Math.max(this.step, this.length - this.offset));
    this.around(() => (this.text.length > RENDERED_MAX ? this.showPlain() : this.show()));
    const took = performance.now() - started;
    if (took < QUICK_MILLISECONDS) this.step = Math.min(this.step * 2, STEP_MAX);
    if (took > SLOW_MILLISECONDS) {
      this.step = Math.max(this.step / 2, STEP_MIN);
      this.restsUntil = performance.now() + Math.min(REST * took, REST_MAX_MILLISECONDS);
    }
    this.isShown = this.length === this.text.length;
    if (!this.isShown) this.soon();
    else {
      this.done?.resolve();
      this.done = null;
    }
  }

  showPlain() {
    if (!this.plain) {
      const box = sanitised.answer(plainHtml("")).firstElementChild;
      this.plain = document.createTextNode("");
      box.append(this.plain);
      this.element.replaceChildren(box);
    }
    this.plain.appendData(this.text.slice(this.plain.length));
    this.length = this.text.length;
  }

  show() {
    const isWriting = this.isWriting || this.length < this.text.length;
    if (this.grown) this.grow(isWriting);
    if (!this.grown) this.showBlocks(isWriting);
  }

  // Adds to the block that grows what has come of it; at its end it is settled.
  grow(isWriting) {
    const { element } = this.grown;
    const state = isWriting ? this.grown.take(this.text, this.length, this.references) : UNSURE;
    if (state === OPEN) return;
    if (state === CLOSED && !this.grown.isWithin) {
      const source = this.text.slice(this.offset, this.grown.at);
      if (source.includes("[")) this.settled.push({ source, outline: this.outline, element });
      this.offset = this.grown.at;
      this.blocks = [];
      enhance(element);
    } else {
      // Behind code that has ended, its list goes on, perhaps with more code.
      if (state === UNSURE) this.ungrown = this.offset;
      this.blocks = [{ element, key: "" }];
    }
    this.grown = null;
  }

  showBlocks(isWriting) {
    const tail = this.text.slice(this.offset, this.length);
    this.learn(tail, isWriting);
    const shown = isWriting ? mendLines(tail) : tail;
    const env = { references: { ...this.references }, outline: [...this.outline], isWriting };
    const blocks = blocksOf(shown, env);
    const starts = lineStarts(shown);
    blocks.forEach((block, index) => {
      const next = blocks[index + 1];
      block.source = shown.slice(starts[block.line], next ? starts[next.line] : undefined);
      block.isLast = isWriting && !next;
      this.place(block, index, env);
    });
    for (const gone of this.blocks.splice(blocks.length)) gone.element.remove();
    const last = blocks.length - 1;
    const { offset } = this;
    const lineAt = (line) => offset + starts[line];
    const mayGrow = isWriting && last >= 0 && lineAt(blocks[last].line) !== this.ungrown;
    const grown = mayGrow && growing(blocks[last], this.references, this.text, lineAt, this.length);
    if (grown) {
      this.settle(blocks, starts, last);
      this.grown = grown;
      this.show();
    } else if (blocks.length > UNSETTLED) {
      this.settle(blocks, starts, blocks.length - UNSETTLED);
    }
  }

  // Renders a block at its place unless the same stands there.
  place(block, index, env) {
    const old = this.blocks[index];
    const tags = block.tokens.filter((token) => token.type === "heading_open").map((token) => token.tag).join();
    const known = block.source.includes("[") ? Object.keys(env.references).length : 0;
    block.key = `${block.isLast} ${tags} ${known} ${block.source}`;
    if (old?.key === block.key) {
      block.element = old.element;
    } else {
      const fresh = drawn(block, env);
      if (old?.element.localName === fresh.localName) {
        morph(old.element, fresh);
        block.element = old.element;
      } else {
        if (old) old.element.replaceWith(fresh);
        else this.element.append(fresh);
        block.element = fresh;
      }
      enhance(block.element, { isOpen: isOpen(block) });
    }
    this.blocks[index] = block;
  }

  // The first `count` blocks, which nothing to come can change, are not read again.
  settle(blocks, starts, count) {
    const end = this.offset + starts[blocks[count].line];
    const outline = this.outline;
    for (const block of this.blocks.splice(0, count)) {
      const heading = block.tokens.findLast((token) => token.type === "heading_open");
      if (heading) this.outline = heading.meta.outline;
      if (block.source.includes("[")) this.settled.push({ source: block.source, outline, element: block.element });
    }
    this.offset = end;
  }

  // Addresses that stand apart from the links that name them, in lines that are whole: they may come last of all.
  learn(tail, isWriting) {
    const lines = isWriting ? tail.slice(0, tail.lastIndexOf("\n") + 1) : tail;
    if (lines === this.learnt || !lines.includes("]:")) return;
    this.learnt = lines;
    const before = Object.keys(this.references).length;
    // An open formula takes all that follows, as it does where it is shown.
    blocksOf(lines, { references: this.references, isWriting });
    if (Object.keys(this.references).length > before) this.again();
  }

  again() {
    for (const { source, outline, element } of this.settled) {
      const env = { references: this.references, outline: [...outline] };
      const [block] = blocksOf(source, env);
      if (!block) continue;
      morph(element, drawn(block, env));
      enhance(element);
    }
  }
}

const lineStarts = (text) => {
  const starts = [0];
  for (let place = text.indexOf("\n"); place >= 0; place = text.indexOf("\n", place + 1)) starts.push(place + 1);
  return starts;
};

const isOpen = (block) => block.isLast && !CLOSED_FENCE.test(block.source);

const drawn = (block, env) => {
  const element = sanitised.answer(htmlOf(block, env)).firstElementChild;
  enhance(element, { isOpen: isOpen(block) });
  return element;
};

/**
 * Shows `text`, all of an answer so far, in `element`. Call it as often as text comes: it paints when there is time.
 * `around` is called with each step. Returns a promise of all of it being shown.
 */
export const render = (element, text, { isWriting = true, around = (step) => step() } = {}) => {
  if (!states.has(element)) states.set(element, new Rendering(element));
  return states.get(element).want(text, { isWriting, around });
};
