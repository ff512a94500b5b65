// Says on the page that its events do not come any more, and that they come again.
(() => {
  const lost = document.getElementById("live-lost");
  if (!lost) return;
  const show = (hidden) => { lost.hidden = hidden; };
  document.addEventListener("htmx:sse:error", () => show(false));
  document.addEventListener("htmx:error", () => show(false));
  for (const name of ["htmx:sse:after:connection", "htmx:sse:after:message"]) {
    document.addEventListener(name, () => show(true));
  }
})();
