// Takes what lets an operator in out of the address, and puts it into the form; who has no scripts pastes the link there.

const { hash, pathname } = location;
if (hash.length > 1) {
  document.getElementById("token").value = hash.slice(1);
  document.querySelector(".language a").hash = hash; // the same page in the other language
  history.replaceState(null, "", pathname);
}
