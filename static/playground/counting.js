// The counter below the message counts the words that stand there now, and none that were sent meanwhile.
import { message } from "./page.js";

export const forgetCount = () => {
  const count = document.getElementById("token-count");
  count?.replaceChildren();
  count?.classList.remove("is-over");
};

document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement, request } = event.detail.ctx;
  if (sourceElement.matches("[data-counts]") && request.body.get("prompt") !== message().value) event.preventDefault();
});
