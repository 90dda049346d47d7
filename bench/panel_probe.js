// Runs in the page of the panel's benchmark and notes what a person at it would feel.

(() => {
  const kernel = globalThis.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const fresh = () => ({ frames: [], tasks: [], latencies: [], messages: 0, comms: 0, bytes: 0, started: performance.now() });
  let noted = fresh();
  let shown = "";

  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) noted.tasks.push(task.duration);
  }).observe({ type: "longtask" });

  kernel.iopubMessage.connect((_, message) => {
    noted.messages += 1;
    if (message.header.msg_type !== "comm_msg") return;
    noted.comms += 1;
    noted.bytes += JSON.stringify(message.content).length;
  });

  // The newest row on the page, by the clock time that is written in it.
  const newest = () => {
    let last = null;
    for (const row of document.querySelectorAll(".astra-space > .astra-row:not([hidden])")) {
      if (last === null || Number(row.dataset.number) > Number(last.dataset.number)) last = row;
    }
    return last;
  };

  const afterPaint = new MessageChannel();
  afterPaint.port1.onmessage = () => {
    const now = Date.now();
    const row = newest();
    const number = row?.querySelector(".astra-no").textContent ?? "";
    if (number === "" || number === shown) return;
    shown = number;
    const [hours, minutes, seconds] = row.querySelector(".astra-time").textContent.split(":").map(Number);
    const logged = new Date(now).setHours(hours, minutes, 0, 0) + seconds * 1000;
    noted.latencies.push(now - logged);
  };

  const turn = (time) => {
    noted.frames.push(time);
    // A message posted in a frame is handled when that frame was drawn.
    afterPaint.port2.postMessage(null);
    requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);

  /** Resolve when what is in the page now was painted. */
  const painted = () => new Promise((resolve) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(performance.now());
    port2.postMessage(null);
  }));

  /** Resolve when a condition holds in a frame. */
  const until = (holds) => new Promise((resolve) => {
    const look = () => (holds() ? resolve() : requestAnimationFrame(look));
    look();
  });

  globalThis.astraProbe = {
    watchOpening() {
      const asked = performance.now();
      const created = new Promise((resolve) => new MutationObserver((_, observer) => {
        if (!document.querySelector(".astra-console")) return;
        observer.disconnect();
        resolve(performance.now());
      }).observe(document.body, { childList: true, subtree: true }));
      this.opening = created.then(async (at) => {
        await until(() => newest()?.querySelector(".astra-time").textContent);
        return { created: at - asked, painted: await painted() - at };
      });
    },
    async jump() {
      const rows = document.querySelector(".astra-rows");
      const asked = performance.now();
      rows.scrollTop = 0;
      const first = () => document.querySelector('.astra-row[aria-rowindex="2"]:not([hidden]):not(.astra-waiting)');
      await until(first);
      return { first: await painted() - asked, rows: Number(rows.getAttribute("aria-rowcount")) - 1 };
    },
    begin() { noted = fresh(); },
    end() {
      const { frames, tasks, latencies, messages, comms, bytes, started } = noted;
      const seconds = (performance.now() - started) / 1000;
      const gaps = frames.slice(1).map((time, index) => time - frames[index]);
      return { seconds, frames: frames.length, gaps, tasks, latencies, messages, comms, bytes };
    },
  };
})();
