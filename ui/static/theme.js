// The colours to begin with: those chosen here before, or else the system's. Runs before anything is painted.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => { try { return localStorage.getItem("fraudray-theme"); } catch { return null; } };
  const apply = () => {
    const theme = chosen() || (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    // Gradio's own parts look at a class on the body, which it sets by the system.
    if (document.body && document.body.classList.contains("dark") !== (theme === "dark")) {
      document.body.classList.toggle("dark", theme === "dark");
    }
    const toggle = document.querySelector("[data-theme-toggle]");
    if (toggle) toggle.setAttribute("aria-pressed", String(theme === "dark"));
  };
  apply();
  dark.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("DOMContentLoaded", () => {
    apply();
    new MutationObserver(apply).observe(document.body, {attributes: true, attributeFilter: ["class"]});
    document.querySelector("[data-theme-toggle]")?.addEventListener("click", () => {
      const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("fraudray-theme", next); } catch { /* kept for this page only */ }
      document.documentElement.dataset.theme = next;
      document.body.classList.toggle("dark", next === "dark");
      apply();
    });
  });
})();
