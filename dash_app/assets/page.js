// What the page does without asking the server, and the ways in that Dash does not have: paste
// and camera. Both hand their files to the upload of the open tab, as if they were dropped.
(function () {
  "use strict";

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    catwalk: {
      take: function (contents, names) {
        const skip = window.dash_clientside.no_update;
        if (!contents || !contents.length) return [skip, skip];
        const pictures = contents.map((content, i) => ({ name: (names || [])[i] || "image", content }));
        return [pictures, null];
      },
      several: function (pictures) {
        return pictures && pictures.length > 1 ? pictures : null;
      },
      choose: function (pictures) {
        const skip = window.dash_clientside.no_update;
        const triggered = window.dash_clientside.callback_context.triggered;
        if (!pictures || !pictures.length || !triggered.length) return skip;
        show_answer();
        const id = triggered[0].prop_id;
        if (id.startsWith("{")) {
          if (!triggered[0].value) return skip;
          return pictures[JSON.parse(id.slice(0, id.lastIndexOf("."))).chosen] || skip;
        }
        return pictures[0];
      },
      heat: function (heatmaps, label, strength) {
        const source = (heatmaps || {})[label];
        return [
          source || "",
          { opacity: source ? Number(strength) / 100 : 0 },
          source ? "" : "hidden",
          source ? "hidden" : "quiet",
        ];
      },
      // Up to a dozen bars are all shown; of more the five largest, which are the last.
      bars: function (figure, all) {
        const skip = window.dash_clientside.no_update;
        if (!figure) return [skip, skip, skip, skip];
        const [trace] = figure.data;
        const total = trace.y.length;
        const few = total <= 12;
        const count = few || all ? total : 5;
        const last = (list) => list.slice(-count);
        const height = few ? figure.layout.height : 60 + (all ? 24 : 40) * count;
        const shown = { x: last(trace.x), y: last(trace.y), text: last(trace.text),
          marker: { ...trace.marker, color: last(trace.marker.color) } };
        return [
          { ...figure, data: [{ ...trace, ...shown }], layout: { ...figure.layout, height } },
          { height: `${height}px` },
          few ? "hidden" : "",
          `All ${total.toLocaleString("en")} classes`,
        ];
      },
      all_on: function (_, steps) {
        return steps.map(() => true);
      },
      pick_all: function (every, picked) {
        return picked.map(() => every);
      },
      go_to_project: function (name, hash) {
        const box = document.getElementById("content");
        if (name && name !== box.dataset.project) {
          window.location.assign(`/p/${encodeURIComponent(name)}/${hash || ""}`);
        }
        return window.dash_clientside.no_update;
      },
      open_tab: function (hash, tab) {
        const wanted = (hash || "").slice(1);
        return ["predict", "compare", "batch", "model", "data", "review"].includes(wanted) ? wanted : tab;
      },
    },
  });

  // On a phone the answer stands below what was chosen.
  function show_answer() {
    const answer = document.querySelector(".answer");
    if (answer && matchMedia("(max-width: 800px)").matches) {
      setTimeout(() => answer.scrollIntoView({ behavior: "smooth", block: "start" }), 300);
    }
  }

  function hand_over(files) {
    const panels = [...document.querySelectorAll("[role=tabpanel]")];
    const open = panels.find((panel) => panel.offsetParent !== null);
    const input = open && open.querySelector("input[type=file]");
    if (!input || !files.length) return;
    const transfer = new DataTransfer();
    files.forEach((file) => transfer.items.add(file));
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData || {}).files || []].filter((file) =>
      file.type.startsWith("image/"));
    if (files.length) {
      event.preventDefault();
      hand_over(files);
    }
  });

  // A phone's own camera application takes the better photo; elsewhere a small viewfinder.
  function from_phone() {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", accept: "image/*", capture: "environment" });
    input.addEventListener("change", () => hand_over([...input.files]));
    input.click();
  }

  async function from_webcam(button) {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (refused) {
      window.dash_clientside.set_props("message", {
        children: "the camera cannot be used: allow it in the browser, or choose a file" });
      return;
    }
    const dialog = document.createElement("dialog");
    dialog.className = "viewfinder";
    dialog.setAttribute("aria-label", "Take a photo");
    const video = Object.assign(document.createElement("video"), {
      srcObject: stream, autoplay: true, muted: true, playsInline: true });
    const snap = Object.assign(document.createElement("button"), { textContent: "Take it" });
    const leave = Object.assign(document.createElement("button"), { textContent: "Close" });
    dialog.append(video, snap, leave);
    document.body.append(dialog);
    snap.addEventListener("click", () => {
      const canvas = Object.assign(document.createElement("canvas"), {
        width: video.videoWidth, height: video.videoHeight });
      canvas.getContext("2d").drawImage(video, 0, 0);
      canvas.toBlob((blob) => {
        hand_over([new File([blob], "photo.jpg", { type: "image/jpeg" })]);
        dialog.close();
      }, "image/jpeg", 0.92);
    });
    leave.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      stream.getTracks().forEach((track) => track.stop());
      dialog.remove();
      button.focus();
    });
    dialog.showModal();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#camera");
    if (!button) return;
    const on_phone = matchMedia("(pointer: coarse)").matches;
    if (on_phone || !navigator.mediaDevices) from_phone();
    else from_webcam(button);
  });

  // What the server would refuse unread is not sent, and that is said: Dash itself is silent.
  function check_size(event) {
    const drop = event.target.closest && event.target.closest(".drop");
    const files = [...(event.target.files || (event.dataTransfer || {}).files || [])];
    if (!drop || !files.length) return;
    const most = Number(document.getElementById("content").dataset.mostBytes);
    const total = files.reduce((sum, file) => sum + file.size, 0);
    if (total <= most) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    if (event.target.files) event.target.value = "";
    const mib = (bytes) => (bytes / 2 ** 20).toFixed(0);
    window.dash_clientside.set_props(drop.closest("[role=tabpanel]").querySelector(".message").id, {
      children: `these files have ${mib(total)} MiB; at most ${mib(most)} are sent at once. Drop fewer`,
    });
  }
  document.addEventListener("change", check_size, true);
  document.addEventListener("drop", check_size, true);

  // The file inputs inside Dash's uploads have no name of their own.
  function name_uploads() {
    document.querySelectorAll("input[type=file]:not([aria-label])").forEach((input) =>
      input.setAttribute("aria-label", "Choose pictures"));
  }
  new MutationObserver(name_uploads).observe(document.documentElement, {
    childList: true, subtree: true });

  // Dash drops a callback that failed without a word. The next one that succeeds takes the notice
  // away again: the version is asked for every few seconds.
  const fetch_plainly = window.fetch;
  window.fetch = async function (target, ...options) {
    const callback = String(target.url || target).includes("_dash-update-component");
    try {
      const response = await fetch_plainly.call(this, target, ...options);
      if (callback) {
        if (response.status < 500) say_trouble("", ASKED_EVERY);
        else if (response.status === 503) {
          response.clone().json().then((said) => say_trouble(said.error, 0), () => undefined);
        }
        else say_trouble("The server could not do that: something is wrong there, and its log says what. Try again, or something else.", 0);
      }
      return response;
    } catch (error) {
      if (callback) say_trouble("The server does not answer. The page goes on by itself once it does.", 0);
      throw error;
    }
  };
  const ASKED_EVERY = 10000; // what went wrong stays readable for as long
  let said_at = 0;
  function say_trouble(sentence, least) {
    const box = document.getElementById("trouble");
    if (!box || (!sentence && Date.now() - said_at < least)) return;
    if (sentence) said_at = Date.now();
    box.textContent = sentence;
    box.classList.toggle("hidden", !sentence);
  }

  // AG Grid goes by an attribute of its own for light and dark.
  function follow_scheme() {
    const scheme = document.documentElement.getAttribute("data-mantine-color-scheme");
    document.body.dataset.agThemeMode = scheme === "dark" ? "dark" : "light";
  }
  new MutationObserver(follow_scheme).observe(document.documentElement, {
    attributes: true, attributeFilter: ["data-mantine-color-scheme"] });
  document.addEventListener("DOMContentLoaded", follow_scheme);
})();
