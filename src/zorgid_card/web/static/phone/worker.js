// The service worker: the page opens without a network too, and says that there is none. What the network has goes first,
// always: no copy that is kept here is older than what the portal last served. Messages to the portal it does not touch.

const KEPT = "zorgid-phone-1";
const PAGE = "/phone";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  const ours = origin === location.origin && (pathname === PAGE || pathname.startsWith("/static/"));
  if (ours && event.request.method === "GET") event.respondWith(answer(event.request, pathname));
});

/** By the path alone: what stands behind # in a QR code's address is neither a key here nor kept. */
async function answer(request, pathname) {
  const kept = await caches.open(KEPT);
  try {
    const response = await fetch(request);
    if (response.ok && response.type === "basic" && !response.redirected) await kept.put(pathname, response.clone());
    return response;
  } catch (error) {
    const copy = await kept.match(pathname);
    if (copy) return copy;
    throw error;
  }
}
