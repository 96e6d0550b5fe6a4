// Saving a preset: the focus goes into the form that opens, to what is wrong in it, and back to what opened it.
import { focusSoon } from "./page.js";

const met = new WeakSet();
document.addEventListener("htmx:after:settle", () => {
  const news = document.querySelector("#preset-box > *");
  if (!news || met.has(news)) return;
  met.add(news);
  const next = news.querySelector("[aria-invalid=true]") ?? news.querySelector("select, input:not([type=hidden])");
  focusSoon(() => next ?? document.querySelector("[data-saves-preset]"));
});
