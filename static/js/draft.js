// The draft editor: lines, pickers, saving. Everything here also works without it, by buttons.
(() => {
  const form = document.querySelector("[data-draft]");
  if (!form) return;
  const list = document.getElementById("lines");
  const key = `draft-${form.dataset.draft}`;
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // ------------------------------------------------------------------ saving
  let busy = false;
  let leaving = false;
  let waiting = null;
  // What was typed while a save was on its way is not in it: the page must not call it saved.
  let edits = 0;
  let sent = 0;

  const say = (text) => {
    const state = $("[data-state]");
    if (state) state.textContent = text;
  };

  const written = () => {
    const data = new FormData(form);
    ["csrfmiddlewaretoken", "revision", "q"].forEach((name) => data.delete(name));
    return [...data.entries()].filter(([, value]) => typeof value === "string");
  };

  const store = (value) => {
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // No storage: the server's copy is the only one.
    }
  };

  const typed = () => {
    edits += 1;
    say(form.dataset.unsaved);
    store(written());
  };

  form.addEventListener("input", typed);
  form.addEventListener("change", typed);
  form.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target !== form) return;
    if (leaving) {
      event.preventDefault();
      return;
    }
    busy = true;
    sent = edits;
    say(form.dataset.saving);
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.target !== form) return;
    busy = false;
    if (!event.detail.successful) say(form.dataset.unsaved);
    else if (edits === sent) store(null);
    if (waiting) {
      const button = waiting;
      waiting = null;
      form.requestSubmit(button);
    }
  });
  // A button pressed while a save is on its way waits for it: else its revision is outdated.
  form.addEventListener("submit", (event) => {
    if (busy) {
      event.preventDefault();
      waiting = event.submitter;
      return;
    }
    leaving = true;
    store(null);
  });

  const changed = () => {
    typed();
    form.dispatchEvent(new CustomEvent("lines-changed"));
  };

  const restore = () => {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(key) || "null");
    } catch {
      return;
    }
    if (!kept || JSON.stringify(kept) === JSON.stringify(written())) return store(null);
    const bar = document.createElement("div");
    bar.className = "alert warn";
    bar.setAttribute("role", "alert");
    const words = document.createElement("div");
    words.textContent = form.dataset.restore;
    const todo = document.createElement("div");
    todo.className = "do";
    const button = (text, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = "btn sm";
      made.textContent = text;
      made.addEventListener("click", () => {
        act();
        bar.remove();
      });
      todo.append(made);
    };
    button(form.dataset.yes, () => put(kept));
    button(form.dataset.no, () => store(null));
    bar.append(document.createElement("span"), words, todo);
    $("#notice").append(bar);
  };

  const put = (entries) => {
    const lines = entries.filter(([name]) => name === "line-description").length;
    while ($$("[data-line]").length < lines) list.append(blank());
    const seen = {};
    entries.forEach(([name, value]) => {
      const all = $$(`[name="${CSS.escape(name)}"]`, form);
      const at = (seen[name] = (seen[name] ?? -1) + 1);
      const field = all[at];
      if (!field) return;
      if (field.type === "checkbox") field.checked = true;
      else field.value = value;
    });
    changed();
  };

  // ------------------------------------------------------------------- lines
  const blank = () => $("#blank-line").content.firstElementChild.cloneNode(true);

  const copied = (line) => {
    const copy = line.cloneNode(true);
    $$("input, textarea, select", line).forEach((field, at) => {
      $$("input, textarea, select", copy)[at].value = field.value;
    });
    return copy;
  };

  const toast = (text, undo) => {
    let place = $(".toasts");
    if (!place) {
      place = document.createElement("div");
      place.className = "toasts";
      place.setAttribute("role", "status");
      document.body.append(place);
    }
    const box = document.createElement("div");
    box.className = "toast";
    box.append(text);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn sm";
    button.textContent = form.dataset.undo;
    button.addEventListener("click", () => {
      undo();
      box.remove();
    });
    box.append(button);
    place.append(box);
    setTimeout(() => box.remove(), 8000);
  };

  const act = (what, line) => {
    if (what === "add") {
      const made = blank();
      list.append(made);
      $("textarea", made).focus();
    } else if (what === "copy") {
      const made = copied(line);
      line.after(made);
      $("textarea", made).focus();
    } else if (what === "remove") {
      const next = line.nextElementSibling;
      const focus = next || line.previousElementSibling;
      line.remove();
      if (!$("[data-line]")) list.append(blank());
      $("textarea", focus || list).focus();
      toast(form.dataset.removed, () => {
        list.insertBefore(line, next);
        changed();
      });
    } else if (what === "up" && line.previousElementSibling) {
      line.previousElementSibling.before(line);
    } else if (what === "down" && line.nextElementSibling) {
      line.nextElementSibling.after(line);
    } else return;
    changed();
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    event.preventDefault();
    act(button.dataset.do, button.closest("[data-line]"));
    if (["up", "down"].includes(button.dataset.do)) button.focus();
  });

  form.addEventListener("keydown", (event) => {
    const line = event.target.closest("[data-line]");
    if (line && event.altKey && ["ArrowUp", "ArrowDown"].includes(event.key)) {
      event.preventDefault();
      const focused = document.activeElement;
      act(event.key === "ArrowUp" ? "up" : "down", line);
      focused.focus();
    }
    // Enter in a field must not press the first button; it goes on to a new line at the end.
    if (event.key === "Enter" && event.target.matches("input:not([type=search])")) {
      event.preventDefault();
      if (line && !line.nextElementSibling) act("add", line);
    }
  });

  // Drag by the grip: the row follows the pointer past the middle of its neighbours.
  list.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest("[data-grip]");
    if (!grip) return;
    const line = grip.closest("[data-line]");
    grip.setPointerCapture(event.pointerId);
    line.classList.add("dragged");
    const move = (at) => {
      const before = line.previousElementSibling;
      const after = line.nextElementSibling;
      const middle = (row) => {
        const box = row.getBoundingClientRect();
        return box.top + box.height / 2;
      };
      if (before && at.clientY < middle(before)) before.before(line);
      else if (after && at.clientY > middle(after)) after.after(line);
    };
    const drop = () => {
      line.classList.remove("dragged");
      grip.removeEventListener("pointermove", move);
      changed();
    };
    grip.addEventListener("pointermove", move);
    grip.addEventListener("pointerup", drop, { once: true });
    grip.addEventListener("pointercancel", drop, { once: true });
  });

  // ------------------------------------------------------------------ errors
  const errorBox = (field) => {
    const row = field.closest("[data-line]");
    if (row) return $("[data-errors]", row);
    const place = field.closest(".field, .disc") || field;
    let box = place.nextElementSibling;
    if (!box || !box.matches("[data-placed]")) {
      box = document.createElement("div");
      box.dataset.placed = "";
      place.after(box);
    }
    return box;
  };

  const fieldOf = (name) => {
    const words = name.split(".");
    if (words[0] === "lines") {
      const row = $$("[data-line]")[Number(words[1])];
      return row && $(`[data-field="${CSS.escape(words[2] || "")}"]`, row);
    }
    return $(`[name="${CSS.escape({ discount_value: "discount" }[name] || name)}"]`, form);
  };

  const showErrors = () => {
    $$("[data-errors], [data-placed]", form).forEach((box) => box.replaceChildren());
    $$("[aria-invalid]", form).forEach((field) => field.removeAttribute("aria-invalid"));
    const errors = JSON.parse($("#draft-errors")?.textContent || "{}");
    Object.entries(errors).forEach(([name, words]) => {
      const field = fieldOf(name);
      // What is being typed is not scolded before it is finished.
      if (!field || field === document.activeElement || field.type === "hidden") return;
      field.setAttribute("aria-invalid", "true");
      const line = document.createElement("p");
      line.className = "error";
      line.textContent = words;
      errorBox(field).append(line);
    });
  };

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "side" && $("#side") !== event.target) return;
    if (edits > sent) say(form.dataset.unsaved);
    showErrors();
  });
  form.addEventListener("focusout", () => setTimeout(showErrors));

  // ------------------------------------------------------------- the pickers
  const choose = (option) => {
    const card = document.getElementById(option.dataset.choose);
    if (!card) {
      option.click();
      return;
    }
    const box = $("#customer");
    box.replaceChildren(card.content.cloneNode(true));
    window.htmx.process(box);
    changed();
  };

  const options = (listbox) => $$('[role="option"]', listbox);

  const select = (listbox, by) => {
    const all = options(listbox);
    const at = all.findIndex((each) => each.getAttribute("aria-selected") === "true");
    const to = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    all.forEach((each) => each.setAttribute("aria-selected", String(each === to)));
    to?.scrollIntoView({ block: "nearest" });
    return to;
  };

  document.addEventListener("click", (event) => {
    const option = event.target.closest("[data-choose]");
    if (option) choose(option);
    if (!event.target.closest("[data-combo]")) {
      $$("#customer-list").forEach((each) => {
        each.hidden = true;
      });
    }
    if (!event.target.closest("[data-line]")) closeArticles();
  });

  document.addEventListener("focusin", (event) => {
    if (event.target.id === "customer-search") $("#customer-list").hidden = false;
  });

  // Keys pressed before the list has caught up with the typing wait for it: else Enter would
  // take whoever happened to stand there.
  let queued = [];
  const caughtUp = () => $("#customer-list").dataset.for === $("#customer-search").value.trim();

  const press = (what) => {
    const box = $("#customer-list");
    if (what === "Enter") {
      const chosen = $('[aria-selected="true"]', box) || $("[role=option]", box);
      if (chosen) choose(chosen);
      return;
    }
    box.hidden = false;
    const to = select(box, what === "ArrowDown" ? 1 : -1);
    $("#customer-search").setAttribute("aria-activedescendant", to?.id || "");
  };

  document.addEventListener("htmx:afterSwap", () => {
    const search = $("#customer-search");
    if (search && queued.length && caughtUp()) {
      const keys = queued;
      queued = [];
      keys.forEach(press);
    }
  });

  document.addEventListener("htmx:afterSwap", () => {
    const search = $("#customer-search");
    const box = $("#customer-list");
    if (search && box && document.activeElement === search) box.hidden = false;
    if (search) search.setAttribute("aria-expanded", String(Boolean(box && !box.hidden)));
    // A customer that was just made or chosen is part of the draft.
    if ($('#customer input[name="customer"]') && form.dataset.had !== "yes") changed();
    form.dataset.had = $('#customer input[name="customer"]') ? "yes" : "no";
  });

  document.addEventListener("keydown", (event) => {
    if (event.target.id !== "customer-search") return;
    if (event.key === "Escape") {
      queued = [];
      $("#customer-list").hidden = true;
    } else if (["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) {
      event.preventDefault();
      if (caughtUp()) press(event.key);
      else queued.push(event.key);
    } else queued = [];
  });

  const closeArticles = () => $$("[data-slot]").forEach((slot) => slot.replaceChildren());

  let timer = 0;
  list.addEventListener("input", (event) => {
    const field = event.target.closest("[data-article]");
    if (!field) return;
    clearTimeout(timer);
    const row = field.closest("[data-line]");
    const text = field.value.trim();
    if (text.length < 2) return closeArticles();
    timer = setTimeout(async () => {
      const answer = await fetch(`${form.dataset.articles}?q=${encodeURIComponent(text)}`);
      if (!answer.ok || document.activeElement !== field) return;
      const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = parsed.querySelector(".combo-list");
      closeArticles();
      if (found && options(found).length) $("[data-slot]", row).append(found);
    }, 200);
  });

  const take = (option) => {
    const row = option.closest("[data-line]");
    const values = {
      description: option.dataset.description,
      article_number: option.dataset.articleNumber,
      unit: option.dataset.unit,
      unit_price: option.dataset.price,
      vat_rate: option.dataset.vat,
    };
    Object.entries(values).forEach(([name, value]) => {
      const field = $(`[data-field="${name}"]`, row);
      if (field.matches("select") && ![...field.options].some((each) => each.value === value)) return;
      field.value = value;
    });
    closeArticles();
    $('[data-field="quantity"]', row).focus();
    changed();
  };

  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[data-slot] [role=option]");
    if (!option) return;
    event.preventDefault();
    take(option);
  });

  list.addEventListener("keydown", (event) => {
    const row = event.target.closest("[data-line]");
    const box = row && $("[data-slot] .combo-list", row);
    if (!box || event.altKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      select(box, event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && $('[aria-selected="true"]', box)) {
      event.preventDefault();
      event.stopPropagation();
      take($('[aria-selected="true"]', box));
    } else if (event.key === "Escape") closeArticles();
  });

  // --------------------------------------------------------------- due chips
  const chips = $("[data-due-chips]");
  chips.hidden = false;
  chips.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-due]");
    if (!chip) return;
    const issued = $('[name="issue_date"]', form).valueAsDate || new Date();
    issued.setUTCDate(issued.getUTCDate() + Number(chip.dataset.due));
    $('[name="due_date"]', form).valueAsDate = issued;
    changed();
  });

  form.dataset.had = $('#customer input[name="customer"]') ? "yes" : "no";
  showErrors();
  restore();
})();
