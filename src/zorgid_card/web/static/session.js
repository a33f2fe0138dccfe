// Tells in time that the session will end, and lets the person go on with it (WCAG 2.2, 2.2.1). Nothing is loaded anew: a step may be
// under way in this document.

const AHEAD = 120;
const notice = document.getElementById("session");

async function left(options) {
  const answer = await fetch("/session", { credentials: "same-origin", cache: "no-store", ...options });
  return answer.ok ? (await answer.json()).left : 0;
}

function show(seconds) {
  notice.hidden = seconds > AHEAD;
  notice.querySelector(".soon").hidden = seconds <= 0;
  notice.querySelector(".over").hidden = seconds > 0;
  if (seconds > 0) setTimeout(look, 1000 * (seconds > AHEAD ? seconds - AHEAD : seconds + 1));
}

async function look() {
  try {
    show(await left()); // another window may have gone on with it
  } catch {
    setTimeout(look, 10_000); // the network is away for a moment
  }
}

if (notice) {
  show(Number(notice.dataset.left));
  notice.querySelector("button").addEventListener("click", async () => {
    const token = document.querySelector('meta[name="csrf"]').content;
    show(await left({ method: "POST", headers: { "X-CSRF-Token": token } }));
    document.getElementById("main").focus();
  });
}
