// Asks again after the seconds the page says, or goes on to where it says. Without script a
// <noscript> meta refresh does the same; with one, nothing reloads in a tab nobody looks at.
(() => {
  const { refresh, refreshTo } = document.body.dataset;
  if (!refresh) return;
  const go = () => {
    if (document.hidden) return setTimeout(go, 500);
    return refreshTo ? location.replace(refreshTo) : location.reload();
  };
  setTimeout(go, Number(refresh) * 1000);
})();
