// Comforts on top of pages that work without: theme, keys, copying.
(() => {
  const root = document.documentElement;

  const remember = (theme) => {
    root.dataset.theme = theme;
    try {
      localStorage.theme = theme;
    } catch {
      // Forbidden storage: the choice lasts as long as the page.
    }
  };

  const isDark = () =>
    root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;

  const copy = async (button) => {
    const label = button.querySelector("[data-copied]") || button;
    const before = label.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      label.textContent = button.dataset.done;
    } catch {
      // Without the right to write, show the text so that it can be marked by hand.
      window.prompt(before.trim(), button.dataset.copy);
    }
    setTimeout(() => {
      label.textContent = before;
    }, 1600);
  };

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-theme-switch], [data-copy]");
    if (!target) return;
    if (target.dataset.copy === undefined) remember(isDark() ? "light" : "dark");
    else copy(target);
  });

  const rows = () => [...document.querySelectorAll("[data-row] a.who")];

  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    all[Math.min(Math.max(at + by, 0), all.length - 1)].focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else {
      const found = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (!found) return;
      event.preventDefault();
      if (found.matches("input, textarea")) found.focus();
      else found.click();
    }
  });

  // What was open stays open, and the focus stays where it was, when news are swapped in.
  let open = [];
  let focused = "";
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "live") return;
    open = [...document.querySelectorAll("#live details[open][id]")].map((each) => each.id);
    focused = document.activeElement.closest("#live details[id]")?.id || "";
  });
  document.addEventListener("htmx:afterSwap", () => {
    open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
    if (focused) document.getElementById(focused)?.querySelector("summary").focus();
    open = [];
    focused = "";
  });

  // A page that comes back from the browser's memory has its buttons again.
  addEventListener("pageshow", () => {
    document.querySelectorAll("button[aria-busy]").forEach((button) => {
      button.removeAttribute("aria-busy");
      button.disabled = false;
    });
  });

  // A form that was sent is not sent again by a second click on its button.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || event.defaultPrevented || button.dataset.again !== undefined) return;
    setTimeout(() => {
      button.setAttribute("aria-busy", "true");
      button.disabled = true;
    });
  });
})();
