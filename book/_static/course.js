// Small repairs of the theme, for keyboards, for people who hear the page, and for a
// book opened by a double click.

// A summary under each search hit is fetched, which a page on file:// may not do.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS === "object") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// What scrolls sideways must be reachable by the keyboard; what does not, need not.
const TABLES = ".bd-article :is(.scroll, .pst-scrollable-table-container)";
const SCROLLING = `.bd-article :is(mjx-container[display='true'], pre, .output), ${TABLES}`;

function reachScrolling() {
  for (const box of document.querySelectorAll(SCROLLING)) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

document.addEventListener("DOMContentLoaded", () => {
  // A button's spoken name must begin with the name that is seen.
  for (const button of document.querySelectorAll("button.search-button-field")) {
    button.removeAttribute("aria-label");
  }
  for (const box of document.querySelectorAll(TABLES)) {
    box.role = "group";
    box.ariaLabel ??= "Table that may scroll sideways";
  }
  reachScrolling();
  addEventListener("resize", reachScrolling);
  document.addEventListener("toggle", reachScrolling, true);
});

addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  reachScrolling();
});
