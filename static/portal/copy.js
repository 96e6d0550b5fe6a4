// Copies the text that a [data-copy] button names: data-copy="#id" an element's text, else its own value.
(() => {
  const textOf = (button) => {
    const source = button.dataset.copy ? document.querySelector(button.dataset.copy) : null;
    return source ? (source.value ?? source.textContent).trim() : button.value;
  };

  const say = (button, words) => {
    const label = button.querySelector("[data-copy-label]");
    if (!label) return;
    button.dataset.before ??= label.textContent;
    label.textContent = words;
    button.classList.add("is-copied");
    setTimeout(() => {
      label.textContent = button.dataset.before;
      button.classList.remove("is-copied");
    }, 2000);
  };

  // navigator.clipboard exists only over https and on localhost; the old way works elsewhere.
  const copyOldWay = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = textOf(button);
    try {
      await navigator.clipboard.writeText(text);
      say(button, "Copied");
    } catch {
      say(button, copyOldWay(text) ? "Copied" : "Press Ctrl+C to copy");
    }
  });

  const arrived = () => {
    for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
  };
  document.addEventListener("DOMContentLoaded", arrived);
  document.addEventListener("htmx:after:settle", arrived);
})();
