// What makes the desk quicker for those whose browser runs scripts; every page is complete without it.
//   data-key="a"      a press of that key does what a click on the element does (not while one types)
//   data-go="r"       «g» and then that key follows the link
//   data-live="/x"    the element's content is fetched again every data-every seconds, never under the focus
//   data-rows         «j» and «k» move the focus down and up among the links (data-row) in it; Enter opens it, or the first
//   data-search="/x"  an input that suggests: the list from /x?q=..., picked with the arrow keys and Enter
//   data-preview="f"  a form whose data-show button is pressed while one types: the answer stands in the frame named f
//   data-auto         a form of filters that fetches its results (data-into="#id") while one types; what else changes
//                     with them, such as a count beside a choice, has a name in data-fresh
"use strict";
(() => {
  const typing = (element) => element.closest("input:not([type=checkbox]):not([type=radio]):not([type=submit]), textarea, select, [contenteditable]");
  const visible = (element) => element.getClientRects().length > 0;

  // --- keys; whoever speaks to the computer, or types by accident, may turn them off (WCAG 2.1.4)
  let going = 0;
  const keysOn = () => { try { return localStorage.getItem("desk-keys") !== "off"; } catch { return true; } };
  const keysOpen = document.getElementById("keys-open"), keysSwitch = document.getElementById("keys-on");
  if (keysOpen && keysSwitch) {
    keysOpen.hidden = false;
    keysOpen.addEventListener("click", () => keysShown());
    keysSwitch.checked = keysOn();
    keysSwitch.addEventListener("change", () => { try { localStorage.setItem("desk-keys", keysSwitch.checked ? "on" : "off"); } catch { /* until the page is left, then */ } });
  }
  const keysShown = () => {
    const dialog = document.getElementById("keys");
    if (!dialog) return;
    const list = dialog.querySelector("dl");
    list.replaceChildren();
    const row = (key, words) => {
      const dt = document.createElement("dt"), kbd = document.createElement("kbd"), dd = document.createElement("dd");
      kbd.textContent = key; dt.append(kbd); dd.textContent = words; list.append(dt, dd);
    };
    for (const element of document.querySelectorAll("[data-key]")) {
      if (visible(element)) row(element.dataset.key, (element.dataset.words || element.getAttribute("aria-label") || element.textContent).replace(/\s+/g, " ").trim().replace(new RegExp(` ?${element.dataset.key}$`), ""));
    }
    for (const element of document.querySelectorAll("[data-go]")) row(`g ${element.dataset.go}`, `Go to ${element.textContent.trim()}`);
    if (document.querySelector("[data-rows] [data-row]")) { row("j", "Down the list"); row("k", "Up the list"); row("Enter", "Open"); }
    row("?", "These keys");
    dialog.showModal();
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.repeat || !keysOn() || document.querySelector("dialog[open]")) return; // a key held down is one press: it must not accept a whole queue
    if (event.key === "?") { event.preventDefault(); keysShown(); return; }
    const now = Date.now();
    if (event.key === "g") { going = now; return; }
    const where = now - going < 1500 ? "data-go" : "data-key";
    going = 0;
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return; // what has the focus comes first
    const found = [...document.querySelectorAll(`[${where}="${CSS.escape(event.key)}"]`)].find((element) => visible(element) && !element.disabled);
    if (!found) {
      const first = event.key === "Enter" && where === "data-key" ? [...document.querySelectorAll("[data-rows] [data-row]")].find(visible) : null;
      if (first) { event.preventDefault(); first.click(); } // nothing has the focus yet: the first of the list
      return;
    }
    event.preventDefault();
    if (found.matches("input:not([type=checkbox]):not([type=radio]), textarea, select")) { found.focus(); found.select?.(); } else { found.focus(); found.click(); }
  });

  // --- up and down a list
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || (event.key !== "j" && event.key !== "k")) return;
    if (typing(event.target) || !keysOn() || document.querySelector("dialog[open]")) return;
    const rows = [...document.querySelectorAll("[data-rows] [data-row]")].filter(visible);
    if (!rows.length) return;
    event.preventDefault();
    const at = rows.findIndex((row) => row === document.activeElement || row.parentElement.contains(document.activeElement));
    const to = at < 0 ? (event.key === "j" ? 0 : rows.length - 1) : at + (event.key === "j" ? 1 : -1);
    rows[Math.min(Math.max(to, 0), rows.length - 1)].focus();
  });

  // --- a deed is done once, however often one presses
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

  // --- live parts
  const inside = (html) => new DOMParser().parseFromString(html, "text/html").body;
  // What is live says how it fares: "well", "away" (not to be reached), "out" (logged out); a page that has grown old says so.
  let note, failed = 0;
  document.addEventListener("live", (event) => {
    failed = event.detail === "away" ? failed + 1 : 0;
    const words = event.detail === "out" ? "You were logged out, so this page is no longer kept up to date." : failed > 1 ? "The desk cannot be reached, so this page may be out of date." : "";
    if (!words) { note?.remove(); note = undefined; return; }
    if (note?.dataset.words === words) return;
    note?.remove();
    note = document.createElement("p");
    note.className = "note warn";
    note.setAttribute("role", "status");
    note.dataset.words = words;
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "Load it again";
    note.append(words, " ", link);
    document.getElementById("main").prepend(note);
  });
  const fares = (how) => document.dispatchEvent(new CustomEvent("live", { detail: how }));

  const refresh = async (element) => {
    if (document.hidden || element.contains(document.activeElement)) return; // never under somebody's hands
    try {
      const headers = { "X-Desk": "live", ...(element.dataset.tag ? { "If-None-Match": element.dataset.tag } : {}) };
      const answer = await fetch(element.dataset.live, { headers, credentials: "same-origin", redirect: "manual" });
      fares(answer.type === "opaqueredirect" || answer.status === 401 ? "out" : answer.ok || answer.status === 304 ? "well" : "away");
      if (!answer.ok) return; // 304 too: nothing happened
      const text = await answer.text();
      if (element.contains(document.activeElement)) return;
      element.dataset.tag = answer.headers.get("ETag") || "";
      if (element.dataset.last === text) return;
      const first = element.dataset.last === undefined;
      element.dataset.last = text;
      const made = inside(text);
      if (first && made.textContent.replace(/\s+/g, " ") === element.textContent.replace(/\s+/g, " ")) return;
      const open = [...element.querySelectorAll("details")].map((details) => details.open);
      element.replaceChildren(...made.childNodes);
      element.querySelectorAll("details").forEach((details, at) => { details.open = open[at] ?? details.open; }); // what was unfolded stays so
      element.dispatchEvent(new CustomEvent("renewed", { bubbles: true }));
    } catch { fares("away"); }
  };
  for (const element of document.querySelectorAll("[data-live]")) {
    setInterval(refresh, 1000 * Number(element.dataset.every || 15), element);
  }

  // --- filters that answer while one types
  for (const form of document.querySelectorAll("form[data-auto]")) {
    let timer, asked = 0;
    const ask = async () => {
      const target = document.querySelector(form.dataset.into), mine = ++asked;
      const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== "")).toString();
      const address = form.getAttribute("action") + (query ? `?${query}` : "");
      try {
        const answer = await fetch(address, { headers: { "X-Desk": "auto" }, credentials: "same-origin", redirect: "error" });
        if (!answer.ok || mine !== asked) return;
        const made = new DOMParser().parseFromString(await answer.text(), "text/html"), fresh = made.querySelector(form.dataset.into);
        if (!fresh || mine !== asked) return;
        target.replaceChildren(...fresh.childNodes);
        const texts = new Map([...made.querySelectorAll("[data-fresh]")].map((element) => [element.dataset.fresh, element.textContent]));
        for (const element of document.querySelectorAll("[data-fresh]")) {
          const text = texts.get(element.dataset.fresh);
          if (text !== undefined && text !== element.textContent) element.textContent = text;
        }
        history.replaceState(null, "", address);
        target.dispatchEvent(new CustomEvent("renewed", { bubbles: true }));
      } catch { form.requestSubmit(); }
    };
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 250); });
  }

  // --- a form that shows what would come of it
  for (const form of document.querySelectorAll("form[data-preview]")) {
    const button = form.querySelector("[data-show]"), frame = document.querySelector(`iframe[name="${form.dataset.preview}"]`);
    // One at a time: a frame that is asked for a second page while the first arrives may keep the first for good.
    let timer, asked = 0, again = false;
    const show = () => { // not «requestSubmit»: this is no deed, and no event of one
      again = asked > 0 && Date.now() - asked < 15000; // what never came is not waited for
      if (again) return;
      asked = Date.now();
      const kept = [form.action, form.target];
      form.action = button.getAttribute("formaction");
      form.target = form.dataset.preview;
      HTMLFormElement.prototype.submit.call(form);
      [form.action, form.target] = kept;
    };
    frame.addEventListener("load", () => { asked = 0; if (again) show(); });
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, 600); });
    button.addEventListener("click", (event) => { event.preventDefault(); show(); });
    show();
  }

  // --- an input that suggests (the combobox pattern of WAI-ARIA)
  let boxes = 0;
  for (const input of document.querySelectorAll("input[data-search]")) {
    const list = document.createElement("ul");
    list.id = `suggestions-${++boxes}`;
    list.className = "suggestions";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Suggestions");
    list.hidden = true;
    input.after(list);
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id, autocomplete: "off" })) input.setAttribute(name, value);
    let timer, at = -1, asked = 0;
    const close = () => { list.hidden = true; at = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
    const choose = (option) => {
      input.value = option.dataset.value;
      for (const [name, value] of Object.entries(option.dataset)) {
        if (!name.startsWith("sets")) continue;
        const other = input.form?.elements.namedItem(name.slice(4).toLowerCase());
        if (other && value) other.value = value;
      }
      close();
      input.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const move = (to) => {
      const options = [...list.children];
      if (!options.length) return;
      at = (to + options.length) % options.length;
      options.forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
      options[at].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", options[at].id);
    };
    const ask = async () => {
      const mine = ++asked;
      if (input.value.trim().length < 2) { close(); return; }
      try {
        const answer = await fetch(`${input.dataset.search}?q=${encodeURIComponent(input.value)}`, { credentials: "same-origin", redirect: "error" });
        if (!answer.ok || mine !== asked) return;
        const found = await answer.json();
        list.replaceChildren(...found.map((one, index) => {
          const option = document.createElement("li"), small = document.createElement("small");
          option.id = `${list.id}-${index}`;
          option.setAttribute("role", "option");
          option.setAttribute("aria-selected", "false");
          option.dataset.value = one.value;
          for (const [name, value] of Object.entries(one.sets || {})) option.dataset[`sets${name[0].toUpperCase()}${name.slice(1)}`] = value;
          option.textContent = one.label;
          if (one.hint) { small.textContent = one.hint; option.append(" ", small); }
          option.addEventListener("mousedown", (event) => { event.preventDefault(); choose(option); });
          return option;
        }));
        list.hidden = !found.length;
        at = -1;
        input.setAttribute("aria-expanded", String(found.length > 0));
      } catch { close(); }
    };
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(ask, 150); });
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (list.hidden) return;
      if (event.key === "ArrowDown") { event.preventDefault(); move(at + 1); }
      else if (event.key === "ArrowUp") { event.preventDefault(); move(at - 1); }
      else if (event.key === "Enter" && at >= 0) { event.preventDefault(); choose(list.children[at]); }
      else if (event.key === "Escape") { event.preventDefault(); close(); }
    });
  }
})();
