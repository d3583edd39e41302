"use strict";
(function () {
  var panel = document.getElementById("panel");
  var body = document.getElementById("panel-body");
  var opener = null;

  function close() {
    if (panel.hidden) { return; }
    panel.hidden = true;
    body.replaceChildren();
    if (opener) {
      opener.classList.remove("open");
      opener.focus({ preventScroll: true });
      opener = null;
    }
  }

  function open(link) {
    var source = document.getElementById(link.getAttribute("data-detail"));
    if (!source) { return false; }
    close();
    // A copy of what the page holds already: nothing of a peer is ever parsed as HTML here.
    var copy = source.cloneNode(true);
    copy.removeAttribute("id");
    copy.open = true;
    body.replaceChildren(copy);
    panel.hidden = false;
    panel.scrollTop = 0;
    opener = link;
    link.classList.add("open");
    document.getElementById("panel-close").focus({ preventScroll: true });
    return true;
  }

  document.addEventListener("click", function (event) {
    var link = event.target.closest("a[data-detail]");
    if (link) {
      if (open(link)) { event.preventDefault(); }
    } else if (!event.target.closest("#panel") || event.target.closest("#panel-close")) {
      close();
    } else if (event.target.closest("#panel summary")) {
      event.preventDefault();
    }
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { close(); }
  });

  // Paper shows what the screen folds; browsers without ::details-content need it done here.
  var unfolded = [];
  window.addEventListener("beforeprint", function () {
    close();
    unfolded = Array.prototype.slice.call(document.querySelectorAll("details:not([open])"));
    unfolded.forEach(function (fold) { fold.open = true; });
  });
  window.addEventListener("afterprint", function () {
    unfolded.forEach(function (fold) { fold.open = false; });
  });
}());
