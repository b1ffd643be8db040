// Choosing rows of a list: how many, how much, all on this page. The form works without it.
(() => {
  const boxes = () => [...document.querySelectorAll("input[form=picked][name=invoice]")];

  const money = (ticked) => {
    const sums = new Map();
    for (const { dataset } of ticked) {
      const cents = Math.round(Number(dataset.amount) * 100);
      sums.set(dataset.currency, (sums.get(dataset.currency) || 0) + cents);
    }
    const two = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
    const written = new Intl.NumberFormat(document.documentElement.lang || "en", two);
    return [...sums].map(([currency, cents]) => `${currency} ${written.format(cents / 100)}`);
  };

  const show = () => {
    const bar = document.querySelector("[data-picked]");
    if (!bar) return;
    const all = boxes();
    const ticked = all.filter((box) => box.checked);
    const head = document.querySelector("[data-pick-all]");
    head.hidden = false;
    head.checked = ticked.length === all.length;
    head.indeterminate = ticked.length > 0 && ticked.length < all.length;
    // The bar stays away until something is ticked.
    bar.hidden = ticked.length === 0;
    const says = bar.querySelector("[data-picked-says]");
    says.textContent = [`${ticked.length} ${says.dataset.pickedSays}`, ...money(ticked)].join(" · ");
    bar.querySelector("[data-picked-none]").hidden = false;
    const label = bar.querySelector("[data-picked-label]");
    const { pickedOne, pickedLabel } = label.dataset;
    label.textContent = ticked.length === 1 ? pickedOne : pickedLabel.replace("#", ticked.length);
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick-all]")) {
      boxes().forEach((box) => {
        box.checked = event.target.checked;
      });
    } else if (!event.target.matches("input[form=picked]")) return;
    show();
  });
  // The boxes are empty only after the event.
  document.addEventListener("reset", (event) => {
    if (event.target.matches("[data-picked]")) setTimeout(show);
  });
  // What was ticked stays ticked when the list is swapped for one that still has it.
  let kept = new Set();
  document.addEventListener("htmx:beforeSwap", () => {
    kept = new Set(boxes().flatMap((box) => (box.checked ? [box.value] : [])));
  });
  document.addEventListener("htmx:afterSwap", () => {
    boxes().forEach((box) => {
      box.checked ||= kept.has(box.value);
    });
    show();
  });
  addEventListener("pageshow", show);
  show();
})();
