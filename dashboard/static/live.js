// Says on the page that its events do not come any more, and that they come again. A stream that was
// there is taken up again by htmx; the first request for it, and a stream that ended for good, is not.
// A dashboard that refuses (who asks may not any more, or the pipeline is gone) does answer.
(() => {
  const EVERY_MS = 3000;
  const live = document.getElementById("live");
  const lost = document.getElementById("live-lost");
  const refused = document.getElementById("live-refused");
  if (!live || !lost || !refused) return;
  let open = false, turns = 0, pause = 1;
  const told = () => { open = lost.hidden = refused.hidden = true; turns = 0; pause = 1; };
  const failed = (status) => {
    refused.hidden = !(status >= 400 && status < 500);
    lost.hidden = !refused.hidden;
  };
  document.addEventListener("htmx:sse:error", (event) => failed(event.detail.status));
  document.addEventListener("htmx:response:error", (event) => failed(event.detail.ctx.response.status));
  document.addEventListener("htmx:error", () => failed());
  document.addEventListener("htmx:sse:close", () => { open = false; });
  for (const name of ["htmx:sse:after:connection", "htmx:sse:after:message"]) {
    document.addEventListener(name, told);
  }
  setInterval(() => {
    if (open || document.hidden) return;
    lost.hidden = !refused.hidden;
    // Asking again cuts off the request under way: one that is slow gets twice the time each time.
    if (++turns < pause) return;
    turns = 0;
    pause = Math.min(2 * pause, 8);
    htmx.trigger(live, "again");
  }, EVERY_MS);
})();
