// What the theme leaves out for readers with a keyboard or a screen reader.
addEventListener("DOMContentLoaded", () => {
  for (const caption of document.querySelectorAll("p.caption[role=heading]")) {
    caption.setAttribute("aria-level", "2");
  }
  document.querySelector("aside.sidebar-drawer")?.setAttribute("aria-label", "The book");
  document.querySelector("aside.toc-drawer")?.setAttribute("aria-label", "This page");
  for (const block of document.querySelectorAll("pre, .output, .table-wrapper")) {
    if (block.scrollWidth > block.clientWidth) block.tabIndex = 0; // the arrow keys scroll it
  }
});
