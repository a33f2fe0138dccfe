// Between a page's messages and the extension: who asks, the browser tells the background script.
window.addEventListener("message", async ({ source, origin, data }) => {
  if (source !== window || typeof data?.action !== "string" || !/^web-eid:[a-z-]+$/.test(data.action)) return;
  window.postMessage({ action: `${data.action}-ack` }, origin);
  window.postMessage(await chrome.runtime.sendMessage(data), origin);
});
