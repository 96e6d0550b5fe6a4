// A page that comes back into view, or is typed in, asks whether its conversation went on elsewhere, and says so once.
import { rest } from "./composing.js";
import { announce, message, toEnd } from "./page.js";

const PAUSE_MILLISECONDS = 15_000;
let askedAt = performance.now();
let timer = null;
let told = null;

const line = () => document.querySelector("[data-elsewhere]");

const ask = () => {
  clearTimeout(timer);
  if (document.hidden || line()) return;
  const wait = askedAt + PAUSE_MILLISECONDS - performance.now();
  if (wait > 0) {
    timer = setTimeout(ask, wait);
    return;
  }
  askedAt = performance.now();
  document.querySelector("[data-asks-elsewhere]")?.dispatchEvent(new Event("playground:return"));
};

document.addEventListener("visibilitychange", ask);
window.addEventListener("focus", ask);
// Another device leaves this page in view; whoever types here is about to send.
document.addEventListener("input", ({ target }) => { if (target === message()) ask(); });

// What was asked before a message was sent from here is answered by what that brought.
document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement } = event.detail.ctx;
  if (sourceElement.matches("[data-asks-elsewhere]") && !sourceElement.isConnected) event.preventDefault();
});

let isShowing = false;
document.addEventListener("click", ({ target }) => { isShowing = Boolean(target.closest("#elsewhere a")); });
document.addEventListener("htmx:after:settle", () => {
  if (line() && line() !== told) announce(line().textContent);
  told = line();
  // The link is there until what it leads to comes.
  if (!isShowing || told) return;
  isShowing = false;
  toEnd();
  rest();
});
