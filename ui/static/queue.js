// The queue: filters in the address, keys, selection, saved views, and a refresh that leaves the reader's place alone.
"use strict";
(() => {
  const REFRESH_MS = 10000;
  const TYPING_MS = 300;
  const SAVED = "fraudray.queue.views";
  const chosen = new Map();  // case → version
  let at = null;  // the case that the keys are at
  let atIndex = 0;

  const queue = () => document.querySelector("[data-queue]");
  const filters = () => document.querySelector("[data-queue-filters]");
  const rows = () => [...document.querySelectorAll("[data-queue] tbody tr")];
  const params = () => new URLSearchParams(location.search);
  const asked = () => Object.fromEntries(params());

  function go(values) {
    const next = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) if (value !== "" && value !== null && value !== undefined) next.set(name, value);
    const text = next.toString();
    history.replaceState(null, "", location.pathname + (text ? "?" + text : ""));
    list(true);
  }
  function list(busy) {
    window.fraudray.send("queue-list", asked(), busy ? filters() : undefined);
  }

  // --- filters
  let typing;
  function filtered() {
    const form = filters();
    const values = {...asked(), ...Object.fromEntries(new FormData(form)), p: ""};
    go(values);
  }
  document.addEventListener("input", event => {
    if (!event.target.closest?.("[data-queue-filters]")) return;
    clearTimeout(typing);
    typing = setTimeout(filtered, event.target.matches("select") ? 0 : TYPING_MS);
  });
  document.addEventListener("submit", event => {
    if (event.target.matches("[data-queue-filters]")) { event.preventDefault(); clearTimeout(typing); filtered(); }
  });
  document.addEventListener("reset", event => {
    if (!event.target.matches("[data-queue-filters]")) return;
    event.preventDefault();
    for (const input of event.target.querySelectorAll("input")) input.value = "";
    for (const select of event.target.querySelectorAll("select")) select.selectedIndex = 0;
    const view = params().get("view");
    go(view ? {view} : {});
  });

  // --- views that the reader saved, on this browser
  const saved = () => { try { return JSON.parse(localStorage.getItem(SAVED)) || {}; } catch { return {}; } };
  function keep(views) { try { localStorage.setItem(SAVED, JSON.stringify(views)); } catch { /* a browser that keeps nothing */ } showSaved(true); }
  function showSaved(anew) {
    const box = document.querySelector("[data-queue-saved]");
    if (!box || (box.dataset.shown && !anew)) return;
    box.dataset.shown = "1";
    box.replaceChildren(...Object.entries(saved()).map(([name, search]) => {
      const chip = document.createElement("span");
      chip.className = "fr-saved";
      const open = Object.assign(document.createElement("button"), {type: "button", className: "fr-chip", textContent: name});
      open.addEventListener("click", () => location.assign(new URL("queue" + search, document.baseURI)));
      const drop = Object.assign(document.createElement("button"), {type: "button", className: "fr-chip", textContent: "×"});
      drop.setAttribute("aria-label", `Forget the view ${name}`);
      drop.addEventListener("click", () => { const views = saved(); delete views[name]; keep(views); });
      chip.append(open, drop);
      return chip;
    }));
  }
  function save() {
    const name = prompt("Name of this view")?.trim().slice(0, 40);
    if (name) keep({...saved(), [name]: location.search});
  }

  // --- selection
  function mark() {
    const listed = new Map(rows().map(row => [row.dataset.case, row]));
    for (const [id, row] of listed) {
      row.querySelector("[data-queue-row]").checked = chosen.has(id);
    }
    for (const id of [...chosen.keys()]) if (!listed.has(id)) chosen.delete(id);
    const all = document.querySelector("[data-queue-all]");
    if (all) { all.checked = listed.size > 0 && chosen.size === listed.size; all.indeterminate = chosen.size > 0 && !all.checked; }
    const bar = document.querySelector("[data-queue-bulk]");
    if (bar) {
      bar.hidden = chosen.size === 0;
      const text = `${chosen.size} ${chosen.size === 1 ? "case" : "cases"}`;
      for (const count of document.querySelectorAll("[data-queue-selected]")) if (count.textContent !== text + " selected") count.textContent = text + " selected";
      for (const count of document.querySelectorAll("[data-queue-count]")) if (count.textContent !== text) count.textContent = text;
    }
  }
  function choose(row, on) { if (on) chosen.set(row.dataset.case, row.dataset.version); else chosen.delete(row.dataset.case); }
  document.addEventListener("change", event => {
    const target = event.target;
    if (target.matches?.("[data-queue-row]")) { choose(target.closest("tr"), target.checked); mark(); }
    else if (target.matches?.("[data-queue-all]")) { for (const row of rows()) choose(row, target.checked); mark(); }
  });

  // --- where the keys are
  function stand(index) {
    const all = rows();
    if (!all.length) { at = null; return; }
    atIndex = Math.max(0, Math.min(index, all.length - 1));
    at = all[atIndex].dataset.case;
    place();
    all[atIndex].querySelector("a")?.focus({preventScroll: true});
    all[atIndex].scrollIntoView({block: "nearest"});
  }
  function place() {
    for (const row of rows()) row.toggleAttribute("data-at", row.dataset.case === at);
  }
  document.addEventListener("keydown", event => {
    if (!queue() || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.matches("input:not([type=checkbox]), textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const here = rows().findIndex(row => row.dataset.case === at);
    switch (event.key.toLowerCase()) {
      case "j": case "arrowdown": stand(here < 0 ? 0 : here + 1); break;
      case "k": case "arrowup": stand(here < 0 ? 0 : here - 1); break;
      case "x": if (here >= 0) { const row = rows()[here]; choose(row, !chosen.has(row.dataset.case)); mark(); } break;
      case "n": following(); break;
      case "/": document.querySelector("#queue-q")?.focus(); break;
      default: return;
    }
    event.preventDefault();
  });
  function following() { window.fraudray.send("queue-next", asked()); }

  // --- acts
  function act(name, fields) {
    const cases = [...chosen].map(([case_id, version]) => ({case_id, version: Number(version)}));
    chosen.clear();
    window.fraudray.send("queue-bulk", {act: name, cases, asked: asked(), ...fields});
  }
  document.addEventListener("click", event => {
    const target = event.target.closest?.("[data-queue-view], [data-queue-page], [data-queue-next], [data-queue-act], [data-queue-clear], [data-queue-save]");
    if (!target) return;
    if (target.matches("a")) {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      if (target.dataset.queueView) { const {sort, p, ...rest} = asked(); go({...rest, view: target.dataset.queueView}); syncSort(); }
      else go({...asked(), p: target.dataset.queuePage});
      return;
    }
    if (target.hasAttribute("data-queue-next")) following();
    else if (target.hasAttribute("data-queue-clear")) { chosen.clear(); mark(); }
    else if (target.hasAttribute("data-queue-save")) save();
    else if (target.dataset.queueAct === "claim") act("claim", {});
    else document.querySelector(`[data-queue-dialog="${target.dataset.queueAct}"]`)?.showModal();
  });
  document.addEventListener("submit", event => {
    const form = event.target;
    if (!form.matches("[data-queue-form]")) return;
    if (event.submitter?.value === "go") act(form.dataset.queueForm, Object.fromEntries(new FormData(form)));
    form.reset();
  });
  function syncSort() {
    const select = document.querySelector("#queue-sort");
    if (select) select.value = {overdue: "due", closed: "newest"}[params().get("view")] || "risk";
  }

  // --- whatever comes in
  function arrived() {
    if (!queue()) return;
    showSaved(false);
    const all = rows();
    if (at !== null && !all.some(row => row.dataset.case === at)) at = all[Math.min(atIndex, all.length - 1)]?.dataset.case ?? null;
    place();
    mark();
    const go = document.querySelector("[data-goto]");
    if (go && !go.dataset.gone) { go.dataset.gone = "1"; location.assign(new URL(go.dataset.goto, document.baseURI)); }
  }
  let planned = false;
  new MutationObserver(() => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => { planned = false; arrived(); });
  }).observe(document.body, {childList: true, subtree: true});
  setInterval(() => {
    if (queue() && document.visibilityState === "visible" && !document.querySelector("dialog[open]")) list(false);
  }, REFRESH_MS);
})();
