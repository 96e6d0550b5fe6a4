// The page of conversations.
import "./composing.js";
import "./feedback.js";
import { followAll } from "./following.js";
import { composer, message, toEnd } from "./page.js";

document.addEventListener("change", (event) => { event.target.closest("[data-release-choice]")?.submit(); });

// An opened editor has the words selected by a caret at their end.
document.addEventListener("toggle", (event) => {
  const box = event.target.open && event.target.querySelector?.("[data-edited-prompt]");
  if (!box) return;
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
}, true);

const arrived = () => {
  followAll();
  const wrong = document.querySelector("[data-error-of]");
  const field = wrong && composer()?.elements[wrong.dataset.errorOf];
  if (field && field !== message()) {
    document.getElementById("settings")?.showPopover?.();
    for (let group = field.closest("details"); group; group = group.parentElement.closest("details")) group.open = true;
  }
  if (wrong) wrong.removeAttribute("data-error-of");
  // Behind htmx, which gives the focus back to where it was.
  if (field) setTimeout(() => field.focus(), 60);
};

document.addEventListener("htmx:after:settle", arrived);
arrived();
if (document.querySelector(".turn") && !new URLSearchParams(location.search).has("at")) toEnd();
