// Live: looks again every few seconds while somebody looks.
"use strict";
(() => {
  const LOOK_MS = 5000;
  let paused = false;
  document.addEventListener("click", event => {
    const button = event.target.closest?.("[data-live-pause]");
    if (!button) return;
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Go on" : "Pause";
  });
  setInterval(() => {
    if (!paused && document.querySelector("[data-live]") && document.visibilityState === "visible") window.fraudray.send("live-look", {});
  }, LOOK_MS);
})();
