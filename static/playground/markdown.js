// A model's Markdown as tokens and HTML: the twin of playground/rendering.py, which renders answers that have ended.
import MarkdownIt from "../vendor/markdown-it-15.0.3/markdown-it.js";

import { mathPlugin } from "./math.js";
import { mend } from "./mending.js";

const UNSEEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const WEB = /^https?:\/\/((?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?)(?=[/?#]|$)/i;
const MAIL = /^mailto:([a-z0-9.+_-]+@[a-z0-9.-]+)(?=\?|$)/i;
const LANGUAGE = /^[ \t{.]*([A-Za-z0-9+#_-][A-Za-z0-9+#._-]{0,29})/;
const TOP_LEVEL = 3;
const LAST_LEVEL = 6;
const EMPHASIS_MAX = 10;
const CODES = new Set(["fence", "code_block"]);
const DIRECTED = new Set(["blockquote_open", "bullet_list_open", "ordered_list_open"]);

// Controls, half pairs of UTF-16, and marks that turn the direction of what follows are shown as a mark.
export const seen = (text) => text.toWellFormed().replace(UNSEEN, "\ufffd");

const destination = (address) => (WEB.exec(address) ?? MAIL.exec(address))?.[1].toLowerCase();

const shows = (words, host) => {
  const said = words.replace(/^[ \n]+|[ \n]+$/g, "").toLowerCase().replace(/^(?:https?:\/\/|mailto:)/, "");
  return said.startsWith(host) && /^(?:[/?#][^ \n]*)?$/.test(said.slice(host.length));
};

const plain = (tokens) => tokens.map((token) => {
  if (token.type === "image") return plain(token.children);
  return token.type === "softbreak" || token.type === "hardbreak" ? " " : token.content;
}).join("");

// `env.outline` goes on from block to block.
const shiftHeadings = (state) => {
  const outline = (state.env.outline ??= []);
  for (const token of state.tokens) {
    if (token.type === "heading_open") {
      const level = Number(token.tag[1]);
      while (outline.length && outline.at(-1) >= level) outline.pop();
      outline.push(level);
      token.meta = { outline: [...outline] };
    }
    if (token.type === "heading_open" || token.type === "heading_close") {
      token.tag = `h${Math.min(TOP_LEVEL - 1 + outline.length, LAST_LEVEL)}`;
    }
  }
};

const alignByClass = (state) => {
  for (const token of state.tokens) {
    const style = token.attrGet("style");
    if (style) token.attrs = [["class", `to-${style.replace("text-align:", "")}`]];
  }
};

// Marks, rules and columns begin on the side where the language does.
const direct = (state) => {
  for (const token of state.tokens) if (DIRECTED.has(token.type)) token.attrSet("dir", "auto");
};

// For code that grows: its own column and that of its list item, of which its token says nothing.
const noteColumns = (state, start) => {
  (state.env.columns ??= {})[start] = { indent: state.sCount[start], within: state.blkIndent };
  return false;
};
const tellColumns = (state) => {
  for (const token of state.tokens) if (CODES.has(token.type)) token.meta = state.env.columns[token.map[0]];
};

// The last words of an answer that is still written, unless code or a line stands behind them.
const mendEnd = (state) => {
  const index = state.env.isWriting ? state.tokens.findLastIndex((token) => token.type === "inline") : -1;
  const last = state.tokens.slice(index + 1).every((token) => token.nesting < 0) && state.tokens[index];
  if (last && !/\n[ \t]*\n[ \t]*$/.test(state.src)) last.content = mend(last.content);
};

const withHosts = (state, children) => {
  const told = [];
  let opened = 0;
  for (const child of children) {
    told.push(child);
    if (child.type === "link_open") opened = told.length;
    if (child.type !== "link_close") continue;
    const host = destination(told[opened - 1].attrGet("href")) ?? "";
    if (shows(plain(told.slice(opened, -1)), host)) continue;
    const token = new state.Token("link_host", "", 0);
    token.content = host;
    told.push(token);
  }
  return told;
};

// Deeper emphasis is left out: browsers take for ever over thousands of elements in each other.
const flattened = (children) => {
  let depth = 0;
  return children.filter(({ nesting, type }) => {
    if (!nesting || type.startsWith("link")) return true;
    if (nesting > 0) depth += 1;
    const isKept = depth <= EMPHASIS_MAX;
    if (nesting < 0) depth -= 1;
    return isKept;
  });
};

const flatten = (state) => {
  for (const token of state.tokens) if (token.type === "inline") token.children = flattened(token.children);
};

const tellHosts = (state) => {
  for (const token of state.tokens) if (token.type === "inline") token.children = withHosts(state, token.children);
};

const parser = new MarkdownIt("commonmark", { html: false, breaks: true }).enable(["table", "strikethrough"]);
parser.use(mathPlugin);
parser.validateLink = (address) => destination(address) !== undefined;
parser.block.ruler.before("code", "columns", noteColumns);
parser.core.ruler.after("block", "columns", tellColumns);
parser.core.ruler.after("columns", "headings", shiftHeadings);
parser.core.ruler.after("headings", "alignment", alignByClass);
parser.core.ruler.after("alignment", "directions", direct);
parser.core.ruler.before("inline", "mending", mendEnd);
parser.core.ruler.after("inline", "flattening", flatten);
parser.core.ruler.push("hosts", tellHosts);

const { escapeHtml } = parser.utils;
const code = (tokens, index) => {
  const { content, info } = tokens[index];
  const name = LANGUAGE.exec(info)?.[1] ?? "";
  return '<div class="answer-code"><div class="answer-code-head">'
    + `<span class="answer-code-name">${name || "Code"}</span></div>`
    + `<pre tabindex="0" role="group" aria-label="${name ? `Code: ${name}` : "Code"}">`
    + `<code>${escapeHtml(content)}</code></pre></div>\n`;
};
Object.assign(parser.renderer.rules, {
  code_block: code,
  fence: code,
  image: (tokens, index) => {
    const { children } = tokens[index];
    const address = escapeHtml(tokens[index].attrGet("src"));
    return `<span class="answer-image">Image: ${escapeHtml(plain(children))} <bdi>(${address})</bdi></span>`;
  },
  link_host: (tokens, index) => `<bdi class="answer-host"> (${escapeHtml(tokens[index].content)})</bdi>`,
  link_open: (tokens, index) => {
    const address = escapeHtml(tokens[index].attrGet("href"));
    return `<a href="${address}" target="_blank" rel="nofollow noopener noreferrer">`;
  },
  table_close: () => "</table></div>\n",
  table_open: () => '<div class="answer-table" tabindex="0" role="group" aria-label="Table"><table dir="auto">\n',
});

// Top-level blocks of `text` in order, each as its tokens and the line it begins on.
export const blocksOf = (text, env) => {
  const blocks = [];
  for (const token of parser.parse(text, env)) {
    if (token.level === 0 && token.nesting >= 0) blocks.push({ line: token.map[0], tokens: [] });
    blocks.at(-1).tokens.push(token);
  }
  return blocks;
};

export const htmlOf = (block, env) => parser.renderer.render(block.tokens, parser.options, env);
export const plainHtml = (text) => `<div class="answer-plain">${escapeHtml(text)}</div>`;
