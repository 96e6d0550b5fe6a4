// Drafts outlive a reload, a lost session and a crash.
import { composer, message, page } from "./page.js";
import { retype, typed } from "./variables.js";

const SENT = "playground:sent";
const named = () => composer()?.dataset.draft || composer()?.elements.conversation?.value || "new";
const keyOf = (name) => `playground:draft:${page()?.dataset.person}:${name}`;
const read = () => { try { return JSON.parse(localStorage.getItem(keyOf(named()))); } catch { return null; } };
const write = (draft) => { try { localStorage.setItem(keyOf(named()), JSON.stringify(draft)); } catch { /* Storage may be full or forbidden. */ } };
export const clear = (name = named()) => { try { localStorage.removeItem(keyOf(name)); } catch { /* As above. */ } };

// Words of what is not kept are not kept in the browser either.
const isUnkept = () => document.querySelector("[data-unkept]") || composer()?.elements.is_unkept?.checked;

export const keep = () => {
  const form = composer();
  if (!form) return;
  const { prompt, system_prompt: system } = form.elements;
  const isChanged = prompt.value || (system && system.value !== system.defaultValue);
  if (!isUnkept() && isChanged) write({ prompt: prompt.value, system: system?.value, variables: typed() });
  else clear();
};

export const restore = () => {
  // Whoever loads a preset wants that one, not what was typed before.
  const draft = composer() && !composer().elements.from_preset && read();
  if (!draft) return;
  const { system_prompt: system } = composer().elements;
  if (!message().value) message().value = draft.prompt || "";
  retype(draft.variables);
  if (system && system.value === system.defaultValue && draft.system) system.value = draft.system;
};

// A form that leads to another page: its draft goes once that page is there, and stays if none comes.
export const leave = () => { try { sessionStorage.setItem(SENT, named()); } catch { /* As above. */ } };
export const arrive = () => {
  try {
    const name = sessionStorage.getItem(SENT);
    sessionStorage.removeItem(SENT);
    if (name && name !== named()) clear(name);
  } catch { /* As above. */ }
};
