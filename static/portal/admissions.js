// Keeps a form that saves itself alive through a lost connection and a new sign-in in another tab.
(() => {
  // Signing in again gives the browser a new token; the one printed into this page is then refused.
  const token = () => document.cookie.split("; ").find((one) => one.startsWith("csrftoken="))?.slice(10);

  const isDraft = (element) => element instanceof Element && element.matches("form[data-draft]");

  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    const fresh = token();
    if (fresh && isDraft(ctx.sourceElement)) {
      ctx.request.headers["X-CSRFToken"] = fresh;
      ctx.request.body?.delete?.("csrfmiddlewaretoken");
    }
  });

  document.addEventListener("submit", (event) => {
    const fresh = token();
    const field = isDraft(event.target) && event.target.querySelector("[name=csrfmiddlewaretoken]");
    if (fresh && field) field.value = fresh;
  });

  document.addEventListener("htmx:error", (event) => {
    const line = document.querySelector("[data-save-state]");
    if (line && isDraft(event.detail?.ctx?.sourceElement)) {
      line.textContent = "Not saved: no connection. What you typed stays here, and is saved once you go on typing.";
    }
  });
})();

// Shows a question only after the earlier answer that it depends on, as the server asks for it.
(() => {
  const form = document.querySelector("form[data-draft], form[data-answers]");
  if (!form?.querySelector("[data-shown-if]")) return;

  const answers = (name) =>
    [...form.elements]
      .filter((control) => control.name === name && !control.closest(".field[hidden]"))
      .filter((control) => !["radio", "checkbox"].includes(control.type) || control.checked)
      .map((control) => (control.type === "checkbox" && !control.hasAttribute("value") ? "yes" : control.value));

  const show = () => {
    for (const control of form.querySelectorAll("[data-shown-if]")) {
      const field = control.closest(".field");
      field.hidden = !answers(control.dataset.shownIf).includes(control.dataset.shownAnswer);
    }
  };

  form.addEventListener("input", show);
  form.addEventListener("change", show);
  show();
})();
