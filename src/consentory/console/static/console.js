// Keeps the live parts of a page live: every two seconds, and never while the tab is hidden.
"use strict";
(() => {
  const EVERY = 2000;
  const look = () => {
    if (document.visibilityState !== "visible" || !window.htmx) return;
    for (const part of document.querySelectorAll("[data-live]")) window.htmx.trigger(part, "live");
  };
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
})();
