// Small comforts that every page shares. Each works on elements that htmx brings later, too.
(() => {
  const arrived = (root) => {
    for (const button of root.querySelectorAll("[data-dismiss]")) button.hidden = false;
    if (!CSS.supports("field-sizing", "content")) {
      for (const area of root.querySelectorAll("textarea:not([rows='1'])")) grow(area);
    }
  };

  const grow = (area) => {
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + 2}px`;
  };

  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (menu !== except) menu.open = false;
    }
  };

  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details[data-menu]"));
    event.target.closest("[data-dismiss]")?.closest("[data-notice]")?.remove();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details[data-menu][open]");
    if (!open) return;
    // Nothing else that Escape does is meant.
    event.preventDefault();
    open.open = false;
    open.querySelector("summary").focus();
  });

  document.addEventListener("input", (event) => {
    if (event.target.matches("textarea") && !CSS.supports("field-sizing", "content")) grow(event.target);
  });

  // A second click on a slow form must not send it twice. htmx and other scripts cancel the event.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    setTimeout(() => {
      if (event.defaultPrevented || form.method !== "post" || form.target) return;
      for (const button of form.querySelectorAll("button[type=submit]")) {
        button.disabled = true;
        setTimeout(() => { button.disabled = false; }, 8000);
      }
    });
  });

  // The browser's back button shows the page as it was left, with its buttons still disabled.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const button of document.querySelectorAll("form button[type=submit]:disabled")) button.disabled = false;
  });

  document.addEventListener("DOMContentLoaded", () => {
    arrived(document);
    // What went wrong must be seen and heard, also at the end of a long form.
    document.querySelector("[data-error-summary]")?.focus();
    // On a phone the side list is a strip; where one is must be in sight.
    const place = document.querySelector(".side-list [aria-current]");
    const strip = place?.closest(".side-list");
    if (strip && strip.scrollWidth > strip.clientWidth) strip.scrollLeft = place.offsetLeft - strip.clientWidth / 3;
  });
  document.addEventListener("htmx:after:settle", () => arrived(document));
})();
