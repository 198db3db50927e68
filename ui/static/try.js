// The form of Try: examples, fields and JSON side by side, and problems shown where they are.
"use strict";
(() => {
  const form = () => document.querySelector("form.fr-try");
  const inputs = () => [...form().querySelectorAll("[name^='tx-']")];
  const nameOf = input => input.name.slice(3);
  const field = name => form().elements[`tx-${name}`];
  const mode = () => form().elements.as_json.value === "true" ? "json" : "fields";
  const freshId = () => "TRY-" + [...crypto.getRandomValues(new Uint8Array(5))].map(b => b.toString(16).padStart(2, "0")).join("").toUpperCase();
  let extra = {};  // of the JSON, what no field holds
  let ownId = "";  // the id that was made up here

  const NUMBERS = new Set(["latitude", "longitude", "previous_latitude", "previous_longitude"]);
  function fromFields() {
    const values = {};
    for (const input of inputs()) {
      const text = input.value.trim();
      if (!text) continue;
      const name = nameOf(input);
      values[name] = name === "card_present" ? text === "true" : NUMBERS.has(name) && text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
    }
    return {...values, ...extra};
  }
  function toFields(values) {
    extra = {};
    for (const input of inputs()) input.value = "";
    for (const [name, value] of Object.entries(values)) {
      const input = field(name);
      const text = value === null ? "" : String(value);
      if (!input || typeof value === "object" && value !== null) { extra[name] = value; continue; }
      input.value = text;
      if (input.value !== text) { extra[name] = value; input.value = ""; }  // a choice that there is not
    }
    const group = form().querySelector("details.fr-group:last-of-type");
    if (group && [...group.querySelectorAll("[name^='tx-']")].some(input => input.value)) group.open = true;
  }
  const written = values => JSON.stringify(values, null, 2);

  function select(tab) {
    for (const one of form().querySelectorAll("[role=tab]")) {
      const chosen = one.dataset.tab === tab;
      one.setAttribute("aria-selected", String(chosen));
      one.tabIndex = chosen ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = !chosen;
    }
    form().elements.as_json.value = String(tab === "json");
  }
  let shownJson = "";
  let shownFields = "";
  function change(tab) {
    if (tab === mode()) return true;
    const box = form().elements.json;
    say("json", "");
    if (tab === "json") {
      // The text as it was typed, unless the fields have changed since.
      const now = written(fromFields());
      if (now !== shownFields) { box.value = now; shownJson = now; }
      shownFields = now;
    } else if (box.value !== shownJson) {
      let values;
      try { values = box.value.trim() ? JSON.parse(box.value) : {}; } catch (error) { say("json", `This is no JSON yet: ${error.message}`); box.focus(); return false; }
      if (values === null || typeof values !== "object" || Array.isArray(values)) { say("json", "A transaction is an object: { … }"); box.focus(); return false; }
      toFields(values);
      shownJson = box.value;
      shownFields = written(fromFields());
    }
    select(tab);
    return true;
  }

  function say(name, text) {
    const place = document.getElementById(`problem-${name}`);
    const input = name === "json" ? form().elements.json : field(name);
    if (place) place.textContent = text;
    if (input) text ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
    return Boolean(place);
  }
  function clearProblems() {
    for (const place of form().querySelectorAll(".fr-problem")) place.textContent = "";
    for (const input of form().querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  }
  function showProblems() {
    const found = [...document.querySelectorAll("#try-problems [data-problem]")];
    clearProblems();
    const texts = {};
    for (const one of found) (texts[one.dataset.problem] ||= []).push(one.dataset.text);
    const loose = [];
    for (const [name, said] of Object.entries(texts)) {
      const text = said.join("; ");
      if (mode() === "json" || !say(name, text)) loose.push(name && name !== "json" ? `${name}: ${text}` : text);
    }
    if (mode() === "json" && loose.length) say("json", loose.join(" · "));
    if (found.length) goTo(found[0].dataset.problem);
  }
  function goTo(name) {
    if (mode() === "json" || !field(name)) { form().elements.json.focus(); return; }
    const input = field(name);
    const group = input.closest("details");
    if (group) group.open = true;
    input.focus();
  }

  function begin(button) {
    for (const chip of form().querySelectorAll(".fr-chip")) chip.setAttribute("aria-pressed", String(chip === button));
    const values = {transaction_id: freshId(), ...JSON.parse(button.dataset.values)};
    if ("ownCustomer" in button.dataset) values.customer_id = freshId().replace("TRY", "C-TRY");
    ownId = values.transaction_id;
    toFields(values);
    clearProblems();
    form().elements.json.value = shownJson = shownFields = written(fromFields());
    form().elements.example.value = button.dataset.example;
    form().querySelector("[data-note-shown]").textContent = button.dataset.note;
    const before = Number(button.dataset.before);
    form().querySelector("[data-before-shown]").hidden = !before;
    form().elements.before.checked = before > 0;
    form().querySelector("[data-before-text]").textContent = before === 1 ? "Decide the payment before it first" : `Decide ${before} payments before it first`;
  }
  function setId(id) {
    ownId = id;
    const box = form().elements.json;
    if (mode() === "json") {
      try { const values = JSON.parse(box.value); values.transaction_id = id; box.value = written(values); toFields(values); shownJson = box.value; shownFields = written(fromFields()); } catch { /* left as typed */ }
    } else {
      field("transaction_id").value = id;
    }
  }
  function idNow() {
    if (mode() !== "json") return field("transaction_id").value.trim();
    try { return String(JSON.parse(form().elements.json.value).transaction_id || ""); } catch { return ""; }
  }

  document.addEventListener("click", event => {
    const target = event.target.closest("[data-example], [data-tab], [data-now], [data-fresh], [data-problem]");
    if (!target || !form()) return;
    if (target.dataset.example) begin(target);
    else if (target.dataset.tab) change(target.dataset.tab);
    else if (target.dataset.now) document.getElementById(target.dataset.now).value = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    else if ("fresh" in target.dataset) setId(freshId());
    else goTo(target.dataset.problem);
  });
  document.addEventListener("keydown", event => {
    const tab = event.target.closest?.("form.fr-try [role=tab]");
    if (!tab || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const other = tab.dataset.tab === "fields" ? "json" : "fields";
    if (change(other)) document.getElementById(`tab-${other}`).focus();
  });
  document.addEventListener("reset", event => {
    if (!event.target.matches("form.fr-try")) return;
    setTimeout(() => {
      extra = {}; clearProblems(); shownJson = shownFields = "";
      for (const chip of form().querySelectorAll(".fr-chip")) chip.setAttribute("aria-pressed", "false");
      form().elements.example.value = "";
      form().querySelector("[data-before-shown]").hidden = true;
      select("fields"); setId(freshId());
    });
  });
  // What no field holds travels with the fields: then the JSON is sent.
  document.addEventListener("fraudray:values", event => {
    if (!event.target.matches("form.fr-try")) return;
    if (mode() === "fields") {
      if (!field("transaction_id").value.trim()) setId(freshId());
      if (Object.keys(extra).length) Object.assign(event.detail, {as_json: "true", json: written(fromFields())});
    }
  });

  let decided = "";
  new MutationObserver(() => {
    if (!form()) return;
    if (!form().dataset.ready) { form().dataset.ready = "true"; setId(freshId()); }
    const problems = document.querySelector("#try-problems");
    const said = problems ? problems.textContent : "";
    if (said !== form().dataset.problems) { form().dataset.problems = said; showProblems(); }
    const result = document.querySelector("[data-decided]")?.dataset.decided || "";
    if (result && result !== decided) {
      decided = result;
      if (idNow() === result && result === ownId) setId(freshId());
      const seen = document.querySelector("#try-outcome")?.getBoundingClientRect();
      const narrow = matchMedia("(max-width: 900px)").matches;
      if (seen && (narrow || seen.top < 0 || seen.bottom > innerHeight)) document.querySelector("#try-right")?.scrollIntoView();
    }
    for (const text of document.querySelectorAll("[data-follow]")) {
      if (text.scrollHeight - text.scrollTop - text.clientHeight < 80 || !text.dataset.seen) text.scrollTop = text.scrollHeight;
      text.dataset.seen = "true";
    }
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
})();
