// The last wall: whatever was rendered, only these elements and attributes reach the page.
import DOMPurify from "../vendor/dompurify-3.5.0/purify.js";

const ANSWER = {
  ALLOWED_TAGS: [
    "a", "bdi", "blockquote", "br", "code", "div", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
    "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: ["href", "target", "rel", "start", "class", "tabindex", "role", "aria-label", "dir"],
};
const CODE = { ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"] };
// No href, no style, no colours: they could hide words, and would have no contrast in one of the themes.
const FORMULA = {
  ALLOWED_TAGS: [
    "math", "semantics", "annotation", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded",
    "mphantom", "mprescripts", "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable",
    "mtd", "mtext", "mtr", "munder", "munderover",
  ],
  ALLOWED_ATTR: [
    "accent", "accentunder", "columnalign", "columnlines", "columnspacing", "depth", "display", "displaystyle",
    "encoding", "fence", "height", "linethickness", "lspace", "mathvariant", "maxsize", "minsize", "notation",
    "rowlines", "rowspacing", "rspace", "scriptlevel", "separator", "stretchy", "voffset", "width", "xmlns",
  ],
};
const ALWAYS = {
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:)/i,
  // Nodes, not text: what was looked at is what is shown, without a second reading.
  RETURN_DOM_FRAGMENT: true,
};
// They hold no addresses, so that the rule above is not asked of them.
const plain = [...ANSWER.ALLOWED_ATTR, ...FORMULA.ALLOWED_ATTR].filter((name) => name !== "href");

const OURS = new Set([
  "answer-code", "answer-code-head", "answer-code-name", "answer-table", "answer-host", "answer-image", "answer-plain",
  "answer-math", "answer-math is-display", "to-left", "to-center", "to-right",
]);
const HIGHLIGHTED = /^(?:hljs-[a-z_-]+|language-[a-z]+)(?: [a-z]+_)*$/;

// One for each kind, set once: DOMPurify reads its settings anew for every call that brings them.
const purifier = (kind) => {
  const made = DOMPurify(window);
  made.setConfig({ ...kind, ...ALWAYS, ADD_URI_SAFE_ATTR: plain });
  made.addHook("uponSanitizeAttribute", (_, data) => {
    if (data.attrName === "class" && !OURS.has(data.attrValue) && !HIGHLIGHTED.test(data.attrValue)) data.keepAttr = false;
  });
  return (html) => made.sanitize(html);
};

export const sanitised = { answer: purifier(ANSWER), code: purifier(CODE), formula: purifier(FORMULA) };
