// The playground: follows answers as they are written, keeps drafts, and makes the keyboard enough.
(() => {
  const page = () => document.querySelector("[data-playground]");
  const composer = () => document.getElementById("composer");
  const message = () => composer()?.elements.prompt;
  const store = {
    key: () => `playground:draft:${page()?.dataset.person}:${composer()?.elements.conversation.value || "new"}`,
    read: () => { try { return JSON.parse(localStorage.getItem(store.key())); } catch { return null; } },
    write: (draft) => { try { localStorage.setItem(store.key(), JSON.stringify(draft)); } catch { /* Storage may be full or forbidden. */ } },
    clear: () => { try { localStorage.removeItem(store.key()); } catch { /* As above. */ } },
  };

  const announce = (words) => {
    const announcer = document.querySelector("[data-announcer]");
    if (announcer) announcer.textContent = words;
  };
  const notice = (words) => {
    const box = document.getElementById("composer-notice");
    if (!box) return;
    const line = document.createElement("p");
    line.className = "notice notice-warning";
    line.textContent = words;
    box.replaceChildren(line);
  };

  // The page follows the text as long as its reader stands at the end.
  const NEAR_PIXELS = 120;
  const isAtEnd = () => window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - NEAR_PIXELS;
  const toEnd = () => window.scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });

  // One follower for each answer that is being written.
  const RETRY_MILLISECONDS = [500, 1000, 2000, 5000];
  class Follower {
    constructor(answer) {
      this.answer = answer;
      this.text = answer.querySelector("[data-text]");
      this.after = answer.dataset.after || "";
      this.waiting = "";
      this.failures = 0;
      this.text.classList.toggle("is-writing", this.text.textContent !== "");
      this.connect();
    }

    connect() {
      const source = new EventSource(`${this.answer.dataset.stream}${this.after ? `?after=${this.after}` : ""}`);
      this.source = source;
      source.addEventListener("open", () => { this.failures = 0; });
      source.addEventListener("token", (event) => this.add(event));
      source.addEventListener("snapshot", (event) => this.replace(event));
      source.addEventListener("state", (event) => this.tell(event));
      source.addEventListener("end", () => this.end());
      // The browser connects again by itself unless the server answered with an error.
      source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) this.later(); });
    }

    later() {
      if (!this.answer.isConnected) return;
      const pause = RETRY_MILLISECONDS[Math.min(this.failures, RETRY_MILLISECONDS.length - 1)];
      this.failures += 1;
      // An error may mean that the answer ended or that the session did; the fragment tells which.
      setTimeout(() => (this.failures > RETRY_MILLISECONDS.length ? this.end() : this.connect()), pause);
    }

    add(event) {
      this.after = event.lastEventId;
      if (!this.waiting) requestAnimationFrame(() => this.paint());
      this.waiting += JSON.parse(event.data).text;
    }

    replace(event) {
      const text = JSON.parse(event.data).text;
      this.waiting = "";
      this.after = event.lastEventId;
      this.text.textContent = text;
    }

    // A model's words are only ever text nodes here.
    paint() {
      const follows = isAtEnd();
      this.text.append(this.waiting);
      this.waiting = "";
      this.text.classList.add("is-writing");
      if (follows) toEnd();
    }

    tell(event) {
      const words = this.answer.querySelector("[data-state-words]");
      if (words && JSON.parse(event.data).status === "running") words.textContent = "Reading your message";
      announce("The model is answering.");
    }

    async end() {
      this.source.close();
      if (this.waiting) this.paint();
      if (!this.answer.isConnected) return;
      const { id, dataset } = this.answer;
      const follows = isAtEnd();
      await htmx.ajax("GET", dataset.fragment, { target: `#${id}`, swap: "outerHTML" });
      // The same element still there means that the portal could not be reached.
      if (this.answer.isConnected) {
        this.later();
        return;
      }
      const status = document.getElementById(id)?.dataset.status;
      announce({ done: "The answer is complete.", cancelled: "The answer was stopped.", failed: "The answer failed." }[status] || "");
      if (follows) toEnd();
    }
  }

  const followed = new WeakSet();
  const followAll = () => {
    for (const answer of document.querySelectorAll("[data-stream]")) {
      if (followed.has(answer)) continue;
      followed.add(answer);
      new Follower(answer);
    }
  };
  const isLive = () => document.querySelector("[data-stop]") !== null;

  // Drafts outlive a reload, a lost session and a crash.
  const keep = () => {
    const form = composer();
    if (!form) return;
    const { prompt, system_prompt: system } = form.elements;
    if (prompt.value || system.value !== system.defaultValue) store.write({ prompt: prompt.value, system: system.value });
    else store.clear();
  };
  const restore = () => {
    const draft = composer() && store.read();
    if (!draft) return;
    const { prompt, system_prompt: system } = composer().elements;
    if (!prompt.value) prompt.value = draft.prompt || "";
    if (system.value === system.defaultValue && draft.system) system.value = draft.system;
  };

  document.addEventListener("input", (event) => { if (event.target.form?.id === "composer") keep(); });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isLive() && !document.querySelector(":popover-open")) {
      document.querySelector("[data-stop]").click();
      return;
    }
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target !== message()) return;
    // On a phone the keyboard has no Shift and Enter; there the button sends.
    if (window.matchMedia("(pointer: coarse)").matches) return;
    event.preventDefault();
    if (!isLive()) composer().requestSubmit();
  });

  document.addEventListener("change", (event) => { event.target.closest("[data-release-choice]")?.submit(); });

  // Before the answer is swapped in: the words leave the box once they are sent, and only then.
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    if (!ctx.sourceElement.closest("#composer, .answer")) return;
    const { status } = ctx.response;
    if (status >= 500) {
      event.preventDefault();
      notice("The portal could not do that just now. What you typed is kept: try again in a moment.");
    } else if (status === 403 && !ctx.text.includes("data-refusal")) {
      event.preventDefault();
      notice("Your session changed, perhaps in another tab. What you typed is kept: reload this page and send again.");
    } else if (status === 404) {
      event.preventDefault();
      notice("This conversation or answer is not there any more. Reload the page.");
    } else if (status === 401) {
      ctx.hx.retarget = "#composer-notice";
      ctx.hx.reswap = "innerHTML";
    } else if (status === 200 && ctx.sourceElement.id === "composer") {
      const { prompt, system_prompt: system } = composer().elements;
      store.clear();
      prompt.value = "";
      system.defaultValue = system.value;
      document.getElementById("composer-notice").replaceChildren();
    }
  });
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx?.sourceElement?.closest?.("#composer, .answer")) {
      notice("The portal could not be reached. What you typed is kept: check your connection and try again.");
    }
  });
  document.addEventListener("playground:sent", () => { toEnd(); message()?.focus(); });

  const arrived = () => {
    followAll();
    const wrong = document.querySelector("[data-error-of]");
    const field = wrong && composer()?.elements[wrong.dataset.errorOf];
    if (field && field !== message()) document.getElementById("settings")?.showPopover?.();
    if (wrong) wrong.removeAttribute("data-error-of");
    // Behind htmx, which gives the focus back to where it was.
    if (field) setTimeout(() => field.focus(), 60);
  };
  document.addEventListener("DOMContentLoaded", () => {
    restore();
    arrived();
    if (document.querySelector(".turn")) toEnd();
  });
  document.addEventListener("htmx:after:settle", arrived);
})();
