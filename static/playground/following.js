// Follows answers as they are written.
import { announce, isAtEnd, toEnd } from "./page.js";
import { render } from "./rendering.js";

const RETRY_MILLISECONDS = [500, 1000, 2000, 5000];
const ENDS = { done: "The answer is complete.", failed: "The answer failed." };

const keepAtEnd = (step) => {
  const follows = isAtEnd();
  step();
  if (follows) toEnd();
};

// One for each answer that is being written.
class Follower {
  constructor(answer) {
    this.answer = answer;
    this.text = answer.querySelector("[data-text]");
    this.after = answer.dataset.after || "";
    this.waiting = "";
    this.failures = 0;
    this.whole = this.text.textContent;
    if (this.whole) this.show();
    this.connect();
  }

  connect() {
    const { stream, ticket } = this.answer.dataset;
    const source = new EventSource(`${stream}?${new URLSearchParams({ ticket, after: this.after })}`);
    this.source = source;
    source.addEventListener("open", () => { this.failures = 0; });
    source.addEventListener("token", (event) => this.add(event));
    source.addEventListener("snapshot", (event) => this.replace(event));
    source.addEventListener("state", (event) => this.tell(event));
    source.addEventListener("place", (event) => this.tellPlace(event));
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
    if (this.isLeft()) return;
    this.after = event.lastEventId;
    if (!this.waiting) requestAnimationFrame(() => this.paint());
    this.waiting += JSON.parse(event.data).text;
  }

  replace(event) {
    this.waiting = "";
    this.after = event.lastEventId;
    this.whole = JSON.parse(event.data).text;
    this.show();
  }

  paint() {
    this.whole += this.waiting;
    this.waiting = "";
    this.show();
  }

  show() {
    this.text.classList.toggle("is-writing", this.whole !== "");
    render(this.text, this.whole, { around: keepAtEnd });
  }

  tell(event) {
    const words = this.answer.querySelector("[data-state-words]");
    if (words && JSON.parse(event.data).status === "running") words.textContent = "Reading your message";
    this.announce("The model is answering.");
  }

  tellPlace(event) {
    const words = this.answer.querySelector("[data-state-words]");
    const place = Number(JSON.parse(event.data).place);
    const told = place === 1 ? "Next in line" : `Waiting: number ${place} in line`;
    if (words) words.textContent = told;
    this.announce(told);
  }

  // Of several columns each says which it is.
  announce(words) {
    const { name } = this.answer.dataset;
    announce(name && words ? `${name}: ${words}` : words);
  }

  // The reader walked to another branch: nobody looks at this one any more.
  isLeft() {
    if (!this.answer.isConnected) this.source.close();
    return !this.answer.isConnected;
  }

  async end() {
    this.source.close();
    if (this.waiting) this.paint();
    if (!this.answer.isConnected) return;
    const { id, dataset } = this.answer;
    const follows = isAtEnd();
    await htmx.ajax("GET", dataset.fragment, { source: this.answer, target: `#${id}`, swap: "outerHTML" });
    // The same element still there means that the portal could not be reached.
    if (this.answer.isConnected) {
      this.later();
      return;
    }
    const ended = document.getElementById(id);
    // A stop is acknowledged with what is kept and what is given back.
    this.announce(ended?.querySelector("[data-told]")?.textContent ?? ENDS[ended?.dataset.status] ?? "");
    if (follows) toEnd();
  }
}

const followed = new WeakSet();
export const followAll = () => {
  for (const answer of document.querySelectorAll("[data-stream]")) {
    if (followed.has(answer)) continue;
    followed.add(answer);
    new Follower(answer);
  }
};
