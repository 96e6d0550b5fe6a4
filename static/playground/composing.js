// The composer of conversations and comparisons: the keyboard is enough, what was typed is never lost, and
// errors say what to do.
import { forgetCount } from "./counting.js";
import { clear, keep, restore } from "./drafts.js";
import { composer, isLive, message, notice, toEnd } from "./page.js";
import { forget } from "./variables.js";

document.addEventListener("input", (event) => {
  if (event.target.form?.id === "composer") keep();
  // What was wrong with the message is said once, not while it is being put right.
  if (event.target === message() || event.target.matches("[data-edited-prompt]")) {
    document.querySelector("#composer-notice [data-shown-of=prompt]")?.remove();
  }
});

// On a phone the keyboard has no Shift and Enter, and covers half of what is read.
const isTouched = () => window.matchMedia("(pointer: coarse)").matches;

// Back to the message, where the next one is typed; on a phone that would bring the keyboard back over the answer.
export const rest = () => {
  if (isTouched()) message()?.blur();
  else message()?.focus();
};

// The words stay in an editor that is shut.
const shut = (editor) => {
  editor.open = false;
  editor.querySelector("summary").focus();
};

// The button is disabled while a request is under way. A second one would wait for it, and show its answer again.
const sendOnce = (form, button) => { if (!button.disabled) form.requestSubmit(button); };

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector(":popover-open")) {
    if (isLive()) document.querySelector("[data-stop]").click();
    else if (event.target.matches("[data-edited-prompt]")) shut(event.target.closest("details"));
    return;
  }
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  // There the button sends.
  if (isTouched()) return;
  if (event.target === message()) {
    event.preventDefault();
    if (!isLive()) sendOnce(composer(), document.querySelector("[data-send]"));
  } else if (event.target.matches("[data-edited-prompt]")) {
    event.preventDefault();
    sendOnce(event.target.form, event.target.form.querySelector("button"));
  }
});

// On a slow network one types on while a message is under way: of what stands in the box, that was not sent.
const unsent = (typed, { request }) => {
  const sent = request.body.get("prompt");
  return typed.startsWith(sent) ? typed.slice(sent.length).trimStart() : typed;
};

// A message that is refused comes back as it was sent; what stands in the box by then is newer.
let typed = null;
const giveBack = () => {
  if (typed === null) return;
  message().value = typed;
  typed = null;
  keep();
};

// The form that was answered last.
let asked = null;

// Before the answer is swapped in: the words leave the box once they are sent, and only then.
document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const { status } = ctx.response;
  if (ctx.sourceElement.closest("[data-quiet]")) {
    // What asks by itself says nothing when it fails, nobody waits for it; and what it shows stays, to ask again.
    if (status !== 200) event.preventDefault();
    return;
  }
  if (!ctx.sourceElement.closest("#composer, .turn")) return;
  asked = ctx.sourceElement;
  if (status >= 500 && ctx.sourceElement.matches("[data-stream]")) {
    // Who follows an answer asks for its end again and again.
    event.preventDefault();
  } else if (status >= 500) {
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
  } else if (status === 422 && ctx.sourceElement.id === "composer") {
    typed = message().value;
  } else if (status === 200 && ctx.sourceElement.id === "composer") {
    const { prompt, system_prompt: system } = composer().elements;
    clear();
    forget();
    forgetCount();
    prompt.value = unsent(prompt.value, ctx);
    if (system) system.defaultValue = system.value;
    document.getElementById("composer-notice").replaceChildren();
  }
});
document.addEventListener("htmx:error", (event) => {
  const source = event.detail.ctx?.sourceElement;
  if (source?.closest?.("#composer, .turn") && !source.closest("[data-quiet], [data-stream]")) {
    notice("The portal could not be reached. What you typed is kept: check your connection and try again.");
  }
});
document.addEventListener("playground:sent", () => { toEnd(); rest(); keep(); });
// The button goes away under who pressed it.
document.addEventListener("click", (event) => {
  const stop = event.target.closest("[data-stop]");
  if (stop && stop === document.activeElement) rest();
});

// What is wrong is shown, also where it stands in a panel that is shut.
const showWrong = () => {
  const wrong = document.querySelector("[data-error-of]");
  // An editor is mended where it is.
  const form = wrong?.dataset.errorOf === "prompt" && asked?.isConnected && asked.elements?.prompt ? asked : composer();
  const field = wrong && form?.elements[wrong.dataset.errorOf];
  const panel = field?.closest("#settings");
  if (panel) {
    // Where it stands beside the thread it is no popover: as one it would lie across the whole page.
    if (!panel.checkVisibility()) panel.showPopover?.();
    for (let group = field.closest("details"); group; group = group.parentElement.closest("details")) group.open = true;
  }
  if (wrong) {
    wrong.dataset.shownOf = wrong.dataset.errorOf;
    delete wrong.dataset.errorOf;
  }
  // Behind htmx, which gives the focus back to where it was.
  if (field) setTimeout(() => field.focus(), 60);
};

// The same holds for one that is open when its page becomes wide, as on a tablet that is turned.
window.addEventListener("resize", () => {
  for (const panel of document.querySelectorAll(":popover-open")) {
    const opener = document.querySelector(`.talk [popovertarget="${panel.id}"]`);
    if (opener && !opener.checkVisibility()) panel.hidePopover();
  }
});

document.addEventListener("htmx:after:settle", () => { giveBack(); showWrong(); });
showWrong();
restore();
// Whoever opens a talk types at once, as far as nothing else was chosen.
if (!isTouched() && composer()?.matches(".composer") && document.activeElement === document.body) {
  message().focus({ preventScroll: true });
}
