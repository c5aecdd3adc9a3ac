// One item: a runner-up that is picked goes into the form at once, to be accepted or saved with everything else;
// the same key takes it back. Without scripts the same button asks the server to write it.
"use strict";
(() => {
  const form = document.getElementById("fields");
  if (!form) return;
  const staged = document.getElementById("staged");
  const control = (name) => form.querySelector(`[name="${name}"]:is(input[type=text], select)`);
  const before = new Map(); // pressed button -> what it replaced

  const changed = (element) =>
    element.type === "checkbox" ? element.checked !== element.defaultChecked
      : element.tagName === "SELECT" ? [...element.options].some((option) => option.selected !== option.defaultSelected) && element.value !== ([...element.options].find((option) => option.defaultSelected)?.value ?? "")
        : element.value !== element.defaultValue;
  const show = () => {
    for (const section of form.querySelectorAll("[data-field]")) {
      section.querySelector(".changed").hidden = ![...section.querySelectorAll("input, select")].some(changed);
    }
  };
  const set = (name, value) => {
    const element = control(name);
    if (!element) return null;
    const was = element.value;
    if (element.tagName === "SELECT" && ![...element.options].some((option) => option.value === value)) element.add(new Option(value, value));
    element.value = value;
    return was;
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-use]");
    if (!button) return;
    event.preventDefault();
    const wanted = JSON.parse(button.value);
    if (before.has(button)) {
      for (const [name, value] of before.get(button)) set(name, value);
      before.delete(button);
      button.setAttribute("aria-pressed", "false");
      staged.textContent = "Taken back.";
    } else {
      for (const other of [...before.keys()]) {
        if (JSON.parse(other.value).field !== wanted.field) continue;
        for (const [name, value] of before.get(other)) set(name, value);
        before.delete(other);
        other.setAttribute("aria-pressed", "false");
      }
      const was = [[wanted.field, set(wanted.field, wanted.value)]];
      if (wanted.council) was.push(["authority", set("authority", wanted.council)]);
      before.set(button, was);
      button.setAttribute("aria-pressed", "true");
      staged.textContent = `${button.closest("[data-field]").querySelector("h3 span").textContent}: ${wanted.value}. Not saved yet.`;
    }
    show();
  });
  for (const button of form.querySelectorAll("button[data-use]")) button.setAttribute("aria-pressed", "false");
  form.addEventListener("input", show);
  form.addEventListener("change", show);
  window.addEventListener("pageshow", show);
})();
