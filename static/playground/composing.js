// The composer of conversations and comparisons: the keyboard is enough, what was typed is never lost, and
// errors say what to do.
import { clear, keep, restore } from "./drafts.js";
import { composer, isLive, message, notice, toEnd } from "./page.js";
import { forget } from "./variables.js";

document.addEventListener("input", (event) => { if (event.target.form?.id === "composer") keep(); });

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && isLive() && !document.querySelector(":popover-open")) {
    document.querySelector("[data-stop]").click();
    return;
  }
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  // On a phone the keyboard has no Shift and Enter; there the button sends.
  if (window.matchMedia("(pointer: coarse)").matches) return;
  if (event.target === message()) {
    event.preventDefault();
    if (!isLive()) composer().requestSubmit(document.querySelector("[data-send]"));
  } else if (event.target.matches("[data-edited-prompt]")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

// Before the answer is swapped in: the words leave the box once they are sent, and only then.
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  if (!ctx.sourceElement.closest("#composer, .turn")) return;
  const { status } = ctx.response;
  if (ctx.sourceElement.closest("[data-quiet]")) {
    // A counter that fails says nothing; nobody asked for it.
    if (status !== 200) event.preventDefault();
    return;
  }
  if (status >= 500) {
    event.preventDefault();
    notice("The portal could not do that just now. What you typed is kept: try again in a moment.");
  } else if (status === 403 && !ctx.text.includes("data-refusal")) {
    event.preventDefault();
    notice("Your session changed, perhaps in another tab. What you typed is kept: reload this page and send again.");
  } else if (status === 404) {
    event.preventDefault();
    notice("This is not there any more. Reload the page.");
  } else if (status === 401) {
    ctx.hx.retarget = "#composer-notice";
    ctx.hx.reswap = "innerHTML";
  } else if (status === 200 && ctx.sourceElement.id === "composer") {
    const { prompt, system_prompt: system } = composer().elements;
    clear();
    forget();
    prompt.value = "";
    if (system) system.defaultValue = system.value;
    document.getElementById("composer-notice").replaceChildren();
  }
});
document.addEventListener("htmx:error", (event) => {
  const source = event.detail.ctx?.sourceElement;
  if (source?.closest?.("#composer, .turn") && !source.closest("[data-quiet]")) {
    notice("The portal could not be reached. What you typed is kept: check your connection and try again.");
  }
});
document.addEventListener("playground:sent", () => { toEnd(); message()?.focus(); });

// What is wrong is shown, also where it stands in a panel that is shut.
const showWrong = () => {
  const wrong = document.querySelector("[data-error-of]");
  const field = wrong && composer()?.elements[wrong.dataset.errorOf];
  if (field?.closest("#settings")) {
    document.getElementById("settings").showPopover?.();
    for (let group = field.closest("details"); group; group = group.parentElement.closest("details")) group.open = true;
  }
  if (wrong) wrong.removeAttribute("data-error-of");
  // Behind htmx, which gives the focus back to where it was.
  if (field) setTimeout(() => field.focus(), 60);
};

document.addEventListener("htmx:after:settle", showWrong);
showWrong();
restore();
