// The page of conversations.
import "./composing.js";
import "./elsewhere.js";
import "./feedback.js";
import { followAll } from "./following.js";
import { toEnd } from "./page.js";
import "./presets.js";
import "./searching.js";
import "./walking.js";

document.addEventListener("change", (event) => { event.target.closest("[data-release-choice]")?.submit(); });

// An opened editor has the words selected by a caret at their end.
document.addEventListener("toggle", (event) => {
  const box = event.target.open && event.target.querySelector?.("[data-edited-prompt]");
  if (!box) return;
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
}, true);

document.addEventListener("htmx:after:settle", followAll);
followAll();
if (document.querySelector(".turn") && !new URLSearchParams(location.search).has("at")) toEnd();
