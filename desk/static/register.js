// The register, for those whose browser runs scripts: x selects the entry that has the focus, «select all», and how many are.
"use strict";
(() => {
  for (const form of document.querySelectorAll("form[data-busy]")) form.addEventListener("submit", () => {
    const button = form.querySelector("button");
    button.textContent = form.dataset.busy;
    button.setAttribute("aria-live", "polite");
  });
  const results = document.getElementById("results");
  if (!results) return;
  if (window.innerWidth < 1088) for (const facet of document.querySelectorAll(".facet[open]")) if (!facet.querySelector("input:checked")) facet.open = false;
  const boxes = () => [...results.querySelectorAll("input[name=id]")];
  const told = () => {
    const said = results.querySelector("[data-chosen]"), all = results.querySelector("[data-all]");
    if (!said) return;
    const chosen = boxes().filter((box) => box.checked).length, everybody = results.querySelector("input[name=all]")?.checked;
    const text = everybody ? "All are selected" : chosen ? `${chosen} selected` : "";
    said.hidden = !text;
    if (said.textContent !== text) said.textContent = text;
    if (all) { all.checked = chosen > 0 && chosen === boxes().length; all.indeterminate = chosen > 0 && !all.checked; }
  };
  results.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) for (const box of boxes()) box.checked = event.target.checked;
    told();
  });
  results.addEventListener("renewed", told);
  window.addEventListener("pageshow", told);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select, dialog")) return;
    const row = document.activeElement?.closest("tr");
    if (event.key === "x" && row) {
      const box = row.querySelector("input[name=id]");
      if (box) { event.preventDefault(); box.checked = !box.checked; told(); }
    }
  });
})();
