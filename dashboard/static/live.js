// Says on the page that its events do not come any more, and that they come again. A stream that was
// there is taken up again by htmx; the first request for it, and a stream that ended for good, is not.
(() => {
  const EVERY_MS = 3000;
  const live = document.getElementById("live");
  const lost = document.getElementById("live-lost");
  if (!live || !lost) return;
  let open = false;
  const told = () => { open = true; lost.hidden = true; };
  document.addEventListener("htmx:sse:error", () => { lost.hidden = false; });
  document.addEventListener("htmx:error", () => { lost.hidden = false; });
  document.addEventListener("htmx:sse:close", () => { open = false; });
  for (const name of ["htmx:sse:after:connection", "htmx:sse:after:message"]) {
    document.addEventListener(name, told);
  }
  setInterval(() => {
    if (open || document.hidden) return;
    lost.hidden = false;
    htmx.trigger(live, "again");
  }, EVERY_MS);
})();
