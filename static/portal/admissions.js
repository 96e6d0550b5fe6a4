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
