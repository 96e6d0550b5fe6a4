// What only a script can add to a rendered answer: buttons that copy, colours in code, formulas set.
import { formula } from "./math.js";
import { sanitised } from "./sanitising.js";

const SLICE_MILLISECONDS = 8;
const HIGHLIGHTED_MAX = 12_000;
const REMEMBERED_MAX = 1000;

// Loaded when the first answer needs it; undefined until then.
const late = (load) => {
  const holder = { value: undefined, asked: null };
  holder.ask = () => (holder.asked ??= load().then((value) => { holder.value = value; }));
  return holder;
};
const katex = late(() => import("../vendor/katex-0.19.1/katex.js").then(() => window.katex));
const highlighter = late(() => import("../vendor/highlight-11.12.0/highlight.js").then((module) => module.default));

// What was set or coloured once is there at once when the same answer comes again from the server.
const remembered = new Map();
const remember = (key, make) => {
  if (!remembered.has(key)) {
    if (remembered.size >= REMEMBERED_MAX) remembered.delete(remembered.keys().next().value);
    remembered.set(key, make());
  }
  return remembered.get(key);
};

const languageOf = (code) => code.closest(".answer-code").querySelector(".answer-code-name").textContent.toLowerCase();
const keyOf = (element) => `${element.localName === "code" ? languageOf(element) : ""}\n${element.textContent}`;

const coloured = (hljs, code) => {
  const language = languageOf(code);
  const { textContent: text } = code;
  if (text.length > HIGHLIGHTED_MAX || !hljs.getLanguage(language)) return null;
  return sanitised.code(hljs.highlight(text, { language, ignoreIllegals: true }).value);
};

const untouched = (element) => !element.firstElementChild;

const work = (element) => {
  const made = remember(keyOf(element), () => (
    element.localName === "code" ? coloured(highlighter.value, element) : formula(katex.value, element.textContent)
  ));
  if (made) element.replaceChildren(made.cloneNode(true));
};

// Long answers are worked off in slices, so that the page never stands still.
const waiting = new Set();
const drain = () => {
  const until = performance.now() + SLICE_MILLISECONDS;
  for (const element of waiting) {
    const tool = element.localName === "code" ? highlighter : katex;
    if (!tool.value) continue;
    if (performance.now() > until) {
      setTimeout(drain, SLICE_MILLISECONDS);
      return;
    }
    waiting.delete(element);
    if (element.isConnected && untouched(element)) work(element);
  }
};

const workSoon = (element, tool, until) => {
  if (tool.value && (remembered.has(keyOf(element)) || performance.now() < until)) {
    work(element);
    return;
  }
  const asked = tool.ask();
  // What is not on the page yet may never be: it is asked again where it stands.
  if (!element.isConnected) return;
  waiting.add(element);
  asked.then(() => setTimeout(drain));
};

const addButton = (block) => {
  const head = block.firstElementChild;
  if (head.querySelector("button")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-copy btn-sm answer-code-copy";
  button.dataset.copy = "";
  const label = document.createElement("span");
  label.dataset.copyLabel = "";
  label.ariaLive = "polite";
  label.textContent = "Copy";
  const about = document.createElement("span");
  about.className = "visually-hidden";
  about.textContent = " code";
  button.append(label, about);
  head.append(button);
};

const inside = (root, selector) => [...(root.matches(selector) ? [root] : []), ...root.querySelectorAll(selector)];

// `isOpen`: the last code of `root` is still being written.
export const enhance = (root, { isOpen = false } = {}) => {
  const until = performance.now() + SLICE_MILLISECONDS;
  inside(root, ".answer-code").forEach(addButton);
  const codes = inside(root, ".answer-code code");
  for (const code of isOpen ? codes.slice(0, -1) : codes) if (untouched(code)) workSoon(code, highlighter, until);
  for (const element of inside(root, ".answer-math")) if (untouched(element)) workSoon(element, katex, until);
};

// copy.js takes a button's own value: the code as it stands when it is pressed.
document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".answer-code-copy");
  if (button) button.value = button.closest(".answer-code").querySelector("code").textContent;
}, true);

// Answers that the server rendered, on the page from the start or brought by htmx: before they are painted.
const rendered = (node) => {
  if (!(node instanceof Element)) return;
  for (const answer of node.querySelectorAll(".answer-prose")) enhance(answer);
  if (node.matches(".answer-prose")) enhance(node);
};
new MutationObserver((records) => {
  for (const { addedNodes, target } of records) if (!target.closest?.("[data-text]")) addedNodes.forEach(rendered);
}).observe(document.documentElement, { childList: true, subtree: true });
rendered(document.body);
