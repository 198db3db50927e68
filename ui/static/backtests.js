// Back-tests: sliders whose effect is worked out here from the run's figures, progress that follows by itself, the form.
"use strict";
(() => {
  const LOOK_MS = 1500;
  const LATE_MS = 15000;
  const SAY_MS = 700;
  const NONE = "–";

  // --- thresholds; fraudray.ui.views.thresholds works out the same at first
  const sliders = () => document.querySelector("form[data-thresholds]");
  let parsed = {text: "", data: null};
  function dataOf(form) {
    if (parsed.text !== form.dataset.thresholds) parsed = {text: form.dataset.thresholds, data: JSON.parse(form.dataset.thresholds)};
    return parsed.data;
  }
  function setting(columns, review, block) {
    const at = (name, score) => columns[name][score] ?? 0;
    return {
      recall: columns.recall[review], recall_block: columns.recall[block], fpr: columns.fpr[review],
      precision: columns.precision[review], alerts_per_day: columns.alerts_per_day[review],
      money_caught: columns.money_caught[review], money_missed: columns.money_missed[review],
      money_held: at("money_flagged_by_mistake", review) - at("money_flagged_by_mistake", block),
      money_stopped: columns.money_flagged_by_mistake[block],
      net_benefit: at("net_benefit_review", review) - at("net_benefit_review", block) + at("net_benefit_block", block),
    };
  }
  const formats = {
    share: new Intl.NumberFormat("en-US", {minimumFractionDigits: 2, maximumFractionDigits: 2, useGrouping: false}),
    count: new Intl.NumberFormat("en-US", {minimumFractionDigits: 1, maximumFractionDigits: 1}),
    money: new Intl.NumberFormat("en-US", {maximumFractionDigits: 0}),
  };
  function written(value, kind) {
    const text = formats[kind].format(kind === "share" ? 100 * value : value);
    return /[1-9]/.test(text) ? text.replace("-", "−") : text.replace("-", "");
  }
  function say(value, kind, currency) {
    if (value === null || value === undefined) return NONE;
    const text = written(value, kind);
    return kind === "share" ? `${text} %` : kind === "money" ? `${currency} ${text}` : text;
  }
  function change(value, own, kind) {
    if (value === null || own === null) return NONE;
    const text = written(value - own, kind);
    if (!/[1-9]/.test(text)) return NONE;
    return (text.startsWith("−") ? text : `+${text}`) + (kind === "share" ? " points" : "");
  }
  let saying;
  function show(form) {
    const {columns, currency, review: ownReview, block: ownBlock} = dataOf(form);
    const review = Number(form.elements.review.value);
    const block = Number(form.elements.block.value);
    const found = setting(columns, review, block);
    const own = setting(columns, ownReview, ownBlock);
    const card = form.closest("section");
    for (const row of card.querySelectorAll("[data-figure]")) {
      const {figure, kind} = row.dataset;
      row.querySelector("[data-yours]").textContent = say(found[figure], kind, currency);
      row.querySelector("[data-change]").textContent = change(found[figure], own[figure], kind);
    }
    for (const [name, score] of Object.entries({review, block})) {
      form.querySelector(`[data-threshold-shown=${name}]`).textContent = String(score);
      const flagged = `${score}: ${say(columns.recall[score], "share")} of frauds and ${say(columns.fpr[score], "share")} of genuine payments score as much`;
      form.elements[name].setAttribute("aria-valuetext", flagged);
      const line = card.querySelector(`[data-threshold-line=${name}]`);
      const x = Number(line.dataset.left) + (Number(line.dataset.right) - Number(line.dataset.left)) * score / 100;
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
      line.setAttribute("visibility", "visible");
    }
    return `Review from ${review}, block from ${block}: ${say(found.recall, "share")} of frauds detected, ${say(found.fpr, "share")} of genuine payments flagged, ${say(found.alerts_per_day, "count")} alerts a day, net benefit ${say(found.net_benefit, "money", currency)}.`;
  }
  function move(form) {
    const text = show(form);
    clearTimeout(saying);
    saying = setTimeout(() => { const said = form.closest("section").querySelector("[data-threshold-said]"); if (said) said.textContent = text; }, SAY_MS);
  }
  document.addEventListener("input", event => {
    const input = event.target;
    if (!input.matches?.("input[data-threshold]")) return;
    const form = input.form;
    // What is blocked is not reviewed: the one pushes the other along.
    const {review, block} = form.elements;
    if (Number(review.value) > Number(block.value)) (input === review ? block : review).value = input.value;
    move(form);
  });
  document.addEventListener("click", event => {
    if (!event.target.closest?.("[data-threshold-reset]")) return;
    const form = sliders();
    const {review, block} = dataOf(form);
    form.elements.review.value = review;
    form.elements.block.value = block;
    move(form);
  });

  // --- the form: own texts, days within the history, problems at their fields
  const form = () => document.querySelector("form[data-backtest-form]");
  function fit() {
    const own = form();
    for (const select of own.querySelectorAll("select[data-own-text]")) {
      own.querySelector(`[data-text-of=${select.dataset.ownText}]`).hidden = select.value !== "text";
    }
    const chosen = own.elements.history.selectedOptions[0];
    for (const name of ["from", "to"]) {
      own.elements[name].min = chosen?.dataset.first || "";
      own.elements[name].max = name === "from" ? chosen?.dataset.last || "" : "";
    }
  }
  function showProblems() {
    const own = form();
    for (const place of own.querySelectorAll(".fr-problem")) place.textContent = "";
    for (const input of own.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    for (const found of document.querySelectorAll("#bt-said [data-backtest-problem]")) {
      const place = document.getElementById(`bt-problem-${found.dataset.backtestProblem}`);
      if (place) place.textContent = found.dataset.text;
      own.elements[found.dataset.backtestProblem]?.setAttribute("aria-invalid", "true");
    }
  }
  document.addEventListener("change", event => { if (event.target.form?.matches("form[data-backtest-form]")) fit(); });
  document.addEventListener("click", event => {
    const name = event.target.closest?.("[data-backtest-problem]")?.dataset.backtestProblem;
    if (name && form()) { form().closest("details").open = true; form().elements[name]?.focus(); }
  });

  // --- whatever comes in
  let planned = false;
  new MutationObserver(() => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      if (sliders() && !sliders().dataset.ready) { sliders().dataset.ready = "true"; show(sliders()); }
      if (!form()) return;
      if (!form().dataset.ready) { form().dataset.ready = "true"; fit(); }
      const said = document.querySelector("#bt-said")?.textContent || "";
      if (said !== form().dataset.said) { form().dataset.said = said; showProblems(); }
    });
  }).observe(document.body, {childList: true, subtree: true, characterData: true});

  // --- progress, while something moves; what is shown says when it is of, so that one look follows the other
  let last = {shown: "", at: 0};
  setInterval(() => {
    const place = document.querySelector("[data-backtests]");
    if (!place || document.visibilityState !== "visible") return;
    const shown = place.dataset.backtests;
    const seen = JSON.parse(shown);
    if (!seen.moving.length || shown === last.shown && Date.now() - last.at < LATE_MS) return;
    last = {shown, at: Date.now()};
    window.fraudray.send("backtests-look", seen);
  }, LOOK_MS);
})();
