// Keys for grading: m and d give a verdict, u takes the last one back.
// Whoever dictates, or types by accident, switches them off (WCAG 2.2, 2.1.4).
(() => {
  const OFF = "grading:keys-off";
  const KEYS = { m: "meets", d: "fails", u: "undo" };
  const isOff = () => localStorage.getItem(OFF) === "1";
  const button = document.querySelector("[data-grade-keys]");

  const show = () => {
    button.hidden = false;
    button.setAttribute("aria-pressed", String(!isOff()));
    button.textContent = isOff() ? "Keys are off: switch on" : "Keys are on: switch off";
  };

  const isTyping = (element) => element instanceof HTMLElement && element.matches("textarea, select, input");

  document.addEventListener("keydown", (event) => {
    const has = event.ctrlKey || event.metaKey || event.altKey || event.repeat;
    if (has || event.defaultPrevented || isOff() || isTyping(event.target)) return;
    const target = document.querySelector(`[data-grade="${KEYS[event.key]}"]`);
    if (!KEYS[event.key] || !target) return;
    event.preventDefault();
    target.click();
  });

  button.addEventListener("click", () => {
    if (isOff()) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
    show();
  });
  show();
})();
