// Saying hello to the kernel, so that what the page sends reaches it while a cell runs.
//
// JupyterLab sends a widget's messages by a subshell of the kernel once it has one, and ipykernel
// hands them to the shell that last published for this widget. The kernel's answer to a hello is
// published where the hello came in, and says whether that was a subshell. A hello that was sent
// before JupyterLab had its subshell is said again.

const RETRY_MS = [150, 400, 1000, 2500, 5000];

/**
 * Say hello until the answer comes from a subshell, or has not a few times.
 * @param {{ send: (content: any, ...more: any[]) => void, on: any, off: any }} model
 * @returns {Promise<boolean>} whether messages get through while a cell runs
 */
export function greet(model) {
  return new Promise((resolve) => {
    let tries = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const end = (/** @type {boolean} */ beside) => {
      clearTimeout(timer);
      model.off("msg:custom", heard);
      resolve(beside);
    };
    const again = () => {
      try {
        model.send({ event: "hello" });
      } catch {
        end(false);
      }
    };
    const heard = (/** @type {any} */ content) => {
      if (content?.event !== "hello") return;
      if (content.beside) end(true);
      else if (tries >= RETRY_MS.length) end(false);
      else {
        clearTimeout(timer);
        timer = setTimeout(again, RETRY_MS[tries]);
        tries += 1;
      }
    };
    model.on("msg:custom", heard);
    again();
  });
}
