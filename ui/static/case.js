// The case page: dialogues, files, copying, evidence that the model cites, and looking whether the case changed.
"use strict";
(() => {
  const LOOK_MS = 10000;
  const head = () => document.querySelector(".fr-case-head[data-case]");
  const seen = () => ({case_id: head().dataset.case, version: Number(head().dataset.version)});
  const busy = () => document.querySelector("dialog[open], details.fr-menu[open]") !== null;

  document.addEventListener("click", event => {
    const target = event.target.closest?.("[data-case-act], [data-case-next], [data-case-detach], [data-case-unlist], [data-copy]");
    if (!target || !head() && !target.dataset.copy) return;
    if (target.dataset.copy !== undefined) { copy(target); return; }
    if (target.hasAttribute("data-case-next")) { window.fraudray.send("case-next", {}); return; }
    if (target.dataset.caseDetach) {
      const reason = prompt("Destroy this file for good? Say why.");
      if (reason) window.fraudray.send("case-detach", {...seen(), file_id: target.dataset.caseDetach, reason});
      return;
    }
    if (target.dataset.caseUnlist) {
      const reason = prompt(`Take ${target.dataset.says} off? It counts no more from the next payment on. Say why.`);
      if (reason) window.fraudray.send("case-act", {act: "unlist", ...seen(), entry_id: target.dataset.caseUnlist, reason});
      return;
    }
    const dialog = document.getElementById(`act-${target.dataset.caseAct}`);
    target.closest("details.fr-menu")?.removeAttribute("open");
    if (dialog) dialog.showModal();
    else window.fraudray.send("case-act", {act: target.dataset.caseAct, ...seen()});
  });
  document.addEventListener("submit", event => {
    const form = event.target;
    if (form.matches("[data-case-form]")) {
      if (event.submitter?.value === "go") window.fraudray.send("case-act", {...Object.fromEntries(new FormData(form)), act: form.dataset.caseForm, ...seen()});
      form.reset();
    } else if (form.matches("form[data-reset]")) setTimeout(() => form.reset(), 0);
  });
  async function copy(button) {
    const text = button.textContent;
    try { await navigator.clipboard.writeText(button.dataset.copy); button.textContent = "Copied"; }
    catch { button.textContent = "The browser does not let us copy"; }
    setTimeout(() => { button.textContent = text; }, 2000);
  }

  document.addEventListener("change", async event => {
    const input = event.target;
    if (!input.matches?.("[data-case-upload]") || !input.files.length) return;
    const file = input.files[0];
    const said = document.querySelector("[data-upload-said]");
    said.textContent = `Sending ${file.name} …`;
    try {
      const address = new URL(`page/cases/${encodeURIComponent(input.dataset.caseUpload)}/files?name=${encodeURIComponent(file.name)}`, document.baseURI);
      const answer = await fetch(address, {method: "POST", body: file, headers: {"content-type": "application/octet-stream"}});
      const text = await answer.text();
      said.textContent = answer.ok ? `${file.name} is attached.` : text;
      if (answer.ok) window.fraudray.send("case-look", {...seen(), version: -1});
    } catch { said.textContent = "The file was not sent: this page’s server does not answer."; }
    input.value = "";
  });

  // --- what the model cites, in the tools' evidence
  function markCited() {
    const cited = new Set((document.querySelector("[data-cited]")?.dataset.cited || "").split(" ").filter(Boolean));
    for (const item of document.querySelectorAll(".fr-item[id^='evidence-']")) {
      const of = [...cited].some(id => item.id === "evidence-" + id.replaceAll("/", "-"));
      if (item.classList.contains("fr-item-of-model") !== of) item.classList.toggle("fr-item-of-model", of);
    }
  }
  let planned = false;
  new MutationObserver(() => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      markCited();
      const go = document.querySelector("#case-said [data-goto]");
      if (go && !go.dataset.gone) { go.dataset.gone = "1"; location.assign(new URL(go.dataset.goto, document.baseURI)); }
    });
  }).observe(document.body, {childList: true, subtree: true});
  setInterval(() => {
    if (head() && document.visibilityState === "visible" && !busy()) window.fraudray.send("case-look", seen());
  }, LOOK_MS);
})();
