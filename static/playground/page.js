// What all parts of the playground's page share: where things are, what is said aloud, and where the page stands.

export const page = () => document.querySelector("[data-playground]");
export const composer = () => document.getElementById("composer");
export const message = () => composer()?.elements.prompt;
export const isLive = () => document.querySelector("[data-stop]") !== null;

// A line for each: a screen reader says every line that is added, but of a text that is replaced the last alone.
const LINES_KEPT = 4;
export const announce = (words) => {
  const announcer = document.querySelector("[data-announcer]");
  if (!announcer || !words) return;
  const line = document.createElement("p");
  line.textContent = words;
  announcer.append(line);
  while (announcer.children.length > LINES_KEPT) announcer.firstElementChild.remove();
};

export const notice = (words) => {
  const box = document.getElementById("composer-notice");
  if (!box) return;
  const line = document.createElement("p");
  line.className = "notice notice-warning";
  line.textContent = words;
  box.replaceChildren(line);
};

// The page follows the text as long as its reader stands at the end.
const NEAR_PIXELS = 120;
export const isAtEnd = () => window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - NEAR_PIXELS;
export const toEnd = () => window.scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });

// Behind htmx, which gives the focus back to where it was; who types somewhere else by then stays there.
export const focusSoon = (found) => setTimeout(() => {
  if (!document.activeElement?.matches("input, textarea, select")) found()?.focus();
}, 60);
