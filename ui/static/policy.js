// The policy: finding rules, the copy that this tab keeps, conditions built from fields, dialogues, a back-test's progress.
"use strict";
(() => {
  const COPY = "fraudray.policy.copy.";
  const JOB = "fraudray.policy.job";
  const TYPING_MS = 300;
  const LOOK_MS = 2000;
  const CHARS_MAX = 180000;
  const page = () => document.querySelector("[data-policy]");
  const copy = () => document.querySelector("[data-policy-copy]");
  const box = () => copy()?.querySelector("[data-policy-text]");
  const send = (name, values, source) => window.fraudray.send(name, values, source);

  // --- the copy: in this tab alone, sent with everything that is done with it
  function kept() { try { return JSON.parse(sessionStorage.getItem(COPY + page().dataset.policy)); } catch { return null; } }
  function keep(values) { try { sessionStorage.setItem(COPY + page().dataset.policy, JSON.stringify(values)); } catch { /* a browser that keeps nothing */ } }
  function forget() { try { sessionStorage.removeItem(COPY + page().dataset.policy); } catch { /* nothing was kept */ } }
  const now = () => ({text: box().value, view: copy().dataset.view, based_on: copy().dataset.basedOn});
  const fillsOf = {"policy-impact": "#policy-tried"};
  function sendCopy(name, more, source) {
    if (!copy()) return;
    if (box().value.length > CHARS_MAX) { alert(`The copy has more than ${CHARS_MAX.toLocaleString()} characters, which is more than this page can send. Save it with “fraudray policy save”.`); return; }
    const fills = source && fillsOf[name];
    if (fills) source.dataset.fills = fills;
    send(name, {...now(), shown: copy().dataset.view, ...more}, fills ? source : undefined);
  }
  let serial = "";
  function took() {
    const root = copy();
    if (!root || root.dataset.serial === serial) return;
    serial = root.dataset.serial;
    keep(now());
  }
  let begun = false;
  function resume() {
    if (begun || !document.querySelector("[data-policy-begin]")) return;
    begun = true;
    const copied = kept();
    if (copied?.text) send("policy-open", copied);
    let job = null;
    try { job = sessionStorage.getItem(JOB); } catch { /* nothing was kept */ }
    if (job) send("policy-job", {id: job});
  }

  // --- finding rules
  function find() {
    const words = (document.querySelector("[data-policy-search]")?.value || "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const rule of document.querySelectorAll("[data-policy-read] .fr-rule")) {
      rule.hidden = !words.every(word => rule.dataset.search.includes(word));
      if (!rule.hidden) shown += 1;
    }
    for (const group of document.querySelectorAll("[data-policy-read] :is([data-policy-family], [data-policy-step])")) {
      group.hidden = words.length > 0 && !group.querySelector(".fr-rule:not([hidden])");
    }
    const found = document.querySelector("[data-policy-found]");
    if (found) found.textContent = words.length ? `${shown} ${shown === 1 ? "rule" : "rules"}` : "";
  }

  // --- a condition from fields
  const HOLDS = {all: "all of these hold", any: "any of these holds"};
  const LISTED = ["one of", "none of"];
  const DEPTH_MAX = 2;
  let facts = new Map();
  let lists = [];
  function el(tag, props, ...children) {
    const made = Object.assign(document.createElement(tag), props);
    made.append(...children.filter(Boolean));
    return made;
  }
  function named(element, label) { element.setAttribute("aria-label", label); return element; }
  function option(value, text, chosen) { return el("option", {value, textContent: text, selected: value === chosen}); }
  function groupBox(form, depth) {
    const match = named(el("select", {}, ...Object.entries(HOLDS).map(([value, text]) => option(value, text, form.match))), "Which of these must hold");
    match.dataset.match = "";
    const parts = el("div", {});
    parts.dataset.parts = "";
    parts.append(...form.parts.map(part => part.parts ? groupBox(part, depth + 1) : comparisonRow(part)));
    const made = el("fieldset", {className: "fr-group-box"},
      el("legend", {className: "fr-group-match"}, match), parts,
      el("div", {className: "fr-buttons"},
        act("comparison", "Add a comparison"), depth < DEPTH_MAX ? act("group", "Add a group") : null,
        depth > 0 ? act("drop-group", "Remove this group") : null));
    made.dataset.group = String(depth);
    return made;
  }
  function act(name, text) {
    const button = el("button", {type: "button", className: "fr-button", textContent: text});
    button.dataset.builder = name;
    return button;
  }
  function comparisonRow(part) {
    const row = el("div", {className: "fr-comparison"});
    row.dataset.comparison = "";
    const groups = new Map();
    for (const fact of facts.values()) groups.set(fact.tool || "the payment", [...(groups.get(fact.tool || "the payment") || []), fact]);
    const choice = named(el("select", {}, option("", "choose a fact", part.fact), ...[...groups].map(([tool, of]) => {
      const group = el("optgroup", {label: tool});
      group.append(...of.map(fact => option(fact.name, `${fact.called} · ${fact.name}`, part.fact)));
      return group;
    })), "Fact");
    choice.dataset.fact = "";
    row.append(choice, el("span", {}), el("span", {className: "fr-value"}), named(act("drop", "×"), "Remove this comparison"));
    choose(row, part);
    return row;
  }
  function choose(row, part) {
    const fact = facts.get(part.fact);
    const comparisons = fact ? fact.comparisons : [];
    const chosen = comparisons.includes(part.is) ? part.is : comparisons[0] || "";
    const is = named(el("select", {disabled: !fact}, ...comparisons.map(name => option(name, said(name), chosen))), "Comparison");
    is.dataset.is = "";
    row.children[1].replaceChildren(is);
    value(row, fact, chosen, part.value);
  }
  const said = name => ({true: "is so", false: "is not so", above: "is above", "at least": "is at least", below: "is below", "at most": "is at most",
    "one of": "is one of", "none of": "is none of", "starts with": "begins with", "ends with": "ends with"})[name] || name;
  function value(row, fact, comparison, given) {
    const place = row.children[2];
    if (!fact || comparison === "true" || comparison === "false") { place.replaceChildren(); return; }
    const text = Array.isArray(given) ? given.join(", ") : given && typeof given === "object" ? "" : given ?? "";
    const input = named(el("input", {value: String(text), autocomplete: "off", maxLength: 400}), "Value");
    input.dataset.value = "";
    if (fact.kind !== "string") input.inputMode = "decimal";
    if (!LISTED.includes(comparison)) { place.replaceChildren(input); return; }
    const from = given && given.list || "";
    const list = named(el("select", {}, option("", "these, with commas", from), ...lists.map(name => option(name, `the list ${name}`, from))), "Values from");
    list.dataset.list = "";
    input.hidden = Boolean(from);
    place.replaceChildren(list, input);
  }
  function formOf(group) {
    return {
      match: group.querySelector(":scope > legend [data-match]").value,
      parts: [...group.querySelector(":scope > [data-parts]").children].map(part => part.matches("[data-group]") ? formOf(part) : comparisonOf(part)),
    };
  }
  function comparisonOf(row) {
    const fact = facts.get(row.querySelector("[data-fact]").value);
    const is = row.querySelector("[data-is]").value;
    const found = {fact: fact ? fact.name : "", is};
    const input = row.querySelector("[data-value]");
    const list = row.querySelector("[data-list]");
    if (!input) return found;
    const text = input.value.trim();
    if (list) return {...found, value: list.value ? {list: list.value} : text.split(",").map(one => one.trim()).filter(Boolean)};
    if (fact.kind === "string") return {...found, value: input.value};
    const number = Number(text.replace(/,/g, ""));
    return {...found, value: text === "" || Number.isNaN(number) ? text : number};
  }
  const dialog = () => document.querySelector("dialog[data-policy-rule]");
  const builder = () => dialog()?.querySelector("[data-policy-builder]");
  const how = () => dialog().querySelector("[name=how]:checked").value;
  function openRule() {
    const one = dialog();
    if (!one || one.dataset.shown) return;
    one.dataset.shown = "1";
    facts = new Map(JSON.parse(builder().dataset.facts).map(fact => [fact.name, fact]));
    lists = JSON.parse(builder().dataset.lists);
    const form = JSON.parse(builder().dataset.form);
    if (form.parts) builder().append(groupBox(form, 0));
    showHow();
    one.showModal();
    if (!complete()) read();
    else preview();
  }
  function showHow() {
    const fields = how() === "form";
    builder().hidden = !fields;
    dialog().querySelector("[data-policy-cel-field]").hidden = fields;
  }
  const built = () => how() === "form" ? {how: "form", form: formOf(builder().firstElementChild)} : {how: "cel", cel: dialog().querySelector("[name=cel]").value};
  const complete = () => how() !== "form" || [...builder().querySelectorAll("[data-fact]")].every(fact => fact.value);
  function read() {
    if (!dialog() || !copy()) return;
    if (complete()) { send("policy-condition", {text: box().value, ...built()}); return; }
    const place = dialog().querySelector("[data-policy-preview]");
    place.replaceChildren(el("p", {className: "fr-hint", textContent: "Choose a fact in every line; the condition appears here in words and as CEL."}));
    place.dataset.from = "-";
  }
  let typing;
  function later() { clearTimeout(typing); typing = setTimeout(read, TYPING_MS); }
  function preview() {
    const place = dialog()?.querySelector("[data-policy-preview]");
    const from = document.querySelector("#policy-cel [data-policy-read-cel], #policy-cel .fr-state");
    const text = from ? from.outerHTML : "";
    if (!place || place.dataset.from === text || (place.dataset.from === "-" && !complete())) return;
    place.dataset.from = text;
    place.replaceChildren(...(from ? [from.cloneNode(true)] : []));
    const cel = from?.dataset.policyReadCel;
    if (cel && how() === "form") dialog().querySelector("[name=cel]").value = cel;
  }
  document.addEventListener("input", event => {
    const target = event.target;
    if (target.matches?.("[data-policy-search]")) find();
    else if (target.matches?.("[data-policy-text]")) keep(now());
    else if (target.closest?.("[data-policy-builder]") || target.matches?.("dialog[data-policy-rule] [name=cel]")) later();
  });
  document.addEventListener("change", event => {
    const target = event.target;
    if (target.matches?.("dialog[data-policy-rule] [name=how]")) { showHow(); read(); return; }
    const row = target.closest?.("[data-comparison]");
    if (!row) return;
    if (target.matches("[data-fact]")) choose(row, {fact: target.value});
    else if (target.matches("[data-is]")) value(row, facts.get(row.querySelector("[data-fact]").value), target.value, comparisonOf(row).value);
    else if (target.matches("[data-list]")) row.querySelector("[data-value]").hidden = Boolean(target.value);
    later();
  });
  function build(button) {
    const group = button.closest("[data-group]");
    const parts = group.querySelector(":scope > [data-parts]");
    const depth = Number(group.dataset.group);
    const empty = {fact: "", is: ""};
    switch (button.dataset.builder) {
      case "comparison": parts.append(comparisonRow(empty)); parts.lastElementChild.querySelector("[data-fact]").focus(); break;
      case "group": parts.append(groupBox({match: "any", parts: [empty, empty]}, depth + 1)); parts.lastElementChild.querySelector("[data-match]").focus(); break;
      case "drop-group": group.remove(); break;
      default: button.closest("[data-comparison]").remove();
    }
    later();
  }

  // --- what is clicked
  document.addEventListener("click", event => {
    const target = event.target.closest?.("[data-builder], [data-policy-view], [data-policy-send], [data-policy-op], [data-policy-edit], [data-policy-dialog], [data-policy-discard], [data-policy-goto], [data-policy-copy-version]");
    if (!target || !page()) return;
    const data = target.dataset;
    if (data.builder) build(target);
    else if (data.policyView) { if (data.policyView !== copy().dataset.view) sendCopy("policy-open", {view: data.policyView}); }
    else if (data.policySend) sendCopy(data.policySend, {}, target);
    else if (data.policyOp) sendCopy("policy-edit", {op: data.policyOp, kind: data.kind, id: data.id});
    else if (data.policyEdit !== undefined) { opener = target; sendCopy("policy-rule", {kind: data.kind, id: data.policyEdit}); }
    else if (data.policyDialog) document.getElementById(data.policyDialog)?.showModal();
    else if (data.policyGoto) show(Number(data.policyGoto));
    else if (data.policyCopyVersion) { forget(); start(data.policyCopyVersion); }
    else if (confirm("Discard this copy? What you changed is lost.")) { forget(); location.reload(); }
  });
  let opener = null;
  function start(number) {
    try { sessionStorage.setItem(COPY + "start", number); } catch { /* the copy is made of what is in force then */ }
    location.assign(new URL(`policy?part=change&name=${encodeURIComponent(page().dataset.policy)}`, document.baseURI));
  }
  function startFrom() {
    if (!document.querySelector("[data-policy-begin]")) return;
    let number = null;
    try { number = sessionStorage.getItem(COPY + "start"); sessionStorage.removeItem(COPY + "start"); } catch { /* nothing was kept */ }
    if (number) { begun = true; send("policy-start", {name: page().dataset.policy, number}); }
  }
  let wanted = 0;
  function show(line) {
    if (copy().dataset.view !== "text") { wanted = line; sendCopy("policy-open", {view: "text"}); return; }
    const area = box();
    const lines = area.value.split("\n");
    const from = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(from, from + (lines[line - 1] || "").length);
    area.scrollTop = Math.max(0, (line - 8) * area.scrollHeight / lines.length);
  }

  // --- forms
  document.addEventListener("submit", event => {
    const form = event.target;
    const data = form.dataset;
    const values = Object.fromEntries(new FormData(form));
    const go = event.submitter?.value === "go";
    if (data.policyForm) { event.preventDefault(); sendCopy("policy-edit", {op: data.policyForm, ...values}); }
    else if (data.policyBacktest !== undefined) { event.preventDefault(); if (copy()) { form.dataset.fills = "#policy-run"; send("policy-backtest", {...values, text: box().value}, form); } }
    else if (data.policyEntry !== undefined && go) {
      event.preventDefault();  // it closes once the copy has taken it
      const one = dialog();
      sendCopy("policy-edit", {op: "entry", kind: one.dataset.kind, id: one.dataset.id, ...values, ...built()});
    } else if (data.policySave !== undefined && go) { sendCopy("policy-save", values); form.reset(); }
    else if (data.policyAct && go) {
      const versions = document.querySelector("[data-policy-versions]").dataset;
      send(data.policyAct, {...values, name: versions.name, tag: versions.tag, number: data.number});
      form.reset();
    }
  });

  // --- whatever comes in
  let results = "";
  function lookAtResults() {
    const shown = [...document.querySelectorAll("#policy-tried [data-n], #policy-history form, #policy-run [data-policy-job]")].map(one => one.dataset.n || one.dataset.policyJob || "form").join(" ");
    if (shown === results) return;
    const came = shown.length > results.length || !shown.startsWith(results);
    results = shown;
    if (came && shown && !document.querySelector("dialog[open]") && !document.querySelector("#policy-run [data-moving]")) document.querySelector("#policy-tried").scrollIntoView({block: "start"});
  }
  let looking = 0;
  function look() {
    const job = document.querySelector("[data-policy-job]");
    if (!job) return;
    try { if (job.hasAttribute("data-moving")) sessionStorage.setItem(JOB, job.dataset.policyJob); } catch { /* it is among the back-tests */ }
    if (!job.hasAttribute("data-moving") || looking) return;
    looking = setTimeout(() => { looking = 0; if (document.querySelector("[data-policy-job][data-moving]")) { send("policy-job", {id: job.dataset.policyJob}); look(); } }, LOOK_MS);
  }
  let wasOpen = false;
  function arrived() {
    if (!page()) return;
    startFrom();
    resume();
    took();
    openRule();
    preview();
    look();
    lookAtResults();
    if (wasOpen && !dialog()?.open && opener?.isConnected) { opener.focus(); opener = null; }
    wasOpen = Boolean(dialog()?.open);
    if (wanted && copy()?.dataset.view === "text") { const line = wanted; wanted = 0; show(line); }
  }
  let planned = false;
  new MutationObserver(() => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => { planned = false; arrived(); });
  }).observe(document.body, {childList: true, subtree: true, attributes: true, attributeFilter: ["data-serial", "data-moving"]});
})();
