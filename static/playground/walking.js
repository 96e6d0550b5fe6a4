// Who walks between versions stands on the same step of the branch that comes, to go on from there.
const places = () => [...document.querySelectorAll(".versions")];
const wayOf = (link) => link.querySelector("[aria-label]").getAttribute("aria-label");
let step = null;

document.addEventListener("click", (event) => {
  const link = event.target.closest(".versions a");
  step = link && { place: places().indexOf(link.closest(".versions")), way: wayOf(link) };
});

document.addEventListener("htmx:after:settle", () => {
  // The link is still there until its branch comes.
  if (!step || document.activeElement !== document.body) return;
  const links = [...(places()[step.place]?.querySelectorAll("a") ?? [])];
  const next = links.find((link) => wayOf(link) === step.way) ?? links[0];
  next?.focus({ preventScroll: true });
  step = null;
});
