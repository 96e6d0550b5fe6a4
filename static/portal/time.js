// Shows each <time data-local="datetime|date|time|relative"> in the reader's own zone, UTC in its title.
(() => {
  const styles = {
    datetime: { dateStyle: "medium", timeStyle: "short" },
    long: { weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" },
    date: { dateStyle: "medium" },
    time: { timeStyle: "short" },
  };
  const units = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const relative = new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" });

  const ago = (moment) => {
    const seconds = Math.round((moment - Date.now()) / 1000);
    for (const [unit, size] of units) {
      if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
    }
    return seconds > 0 ? "in a moment" : "just now";
  };

  const write = (element) => {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    const style = element.dataset.local;
    if (!element.title) element.title = element.textContent.trim();
    element.textContent = style === "relative"
      ? ago(moment)
      : new Intl.DateTimeFormat("en-GB", styles[style] || styles.datetime).format(moment);
  };

  const arrived = (root) => {
    for (const element of root.querySelectorAll("time[data-local]")) write(element);
    for (const element of root.querySelectorAll("[data-time-zone]")) {
      element.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone.replaceAll("_", " ");
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    arrived(document);
    setInterval(() => {
      for (const element of document.querySelectorAll("time[data-local=relative]")) write(element);
    }, 60000);
  });
  document.addEventListener("htmx:after:settle", () => arrived(document));
})();
