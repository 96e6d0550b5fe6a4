// The form behind the thumbs of an answer: the focus goes in and comes back, and what became of it is said aloud.
import { announce, focusSoon } from "./page.js";

const met = new WeakSet();
document.addEventListener("htmx:after:settle", () => {
  for (const news of document.querySelectorAll(".feedback-box > *")) {
    if (met.has(news)) continue;
    met.add(news);
    const first = news.querySelector("[name=rating]:checked") || news.querySelector("[name=rating]");
    if (first) focusSoon(() => first);
    else {
      const feedback = news.closest(".feedback");
      focusSoon(() => feedback.querySelector("[aria-current]") || feedback.querySelector("a"));
      announce(news.textContent);
    }
  }
});

document.addEventListener("click", (event) => {
  const cancel = event.target.closest("[data-close-feedback]");
  if (!cancel) return;
  event.preventDefault();
  const feedback = cancel.closest(".feedback");
  feedback.querySelector(".feedback-box").replaceChildren();
  feedback.querySelector("a").focus();
});
