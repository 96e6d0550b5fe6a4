// The pages of comparisons: all columns are followed at once, one composer asks and stops them all.
import "./composing.js";
import { arrive, leave } from "./drafts.js";
import "./feedback.js";
import { followAll } from "./following.js";
import { announce, toEnd } from "./page.js";

// A new comparison is sent without htmx, and its page comes in place of this one.
document.addEventListener("submit", (event) => { if (event.target.matches(".compare-new")) leave(); });

// What the columns are stands at the top of the board.
document.addEventListener("playground:voted", () => {
  const board = document.getElementById("board");
  board.focus({ preventScroll: true });
  board.scrollIntoView({ block: "start", behavior: "instant" });
  announce("Your vote is kept. The columns are named now.");
});

// The button that changed the columns may be gone with them: the focus goes where one goes on.
let changed = null;
document.addEventListener("click", ({ target }) => { changed = target.closest("#columns button") && document.getElementById("columns"); });
document.addEventListener("htmx:after:settle", () => {
  if (!changed || changed.isConnected) return;
  changed = null;
  if (document.activeElement !== document.body) return;
  const last = [...document.querySelectorAll(".compare-column")].at(-1);
  (document.getElementById("add-column") ?? last.querySelector("select")).focus();
});

document.addEventListener("htmx:after:settle", followAll);
followAll();
arrive();
document.querySelector(".compare-new [aria-invalid=true]")?.focus();
if (document.querySelector(".round")) toEnd();
