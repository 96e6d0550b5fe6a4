// Changes one tree of nodes into another and touches only what differs: selections, scrolling and focus stay.

const sameKind = (old, fresh) => old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName;

const words = (old, fresh) => {
  if (old.data === fresh.data) return;
  if (fresh.data.startsWith(old.data)) old.appendData(fresh.data.slice(old.data.length));
  else old.data = fresh.data;
};

const attributes = (old, fresh) => {
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
};

// Both are of one kind. A tree deeper than any answer's is replaced rather than walked.
export const morph = (old, fresh, depth = 0) => {
  if (old.nodeType === Node.TEXT_NODE) {
    words(old, fresh);
    return;
  }
  attributes(old, fresh);
  if (depth > 60) {
    old.replaceChildren(...fresh.childNodes);
    return;
  }
  let here = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const after = here?.nextSibling ?? null;
    if (!here) old.append(next);
    else if (sameKind(here, next)) morph(here, next, depth + 1);
    else here.replaceWith(next);
    here = after;
  }
  while (here) {
    const after = here.nextSibling;
    here.remove();
    here = after;
  }
};
