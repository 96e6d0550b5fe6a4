// Keys for reviewers: j and k walk the list, x chooses, a d w i lead to a decision, which Enter then takes.
// Whoever dictates, or types by accident, switches them off (WCAG 2.2, 2.1.4).
(() => {
  const OFF = "reviewing:keys-off";
  const isOff = () => localStorage.getItem(OFF) === "1";

  const showSwitch = () => {
    for (const button of document.querySelectorAll("[data-keys-switch]")) {
      button.hidden = false;
      button.setAttribute("aria-pressed", String(!isOff()));
      button.textContent = isOff() ? "Keys are off: switch on" : "Keys are on: switch off";
    }
  };

  const rows = () => [...document.querySelectorAll("[data-review-row]")];

  const walk = (step) => {
    const all = rows();
    if (!all.length) {
      document.querySelector(`[data-review-${step > 0 ? "next" : "back"}]`)?.click();
      return;
    }
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const to = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    to.querySelector("a").focus();
  };

  const choose = () => {
    const row = document.activeElement?.closest("[data-review-row]");
    row?.querySelector("input[type=checkbox]")?.click();
  };

  const go = (selector) => document.querySelector(selector)?.focus();

  const KEYS = {
    j: () => walk(1),
    k: () => walk(-1),
    x: choose,
    a: () => go(".decision [value=approve], .decision [value=accept]"),
    w: () => go(".decision [value=waitlist]"),
    d: () => go(".decision [name=reason]"),
    i: () => go(".decision [name=message]"),
    "?": () => {
      const help = document.querySelector("[data-keys-help]");
      if (help) help.open = !help.open;
    },
  };

  const isTyping = (element) =>
    element instanceof HTMLElement &&
    (element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox]):not([type=radio])"));

  document.addEventListener("keydown", (event) => {
    const has = event.ctrlKey || event.metaKey || event.altKey;
    if (has || event.defaultPrevented || isOff() || isTyping(event.target)) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-keys-switch]")) return;
    if (isOff()) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
    showSwitch();
  });

  document.addEventListener("htmx:after:settle", showSwitch);
  showSwitch();
})();
