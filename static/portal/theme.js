// Chooses light or dark before the first paint: the visitor's own choice, else what the system prefers.
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  const chosen = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // Storage may be forbidden; the system's preference still holds.
    }
  };
  const system = () => (dark.matches ? "dark" : "light");

  const apply = () => {
    const theme = chosen() || system();
    root.dataset.bsTheme = theme;
    const label = document.querySelector("[data-theme-label]");
    if (label) label.textContent = theme === "dark" ? "Switch to light colours" : "Switch to dark colours";
  };

  const toggle = () => {
    const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
    try {
      // Choosing what the system prefers anyway means following the system again.
      if (next === system()) localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
    } catch {
      root.dataset.bsTheme = next;
      return;
    }
    apply();
  };

  root.dataset.scripted = "";
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.hidden = false;
      button.addEventListener("click", toggle);
    }
  });
})();
