// A field for each {{variable}} of the message, which the server names while one types. What was typed into a field
// comes back with it, so that a brace that is taken away and set again loses nothing.
import { announce, composer, message } from "./page.js";

const values = new Map();
let told = "";

const box = () => document.getElementById("variables");
const fields = () => [...(box()?.querySelectorAll("textarea") ?? [])];

export const typed = () => Object.fromEntries(values);
const ask = () => {
  if (message()?.value.includes("{{") || box()?.childElementCount) box()?.dispatchEvent(new Event("playground:variables"));
};
export const retype = (given) => {
  for (const [name, value] of Object.entries(given ?? {})) values.set(name, value);
  ask();
};
export const forget = () => {
  values.clear();
  box()?.replaceChildren();
};

// In front of the draft, which keeps them.
document.addEventListener("input", ({ target }) => {
  if (target.form !== composer()) return;
  if (fields().includes(target)) values.set(target.name, target.value);
  if (target === message() || box()?.contains(target)) ask();
}, true);

// Fields for a message that was sent meanwhile, or typed on: they are forgotten, or others are asked for already.
document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement, request } = event.detail.ctx;
  if (sourceElement === box() && request.body.get("prompt") !== message().value) event.preventDefault();
});

document.addEventListener("htmx:after:settle", () => {
  const empty = fields().filter((field) => !field.value && values.get(field.name));
  for (const field of empty) field.value = values.get(field.name);
  if (empty.length) ask();
  const names = fields().map((field) => field.labels[0].firstChild.data).join(", ");
  if (names && names !== told) announce(`Fields for these variables stand below the message: ${names}`);
  told = names;
});
