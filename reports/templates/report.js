"use strict";
// Filters, and apps of a large fleet that are parsed when they are opened. Without scripts each row
// and each app is simply there: a browser then reads what stands in <noscript>.
const words = (form) => form.words.value.toLowerCase().split(/\s+/).filter(Boolean);
const quiet = (form) => {
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
};

const filterRows = (form) => {
  const rows = [...form.parentElement.querySelectorAll("tbody tr")];
  const shown = form.querySelector("output");
  quiet(form);
  form.addEventListener("input", () => {
    const severity = form.severity.value, tool = form.tool.value, wanted = words(form);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const hit = (!severity || row.dataset.severity === severity)
        && (!tool || row.dataset.tools.split(", ").includes(tool))
        && wanted.every((word) => text.includes(word));
      row.hidden = !hit;
      count += hit ? 1 : 0;
    }
    shown.textContent = `${count} of ${rows.length} shown`;
  });
};

// The text in <noscript> is the page's own, escaped as all of it, and is read once, as it would have
// been without scripts. Neither could run anything: the policy lets no script but this one.
const held = (app) => app.querySelector(":scope > noscript");
const fill = (app) => {
  const text = held(app);
  if (!text) return;
  const box = document.createElement("template");
  box.innerHTML = text.textContent;
  text.replaceWith(box.content);
};

const apps = [...document.querySelectorAll("details.app, .apps tbody tr")];
for (const app of apps) app.addEventListener("toggle", () => app.open && fill(app));

// Apps by state and words. What nobody opened yet is markup still: its tags end at the next ">", as
// each one of a value is escaped. What a filter offers is said of every app.
const ENTITIES = {"&lt;": "<", "&gt;": ">", "&#34;": '"', "&#39;": "'", "&amp;": "&"};
const plain = (markup) => markup.replace(/<form[^]*?<\/form>|<[^>]*>/g, " ")
  .replace(/&(?:lt|gt|amp|#34|#39);/g, (entity) => ENTITIES[entity]);
const texts = new Map();
const textOf = (app) => {
  if (!texts.has(app)) {
    const said = app.matches("tr") ? [app] : [...app.querySelectorAll("summary, td, th, li, .alert")];
    const markup = held(app) ? plain(held(app).textContent) : "";
    texts.set(app, `${said.map((one) => one.textContent).join(" ")} ${markup}`.toLowerCase());
  }
  return texts.get(app);
};
const filterApps = (form) => {
  const shown = form.querySelector("output");
  const apply = () => {
    const state = form.state.value, wanted = words(form);
    let count = 0;
    for (const app of apps) {
      const hit = (!state || app.dataset.state === state)
        && wanted.every((word) => textOf(app).includes(word));
      app.hidden = !hit;
      count += hit ? 1 : 0;
    }
    shown.textContent = `${count} of ${apps.length} apps`;
  };
  quiet(form);
  form.addEventListener("input", apply);
  form.elements.open?.addEventListener("click", () => {
    for (const app of apps) if (!app.hidden) app.open = true;
  });
  form.elements.close?.addEventListener("click", () => {
    for (const app of apps) app.open = false;
  });
};
document.querySelectorAll("form.apps").forEach(filterApps);
document.querySelectorAll("main > section form.filters:not(.apps)").forEach(filterRows);

// A link to an app opens it.
const reveal = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (!target || !target.matches("details.app")) return;
  target.hidden = false;
  fill(target);
  target.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();

// Paper shows all tables, each app of a small fleet, and of a large one those that are open.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details.more:not([open])")];
  if (!document.querySelector("form.apps")) opened.push(...apps.filter((app) => app.open === false));
  for (const details of opened) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
});
