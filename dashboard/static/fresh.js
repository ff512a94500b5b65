// Asks for the part of a page that changes, while somebody looks: `#fresh-every` in the part says how
// often, and a part without it does not change any more. Says so when no answer comes, and asks less often.
(() => {
  const MOST_MS = 60000;
  const [asks, part, lost, refused] = ["fresh-asks", "fresh", "fresh-lost", "fresh-refused"]
    .map((id) => document.getElementById(id));
  if (!asks || !part || !lost || !refused || typeof htmx === "undefined") return;
  let due = false, failures = 0, focused = null;
  const ended = (status) => {
    const answered = status < 400;
    failures = answered ? 0 : failures + 1;
    refused.hidden = !(status >= 400 && status < 500);
    lost.hidden = answered || !refused.hidden;
  };
  const ask = () => {
    due = document.hidden;
    if (!due) htmx.trigger(asks, "again");
  };
  const wait = () => {
    const seconds = Number(document.getElementById("fresh-every")?.dataset.seconds ?? 0);
    if (seconds > 0) setTimeout(ask, Math.min(seconds * 1000 * 2 ** failures, MOST_MS));
  };
  document.addEventListener("visibilitychange", () => {
    if (due && !document.hidden) ask();
  });
  document.addEventListener("htmx:after:request", (event) => ended(event.detail.ctx.response.status));
  document.addEventListener("htmx:error", () => ended(NaN));
  document.addEventListener("htmx:before:swap", () => { focused = document.activeElement; });
  document.addEventListener("htmx:after:swap", () => {
    // What was focused is gone: the keyboard goes on beside it, and not at the top of the page.
    if (focused && !focused.isConnected) part.querySelector(".scroll")?.focus({ preventScroll: true });
  });
  document.addEventListener("htmx:finally:request", wait);
  wait();
})();
