// What every page shares: times in the reader's zone, what the reader does, and saying so when nothing answers.
"use strict";
(() => {
  const ACTION = "fr-do-";
  const SLOW_MS = 5000;
  const NO_ANSWER_MS = 20000;

  // --- times: <time datetime="…"> shows the reader's zone, its title says UTC; so do a drawing's axes
  const zoned = {year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
    timeZoneName: "short"};
  const format = new Intl.DateTimeFormat(undefined, zoned);
  const axisForms = {time: {hour: "2-digit", minute: "2-digit"}, day: {month: "short", day: "numeric"}, month: {year: "numeric", month: "short"}};
  function showTimes(root) {
    for (const element of root.querySelectorAll("text[data-moment]")) {
      const text = new Date(element.dataset.moment).toLocaleString(undefined, axisForms[element.dataset.form]);
      if (element.textContent !== text) element.textContent = text;
    }
    for (const element of root.querySelectorAll("time[datetime]")) {
      const moment = new Date(element.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      const text = "age" in element.dataset ? element.textContent : format.format(moment);
      if (text === element.textContent && !element.title) element.title = `${format.format(moment)} (${moment.toISOString().slice(0, 19).replace("T", " ")} UTC)`;
      if (element.textContent !== text) {
        element.title = moment.toISOString().replace("T", " ").replace(/\.\d+Z$|Z$/, " UTC");
        element.textContent = text;
      }
    }
  }

  // --- what the reader does: written into the action's hidden field, as if typed
  let count = 0;
  function send(name, values, form) {
    const field = document.querySelector(`#${ACTION}${CSS.escape(name)} textarea, #${ACTION}${CSS.escape(name)} input`);
    if (!field) { noAnswer(true); return false; }
    count += 1;
    field.value = JSON.stringify({n: `${Date.now()}-${count}`, values});
    field.dispatchEvent(new Event("input", {bubbles: true}));
    if (form) wait(form);
    return true;
  }
  function wait(source) {
    const place = document.querySelector(source.dataset.fills || "");
    if (!place) return;
    place.setAttribute("aria-busy", "true");
    const button = source.matches("form") ? source.querySelector("[type=submit]") : source;
    button?.setAttribute("aria-disabled", "true");
    const late = setTimeout(() => noAnswer(true), NO_ANSWER_MS);
    const done = new MutationObserver(() => {
      done.disconnect(); clearTimeout(late); noAnswer(false);
      place.removeAttribute("aria-busy"); button?.removeAttribute("aria-disabled");
    });
    done.observe(place, {childList: true, subtree: true, characterData: true});
  }
  function noAnswer(shown) {
    const note = document.querySelector("[data-no-answer]");
    if (note) note.hidden = !shown;
  }

  document.addEventListener("submit", event => {
    const form = event.target;
    if (form.matches("form[data-do]")) {
      event.preventDefault();
      if (form.querySelector("[type=submit][aria-disabled=true]")) return;
      const more = {};
      form.dispatchEvent(new CustomEvent("fraudray:values", {bubbles: true, detail: more}));
      send(form.dataset.do, {...Object.fromEntries(new FormData(form)), ...more}, form);
    } else if (form.matches("form[data-back]")) {
      form.elements.back.value = (location.pathname + location.search).slice(new URL(document.baseURI).pathname.length);
    }
  }, true);
  document.addEventListener("click", event => {
    const target = event.target.closest("[data-do]:not(form), [data-reload], [data-skip]");
    if (!target) return;
    if (target.hasAttribute("data-reload")) location.reload();
    else if (target.hasAttribute("data-skip")) skip();
    else if (target.getAttribute("aria-disabled") !== "true") send(target.dataset.do, JSON.parse(target.dataset.message || "{}"), target);
  });
  function skip() {
    const heading = document.querySelector("gradio-app h1");
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus();
  }

  // --- menus close on Escape and when one looks elsewhere
  document.addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details.fr-menu[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });
  document.addEventListener("click", event => {
    for (const menu of document.querySelectorAll("details.fr-menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  // --- whatever comes in
  function arrived() {
    showTimes(document);
    const opening = document.querySelector("[data-opening]");
    if (opening && document.querySelector("gradio-app .fr-place")) opening.remove();
    for (const live of document.querySelectorAll(".fr-live:not([aria-live])")) live.setAttribute("aria-live", "polite");
    // Gradio's own words for a connection that was lost, or a request that it could not send: ours say what to do.
    if (document.querySelector(".toast-body.error")) noAnswer(true);
    for (const slow of document.querySelectorAll("[data-slow]:not([data-timed])")) {
      slow.dataset.timed = "";
      setTimeout(() => { slow.hidden = false; }, SLOW_MS);
    }
  }
  let planned = false;
  new MutationObserver(() => {
    if (planned) return;
    planned = true;
    queueMicrotask(() => { planned = false; arrived(); });
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
  arrived();

  window.fraudray = {send};
})();
