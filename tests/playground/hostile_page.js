// Runs in the playground's page: renders many hostile outputs at once, in pieces, and tells what should not be there.
(() => {
  const TAGS = new Set([
    "a", "bdi", "blockquote", "br", "code", "div", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
    "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul", "button",
    "math", "semantics", "annotation", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded",
    "mphantom", "mprescripts", "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable",
    "mtd", "mtext", "mtr", "munder", "munderover",
  ]);
  const PLAIN = new Set(["start", "aria-label", "xmlns", "display", "encoding"]);
  const GEOMETRY = new Set([
    "accent", "accentunder", "columnalign", "columnlines", "columnspacing", "depth", "displaystyle", "fence", "height",
    "linethickness", "lspace", "mathvariant", "maxsize", "minsize", "notation", "rowlines", "rowspacing", "rspace",
    "scriptlevel", "separator", "stretchy", "voffset", "width",
  ]);
  const VALUES = {
    class: /^(answer-(code|code-head|code-name|table|host|image|plain|math|math is-display)|to-(left|center|right)|hljs-[a-z_-]+( [a-z]+_)*|language-[a-z]+|btn btn-copy btn-sm answer-code-copy|visually-hidden)$/,
    dir: /^auto$/,
    href: /^(https?:\/\/(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d+)?([/?#]|$)|mailto:)/i,
    rel: /^nofollow noopener noreferrer$/,
    role: /^group$/,
    tabindex: /^0$/,
    target: /^_blank$/,
    type: /^button$/,
    "aria-live": /^polite$/,
    "data-copy": /^$/,
    "data-copy-label": /^$/,
  };
  const isFine = ({ name, value }, isMath) =>
    PLAIN.has(name) || (isMath && GEOMETRY.has(name)) || (VALUES[name]?.test(value) ?? false);

  const strange = (root) => {
    const found = [];
    for (const element of root.querySelectorAll("*")) {
      const isMath = element.namespaceURI.endsWith("MathML");
      if (!TAGS.has(element.localName)) found.push(`<${element.nodeName}>`);
      for (const attribute of element.attributes) {
        if (!isFine(attribute, isMath)) found.push(`<${element.localName} ${attribute.name}="${attribute.value.slice(0, 80)}">`);
      }
      if (element.localName === "a" && element.rel !== "nofollow noopener noreferrer") found.push("<a> without rel");
    }
    if (document.createTreeWalker(root, NodeFilter.SHOW_COMMENT).nextNode()) found.push("a comment");
    return [...new Set(found)];
  };

  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const place = (className) => {
    const element = document.createElement("div");
    element.className = className;
    document.querySelector(".talk-scroll").append(element);
    return element;
  };
  // Formulas and colours come when their libraries have come, and when there is time.
  const quiet = async (elements) => {
    await import("/static/vendor/highlight-11.12.0/highlight.js");
    await import("/static/vendor/katex-0.19.1/katex.js");
    const words = () => elements.map((element) => element.querySelectorAll("*").length).join();
    for (let before = "", same = 0; same < 3; same = words() === before ? same + 1 : 0) {
      before = words();
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  };

  const inPieces = async (texts, pieces) => {
    const { render } = await import("/static/playground/rendering.js");
    const elements = texts.map(() => place("answer-text"));
    const faults = texts.map(() => []);
    for (let piece = 1; piece <= pieces; piece += 1) {
      texts.forEach((text, index) => render(elements[index], text.slice(0, Math.ceil((text.length * piece) / pieces))));
      await frame();
      elements.forEach((element, index) => faults[index].push(...strange(element)));
    }
    await Promise.all(texts.map((text, index) => render(elements[index], text, { isWriting: false })));
    await quiet(elements);
    elements.forEach((element, index) => faults[index].push(...strange(element)));
    const html = elements.map((element) => [...element.children].map((child) => child.outerHTML));
    elements.forEach((element) => element.remove());
    return { faults: faults.map((some) => [...new Set(some)]), html };
  };

  const whole = async (text) => {
    const { render } = await import("/static/playground/rendering.js");
    const element = place("answer-text");
    const started = performance.now();
    await render(element, text, { isWriting: false });
    element.getBoundingClientRect();
    const milliseconds = performance.now() - started;
    element.remove();
    return milliseconds;
  };

  const served = async (htmls) => {
    const elements = htmls.map((html) => {
      const element = place("prose answer-prose answer-rich");
      element.innerHTML = html;
      return element;
    });
    await quiet(elements);
    const html = elements.map((element) => [...element.children].map((child) => child.outerHTML));
    const faults = elements.map(strange);
    elements.forEach((element) => element.remove());
    return { faults, html };
  };

  window.hostile = { inPieces, whole, served, strange, quiet };
})();
