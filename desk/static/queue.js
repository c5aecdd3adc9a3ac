// The queue while it is open: what comes is added below, what a colleague settles is marked, and nothing else moves.
// Neither the focus nor the place on the page changes; how many are new is said politely, once.
"use strict";
(() => {
  const whole = document.getElementById("lines"), told = document.querySelector("[data-arrived]");
  if (!whole || !told) return;
  const kindsNow = whole.querySelector(".kinds");
  let tag = "", fresh = 0, total = Number(kindsNow.dataset.total), goesOn = "more" in kindsNow.dataset;
  const places = (root) => [...root.querySelectorAll("[data-place]")];

  const settled = (row) => {
    if (row.classList.contains("settled")) return;
    row.classList.add("settled");
    const note = document.createElement("span");
    note.className = "settled-note";
    note.textContent = "Settled meanwhile";
    row.append(note);
  };

  const fares = (how) => document.dispatchEvent(new CustomEvent("live", { detail: how })); // desk.js tells it

  const renew = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(whole.dataset.lines, { headers: { "X-Desk": "live", ...(tag ? { "If-None-Match": tag } : {}) }, credentials: "same-origin", redirect: "manual" });
      fares(answer.type === "opaqueredirect" || answer.status === 401 ? "out" : answer.ok || answer.status === 304 ? "well" : "away");
      if (!answer.ok) return; // 304 too: nothing happened
      tag = answer.headers.get("ETag") || "";
      const made = new DOMParser().parseFromString(await answer.text(), "text/html");
      const there = new Map(places(made).map((row) => [row.dataset.place, row]));
      const known = new Set(places(whole).map((row) => row.dataset.place));
      let list = whole.querySelector(".queue");
      const kinds = whole.querySelector(".kinds"), newKinds = made.querySelector(".kinds");
      const whether = "more" in newKinds.dataset, last = Math.max(...[...there.values()].map((row) => Number(row.dataset.since)));
      for (const row of places(whole)) {
        // Of a list that goes on elsewhere, a line may only have moved there.
        if (!there.has(row.dataset.place) && (!whether || Number(row.dataset.since) < last)) settled(row);
      }
      const more = Number(newKinds.dataset.total) - total;
      total = Number(newKinds.dataset.total);
      if (!kinds.contains(document.activeElement)) kinds.replaceWith(document.adoptNode(newKinds));
      if (goesOn || whether) { // what is new stands on a later page
        goesOn = true;
        if (more > 0) told.textContent = `${more} more, on a later page.`;
        return;
      }
      const added = [...there.values()].filter((row) => !known.has(row.dataset.place));
      if (!added.length) return;
      if (!list) { // it was empty: there is nothing that could move
        list = made.querySelector(".queue").cloneNode(false);
        whole.querySelector(".empty")?.replaceWith(list);
      }
      for (const row of added) { row.classList.add("new"); list.append(document.adoptNode(row)); }
      fresh += added.length;
      const link = document.createElement("a");
      link.href = `#${list.querySelector(".new").id}`;
      link.textContent = fresh === 1 ? "Go to it" : "Go to the first";
      link.addEventListener("click", (event) => { event.preventDefault(); const row = list.querySelector(".new [data-row]"); row?.focus(); row?.scrollIntoView({ block: "nearest" }); });
      told.replaceChildren(`${fresh} new, below. `, link);
    } catch { fares("away"); }
  };
  setInterval(renew, 1000 * Number(whole.dataset.every || 15));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) renew(); });
})();
