import { subscribeRun } from "/jobs/static/client.js";

const STATES = {
  pending: "QUEUED", processing: "EXECUTING", completed: "COMPLETED", failed: "FAILED", cancelled: "CANCELLED",
};

/** Calls show({ status, output, error }) whenever it changes. Gives a function that ends it. */
function useJobStatus({ runId, token }, show) {
  return subscribeRun(runId, {
    token,
    onUpdate: ({ status, result, error }) => show({ status: STATES[status], output: result, error }),
    onError: (error) => show({ error: error.message }),
  });
}

const form = document.querySelector("form");
const told = document.querySelector("[role=status]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("/sources", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ url: form.url.value }),
  });
  if (!answer.ok) return void (told.textContent = `Refused: ${answer.status}`);
  const { id, token } = await answer.json();
  useJobStatus({ runId: id, token }, ({ status, output, error }) => {
    told.textContent =
      status === "COMPLETED" ? `Done! Result: ${JSON.stringify(output)}` : `Status: ${status ?? "unknown"} ${error ?? ""}`;
  });
});
