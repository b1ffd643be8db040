// Runs before the first paint: a theme chosen by hand must not flash.
(() => {
  const root = document.documentElement;
  try {
    if (localStorage.theme) root.dataset.theme = localStorage.theme;
  } catch {
    // Storage may be forbidden; the system's theme is right then.
  }
})();
