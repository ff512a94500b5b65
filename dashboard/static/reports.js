// Says how far the writing of a report is, and shows the page anew when it is over.
const place = document.querySelector("[data-writing]");
async function look() {
  try {
    const answer = await fetch(place.dataset.writing, { headers: { Accept: "application/json" } });
    const told = answer.ok ? await answer.json() : undefined;
    if (told === null || told?.ended_at) return location.reload();
    if (told && place.textContent !== told.message) place.textContent = told.message;
  } catch {
    // The dashboard is away for a moment: it is asked again.
  }
  setTimeout(look, 1500);
}
if (place) setTimeout(look, 1000);
