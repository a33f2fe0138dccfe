// Takes what a QR code brought out of the address, before anything else: no history, bookmark or shared link shall have it.

const taken = [];
let listener = null;

function take() {
  const { href, hash, pathname } = location;
  if (!/^#\d+\./.test(hash)) return; // of any version; all else only leads to a place in the page
  history.replaceState(null, "", pathname);
  if (listener) listener(href);
  else taken.push(href);
}

take();
addEventListener("hashchange", take);

/** Gives every address with a fragment to `heard`: what came before, and what comes while the page is open. */
export function onScanned(heard) {
  listener = heard;
  for (const address of taken.splice(0)) heard(address);
}
