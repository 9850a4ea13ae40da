// Follows a run with client.js and prints what it hears: FILE BASE ID TOKEN
const [file, base, id, token] = process.argv.slice(2);
const { subscribeRun } = await import(file);
const tell = (name) => (data) => console.log(JSON.stringify([name, data]));
subscribeRun(Number(id), {
  base,
  token,
  onUpdate: tell("update"),
  onLog: tell("log"),
  onEnd: tell("end"),
  onError: (error) => console.log(JSON.stringify(["error", error.status, error.message])),
});
