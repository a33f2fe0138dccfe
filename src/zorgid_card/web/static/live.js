// A part of a page that the server keeps up to date: polled, or in the place of a form's answer. No page needs it to work.
//
// data-poll="/address" data-every="1500"   the element is replaced by the answer's element of the same id, again and again
// data-submit="id"                          the form of this id is sent as soon as the element appears
// data-go="/address"                        the browser goes there as soon as the element appears
// <form data-live="id">                     the answer's element of this id takes the place of this page's

const asked = { headers: { "X-Live": "1" }, credentials: "same-origin", cache: "no-store" };

async function page(address, options = {}) {
  const answer = await fetch(address, { ...asked, ...options });
  return { status: answer.status, parsed: new DOMParser().parseFromString(await answer.text(), "text/html") };
}

export function put(parsed, id) {
  const found = parsed.getElementById(id);
  const place = document.getElementById(found ? id : "main");
  const fresh = document.adoptNode(found ?? parsed.getElementById("main") ?? parsed.body);
  if (!found && fresh.localName !== "main") return;
  const focused = place.contains(document.activeElement) ? document.activeElement.id : null;
  if (found && place.getAttribute("role") === "status") {
    // what is there is changed, so that a screen reader tells it; the same sentence is not told twice
    if (place.innerHTML !== fresh.innerHTML) place.replaceChildren(...fresh.childNodes);
    for (const name of ["data-poll", "data-every", "data-submit", "data-go"]) {
      if (fresh.hasAttribute(name)) place.setAttribute(name, fresh.getAttribute(name));
      else place.removeAttribute(name);
    }
  } else {
    place.replaceWith(fresh);
  }
  const now = document.getElementById(found ? id : "main");
  if (focused !== null) (document.getElementById(focused) ?? now).focus();
  if (!found) now.focus();
  document.dispatchEvent(new CustomEvent("live", { detail: now }));
  attend(now);
}

function attend(root) {
  for (const part of [root, ...root.querySelectorAll("[data-poll],[data-submit],[data-go]")]) {
    if (part.dataset?.go) location.assign(part.dataset.go);
    else if (part.dataset?.submit) document.getElementById(part.dataset.submit)?.requestSubmit();
    else if (part.dataset?.poll) poll(part);
  }
}

function poll(part) {
  const address = part.dataset.poll;
  setTimeout(async () => {
    if (!part.isConnected || part.dataset.poll !== address) return;
    try {
      const { status, parsed } = await page(address);
      if (status === 429 || status >= 500) poll(part); // asked too often, or the portal is away for a moment
      else if (part.isConnected) put(parsed, part.id);
    } catch {
      poll(part); // the network is
    }
  }, Number(part.dataset.every ?? 2000));
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault(); // a second press is no second request
  if (!form.dataset.live) {
    if (form.method === "post") {
      form.dataset.sent = "1";
      setTimeout(() => delete form.dataset.sent, 5_000); // the answer may be a file, and the page stay
    }
    return;
  }
  event.preventDefault();
  form.dataset.sent = "1";
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const sent = form.method === "post" ? [form.action, { method: "POST", body }] : [`${form.action}?${body}`];
  try {
    const { parsed } = await page(...sent);
    put(parsed, form.dataset.live);
  } catch {
    form.submit(); // the browser tells what is wrong with the network
  } finally {
    delete form.dataset.sent;
  }
});

attend(document.body);
