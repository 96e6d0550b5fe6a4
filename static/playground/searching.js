// The search of the side bar: where it fails a line in the list says so, and the next one that succeeds replaces it.
import { announce } from "./page.js";

const tell = (words) => {
  const line = document.createElement("li");
  line.className = "talk-list-none";
  line.textContent = words;
  document.getElementById("talk-list").replaceChildren(line);
  announce(words);
};
const isSearch = (event) => event.detail.ctx?.sourceElement?.id === "talks-search";

document.addEventListener("htmx:after:request", (event) => {
  if (!isSearch(event)) return;
  const { status } = event.detail.ctx.response;
  if (status === 200) return;
  event.preventDefault();
  tell(status === 401 ? "You have been signed out. Reload this page." : "The portal could not search just now. Try again in a moment.");
});
document.addEventListener("htmx:error", (event) => {
  if (isSearch(event)) tell("The portal could not be reached. Check your connection, and search again.");
});
