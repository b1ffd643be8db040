// A button that needs a box ticked first is off until then. Without JavaScript the server says so.
(() => {
  document.querySelectorAll("button[data-needs]").forEach((button) => {
    const box = document.getElementById(button.dataset.needs);
    if (!box) return;
    const follow = () => {
      button.disabled = !box.checked;
    };
    box.addEventListener("change", follow);
    addEventListener("pageshow", follow);
    follow();
  });
})();
