"use strict";
// Filters of the findings tables; without scripts every row is simply there.
for (const form of document.querySelectorAll("form.filters")) {
  const rows = [...form.parentElement.querySelectorAll("tbody tr")];
  const shown = form.querySelector("output");
  const apply = () => {
    const severity = form.severity.value, tool = form.tool.value;
    const words = form.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const hit = (!severity || row.dataset.severity === severity)
        && (!tool || row.dataset.tools.split(", ").includes(tool))
        && words.every((word) => text.includes(word));
      row.hidden = !hit;
      count += hit ? 1 : 0;
    }
    shown.textContent = `${count} of ${rows.length} shown`;
  };
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
}
// A link to an app opens it; paper shows everything.
const reveal = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") target.open = true;
};
addEventListener("hashchange", reveal);
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
reveal();
